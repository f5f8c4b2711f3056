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
    from motionrecon.export import left_out, resolve, write
    from motionrecon.motion.motion import Motion

    names = resolve(o.formats)
    beside = o.motion if o.motion.is_dir() else o.motion.parent
    paths = write(Motion.load(o.motion), o.out or beside, names)
    without = left_out(o.formats)
    console.say(*without)
    console.paths(paths)
    console.report({"formats": names, "left_out": without, "paths": paths})
    return 0
