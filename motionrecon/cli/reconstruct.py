"""``motionrecon reconstruct CLIP``: one clip in, one folder out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon import ranges
from motionrecon.cli.console import Common, Console
from motionrecon.cli.looks import View
from motionrecon.cli.outputs import (
    check_inputs_stay,
    check_same_clip,
    check_writable,
    floor_height,
    number,
)
from motionrecon.cli.reading import ReadingOptions
from motionrecon.cli.words import unset
from motionrecon.errors import MotionReconError
from motionrecon.interrupts import says

if TYPE_CHECKING:
    from motionrecon.motion.motion import Motion

NOT_OK = 3  # exit code of --strict


@dataclass(frozen=True)
class ReconstructOptions:
    """3D keypoints of a person to a physically real motion: motion.npz and report.json."""

    clip: Positional[str]
    """npz, npy, trc, c3d, bvh, amc, csv, json (or a folder of it), MuJoCo xml"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder of the results (default: out/NAME)"""
    optimizer: str = "optimus-motion"
    """levenberg-marquardt, bfgs, adam, ... (optimus-motion: alias of steered-gauss-newton)"""
    max_evaluations: Annotated[int, arg(metavar="N")] = 60
    """a window, once it is grown; at least 1"""
    mass: Annotated[float | None, unset("KG")] = None
    """body mass, 5 to 300 kg (default: the clip's, or estimated)"""
    noise: Annotated[float | None, unset("M")] = None
    """noise of the keypoints per coordinate, 0 to 1 m (default: estimated)"""
    filter: Annotated[float | Literal["auto", "none"], arg(metavar="HZ")] = "auto"
    """low-pass of the reported forces, Hz; auto: by the kind of motion; none: raw ones only"""
    floor: Annotated[str, arg(metavar="HEIGHT|estimate|file")] = "estimate"
    """the ground's height, m in the clip's z-up coordinates; file: trust its z = 0"""
    strict: bool = False
    """exit code 3 where the verdict is suspicious or failed; the files are written all the same"""
    reference: Annotated[str | None, unset("CLIP")] = None
    """score against this clip of the same motion, not the input"""
    export: Annotated[str | None, unset("FORMATS")] = None
    """files of other tools, with commas: bvh,glb,trc,mot,c3d,...; or all"""
    view: OmitArgPrefixes[View] = field(default_factory=View)
    reading: OmitArgPrefixes[ReadingOptions] = field(default_factory=ReadingOptions)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: ReconstructOptions, console: Console) -> int:
    """Exit code 0; 130 where Ctrl-C ended it: the windows finished by then are written; with
    --strict 3 where the verdict is not ok.
    """
    out = o.out or Path("out") / Path(o.clip).stem
    _check_inputs_stay(o, out)
    ranges.check("noise_m", o.noise)
    ranges.check("mass_kg", o.mass)
    ranges.check("max_evaluations", o.max_evaluations)
    floor_m = floor_height(o.floor)
    check_writable(out)
    from motionrecon.clip.load import load_clip
    from motionrecon.motion.report import Status
    from motionrecon.pipeline import Options, reconstruct

    options = Options(
        optimizer=o.optimizer,
        max_evaluations=o.max_evaluations,
        mass_kg=o.mass,
        noise_m=o.noise,
        force_filter=o.filter,
        floor_m=floor_m,
    )
    clip = load_clip(o.clip, **o.reading.keywords())
    reference = load_clip(o.reference) if o.reference else None
    console.say(*clip.findings)
    from motionrecon.cli.compiling import announce

    announce(console, [o.optimizer])
    with console.progress("reconstructing") as share:
        motion = reconstruct(clip, options, share, reference, console.begun)
    report = motion.require_report().to_json()
    if report["status"] == Status.INTERRUPTED and _is_whole(out):
        console.note(f"{out} holds a whole result, which stays: this one goes below it")
        out /= "interrupted"
    with says(f"interrupted while it was written; the files in {out} are whole"):
        paths = _written(motion, o, out, console, len(clip.findings))
    console.paths(paths)
    console.verdict(report["verdict"])
    console.report(report | {"paths": paths})
    if report["status"] == Status.INTERRUPTED:
        return 130
    return NOT_OK if o.strict and report["verdict"]["verdict"] != "ok" else 0


def _check_inputs_stay(o: ReconstructOptions, out: Path) -> None:
    """Raises OutputError where a result would replace an input, or that of another clip of the same
    name, and ExportError for a wrong name, before the work.
    """
    files = ["motion.npz", "report.json"]
    if o.export is not None:
        from motionrecon.export import files_of, resolve

        files += files_of(resolve(o.export))
    if o.view.any():
        from motionrecon.view.show import files_of as files_shown

        files += files_shown(o.view.page, o.view.video, o.view.figures)
    inputs = (o.clip, o.reference, o.reading.mapping, o.reading.model, o.common.config)
    check_inputs_stay(inputs, [out / file for file in files])
    if o.out is None:
        check_same_clip(o.clip, out)


def _written(
    motion: "Motion", o: ReconstructOptions, out: Path, console: Console, told: int
) -> list[Path]:
    """Paths of all that is asked for, which is written into out; the first `told` findings have
    been said.
    """
    paths = list(motion.save(out))
    report = motion.require_report().to_json()
    console.say(*report["findings"][told:])
    console.warn(report["warnings"])
    console.say(*scores(report))
    if o.export is not None:
        from motionrecon.export import left_out, write

        paths += [p for p in write(motion, out, o.export) if p not in paths]
        console.say(*left_out(o.export))
    if o.view.any():
        from motionrecon.view.show import show
        from motionrecon.view.take import take

        takes, v = [take(motion, o.optimizer)], o.view
        with console.progress("drawing") as share:
            title = Path(o.clip).stem
            paths += show(takes, out, title, v.page, v.video, v.figures, share=share)
    return paths


def _is_whole(folder: Path) -> bool:
    """Whether a folder holds a motion that no Ctrl-C ended early; one without a readable report
    counts as such.
    """
    if not (folder / "motion.npz").exists():
        return False
    from motionrecon.motion.report import Report, Status

    try:
        return Report.load(folder / "report.json").status != Status.INTERRUPTED
    except MotionReconError:
        return True


def scores(report: dict[str, Any]) -> list[str]:
    """How good it is and how long it took, a line each."""
    lines = []
    for key in ("input", "ik", "result"):
        if s := report.get(key):
            error, off = number(s["mpjpe_g_mm"]), number(s["accel_error_m_s2"])
            depth = (
                f", penetration {number(s['penetration_mm'])} mm" if "penetration_mm" in s else ""
            )
            lines.append(f"{key}: MPJPE-G {error} mm, acceleration {off} m/s^2 off{depth}")
    took, factor = report["seconds"]["total"], report["realtime_factor"]
    lines.append(f"status {report['status']}, {took:.1f} s ({factor:.1f} s a second of motion)")
    return lines
