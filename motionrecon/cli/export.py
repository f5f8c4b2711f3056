"""``motionrecon export MOTION``: a saved motion in, files of other tools out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from motionrecon.cli.console import Common, Console
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class ExportOptions:
    """A saved motion in the files of other tools."""

    motion: Positional[Path]
    """a motion.npz, or the folder it is in"""
    formats: str = "all"
    """with commas: npz, bvh, glb, trc, mot, c3d, csv, mjcf, locomujoco, gmr, mp4, usd, brax, all"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder of the files (default: beside the motion)"""
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: ExportOptions, console: Console) -> int:
    """Exit code 0."""
    from motionrecon.cli.outputs import check_inputs_stay
    from motionrecon.export import files_of, left_out, resolve, write
    from motionrecon.motion.motion import Motion

    names = resolve(o.formats)
    beside = o.motion if o.motion.is_dir() else o.motion.parent
    out = o.out or beside
    motion = o.motion / "motion.npz" if o.motion.is_dir() else o.motion
    if (out / "motion.npz").exists() and (out / "motion.npz").samefile(motion):
        # all that this format would write is there
        names = [name for name in names if name != "npz"]
    read = (motion, motion.with_name("report.json"), o.common.config)
    check_inputs_stay(read, [out / file for file in files_of(names)])
    paths = write(Motion.load(motion), out, names) if names else []
    without = left_out(o.formats)
    console.say(*without)
    console.paths(paths)
    console.report({"formats": names, "left_out": without, "paths": paths})
    return 0
