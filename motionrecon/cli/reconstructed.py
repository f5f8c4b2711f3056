"""What ``motionrecon reconstruct`` writes and says of one motion."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from motionrecon.cli.console import Console
from motionrecon.cli.outputs import check_inputs_stay, check_same_clip, number
from motionrecon.cli.reconstruct_options import ReconstructOptions
from motionrecon.errors import MotionReconError

if TYPE_CHECKING:
    from motionrecon.motion.motion import Motion

NOT_OK = 3  # exit code of --strict


def check_inputs(o: ReconstructOptions, out: Path) -> None:
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
    inputs = (
        o.clip,
        o.reference,
        o.reading.mapping,
        o.reading.model,
        o.common.config,
        o.scene if o.scene not in ("auto", "none") else None,
    )
    check_inputs_stay(inputs, [out / file for file in files])
    if o.out is None:
        check_same_clip(o.clip, out)


def written(
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


def is_whole(folder: Path) -> bool:
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
