"""``motionrecon export MOTION``: a saved motion in, files of other tools out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from motionrecon.cli.console import Common, Console
from motionrecon.cli.words import unset
from motionrecon.errors import OptionError


@dataclass(frozen=True)
class ExportOptions:
    """A saved motion in the files of other tools."""

    motion: Positional[Path]
    """a motion.npz, or the folder it is in"""
    formats: Annotated[str | None, unset("NAMES")] = None
    """with commas: npz, bvh, bvh-m, bvh-lafan1, bvh-lafan1-m, glb, mixamo, vrm, trc, mot, osim,
    sto, c3d, csv, mjcf, locomujoco, gmr, beyondmimic, mp4, rrd, usd, usdskel, brax, all (default:
    all, none with --osim)"""
    osim: Annotated[Path | None, unset("MODEL")] = None
    """an OpenSim model of yours: its coordinates by inverse kinematics, forces and moments"""
    osim_scale: bool = False
    """with --osim: a copy of the model with this person's lengths and mass"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder of the files (default: beside the motion)"""
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: ExportOptions, console: Console) -> int:
    """Exit code 0. Raises OptionError and what the formats raise."""
    from motionrecon.cli.outputs import check_inputs_stay
    from motionrecon.export import files_of, left_out, resolve, write
    from motionrecon.export.osim_model import FILES, write_on_model
    from motionrecon.export.registry import all_of, held, lacks
    from motionrecon.motion.motion import Motion

    if o.osim_scale and o.osim is None:
        raise OptionError("--osim-scale needs --osim MODEL")
    asked = o.formats if o.formats is not None else "" if o.osim else "all"
    names = resolve(asked) if asked or not o.osim else []
    beside = o.motion if o.motion.is_dir() else o.motion.parent
    out = o.out or beside
    motion = o.motion / "motion.npz" if o.motion.is_dir() else o.motion
    if (out / "motion.npz").exists() and (out / "motion.npz").samefile(motion):
        # all that this format would write is there
        names = [name for name in names if name != "npz"]
    files = [*files_of(names), *(FILES if o.osim else ())]
    read = (motion, motion.with_name("report.json"), o.common.config, o.osim)
    check_inputs_stay(read, [out / file for file in files])
    loaded = Motion.load(motion) if files else None
    without = left_out(asked)
    if loaded is not None and all_of(asked):
        without += [f"{n} left out: {why}" for n in names if (why := lacks(n, loaded))]
        names = held(names, loaded)
    paths: list[Path] = []
    if loaded is not None and o.osim is not None:
        made = write_on_model(loaded, out, o.osim, o.osim_scale)
        console.say(f"joint centres {made.error_mm:.0f} mm off on {o.osim.name}", *made.notes)
        paths += made.paths
    if loaded is not None and names:
        paths += write(loaded, out, names)
    console.say(*without)
    console.paths(paths)
    console.report({"formats": names, "left_out": without, "paths": paths})
    return 0
