"""The command line: one clip in, one folder out."""

import argparse
import os
import sys
import time
from pathlib import Path

from motionrecon.errors import MotionReconError, OutputError

_BEGUN = time.perf_counter()  # before the imports that take time: the report counts them as start-up


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description="3D keypoints of a person to a physically real motion.")
    p.add_argument("clip", help="npz with keypoints (T, J, 3), names or a skeleton, fps")
    p.add_argument("--out", type=Path, help="folder for motion.npz and report.json (default out/NAME)")
    p.add_argument("--optimizer", default="optimus-motion", help="levenberg-marquardt, bfgs, ... (default optimus-motion)")
    p.add_argument("--max-evaluations", type=int, default=60, metavar="N", help="a window, once it is grown")
    p.add_argument("--skeleton", help="name of the keypoint convention, where the file has no names")
    p.add_argument("--units", choices=["m", "cm", "mm"])
    p.add_argument("--up", help="the file's up axis: x, y, z, -x, -y or -z")
    p.add_argument("--fps", type=float, help="frames a second")
    p.add_argument("--mass", type=float, help="body mass, kg")
    p.add_argument("--noise", type=float, help="noise of the keypoints per coordinate, m")
    p.add_argument("--reference", metavar="CLIP", help="score against this clip of the same motion, not the input")
    p.add_argument("--seed", type=int, default=0)
    return p


def _writable(folder: Path) -> None:
    """Find out before the work whether its result can be written."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise OutputError(f"{folder}: cannot be written ({place} is not a writable folder); give another with --out")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 2 after one line on standard error about what the user can mend; 130 on Ctrl-C.

    Ctrl-C after the first window writes the part of the motion that is finished.
    """
    a = _parser().parse_args(arguments)
    try:
        return _run(a, a.out or Path("out") / Path(a.clip).stem)
    except MotionReconError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted before the first window was finished; nothing written", file=sys.stderr)
        return 130


def _run(a: argparse.Namespace, out: Path) -> int:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from motionrecon.clip import load_clip

    _writable(out)
    clip = load_clip(a.clip, skeleton=a.skeleton, units=a.units, up=a.up, fps=a.fps)
    reference = load_clip(a.reference) if a.reference else None
    for line in clip.findings:
        print(line)
    from motionrecon.reconstruct import Options, reconstruct

    options = Options(optimizer=a.optimizer, max_evaluations=a.max_evaluations, mass_kg=a.mass, noise_m=a.noise, seed=a.seed)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("reconstructing", total=1.0)
        motion = reconstruct(clip, options, lambda share: bar.update(task, completed=share), reference, _BEGUN)
    paths = motion.save(out)
    r = motion.report
    for line in r["findings"][len(clip.findings) :]:
        print(line)
    for line in r["warnings"]:
        print(f"warning: {line}", file=sys.stderr)
    for key in ("input", "ik", "result"):
        if s := r.get(key):
            depth = f", penetration {s['penetration_mm']:.1f} mm" if "penetration_mm" in s else ""
            off = f"MPJPE-G {_number(s['mpjpe_g_mm'])} mm, acceleration {_number(s['accel_error_m_s2'])} m/s^2 off"
            print(f"{key}: {off}{depth}")
    print(f"status {r['status']}, {r['seconds']['total']:.1f} s ({r['realtime_factor']:.1f} s a second of motion)")
    print(f"results: {paths[0]} {paths[1]}")
    return 130 if r["status"] == "interrupted" else 0


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"
