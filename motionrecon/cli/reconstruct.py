"""The command line: one clip in, one folder out."""

import argparse
import os
import sys
import time
from pathlib import Path

from motionrecon.errors import MotionReconError, OutputError
from motionrecon.io import options as reading_options

_BEGUN = (
    time.perf_counter()
)  # before the imports that take time: the report counts them as start-up


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description="3D keypoints of a person to a physically real motion.")
    p.add_argument(
        "clip", help="npz, npy, trc, c3d, bvh, amc, csv, json (or a folder of it), MuJoCo xml"
    )
    p.add_argument(
        "--out", type=Path, help="folder for motion.npz and report.json (default out/NAME)"
    )
    p.add_argument(
        "--optimizer",
        default="optimus-motion",
        help="levenberg-marquardt, bfgs, ... (default optimus-motion)",
    )
    p.add_argument(
        "--max-evaluations", type=int, default=60, metavar="N", help="a window, once it is grown"
    )
    p.add_argument("--mass", type=float, help="body mass, kg")
    p.add_argument("--noise", type=float, help="noise of the keypoints per coordinate, m")
    p.add_argument(
        "--reference",
        metavar="CLIP",
        help="score against this clip of the same motion, not the input",
    )
    p.add_argument("--seed", type=int, default=0)
    p.add_argument(
        "--export",
        metavar="FORMATS",
        help="files of other tools, with commas: bvh,glb,trc,mot,c3d,...; or all",
    )
    reading_options.add_arguments(p)
    add_view_options(p)
    return p


def add_view_options(p: argparse.ArgumentParser) -> None:
    """The flags that ask for something to look at."""
    p.add_argument(
        "--page",
        action="store_true",
        help="write view.html, an interactive page that needs no network",
    )
    p.add_argument("--video", action="store_true", help="write video.mp4")
    p.add_argument("--figures", action="store_true", help="write metrics.png and forces.png")


def _writable(folder: Path) -> None:
    """Find out before the work whether its result can be written."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise OutputError(
            f"{folder}: cannot be written ({place} is not a writable folder); give another with --out"
        )


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

    from motionrecon.clip.load import load_clip

    _writable(out)
    if a.export is not None:
        from motionrecon.export import resolve

        resolve(a.export)  # a wrong name is refused before the work
    clip = load_clip(a.clip, **reading_options.reading(a))
    reference = load_clip(a.reference) if a.reference else None
    for line in clip.findings:
        print(line)
    from motionrecon.pipeline import Options, reconstruct

    options = Options(
        optimizer=a.optimizer,
        max_evaluations=a.max_evaluations,
        mass_kg=a.mass,
        noise_m=a.noise,
        seed=a.seed,
    )
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True
    ) as bar:
        task = bar.add_task("reconstructing", total=1.0)
        motion = reconstruct(
            clip, options, lambda share: bar.update(task, completed=share), reference, _BEGUN
        )
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
    print(
        f"status {r['status']}, {r['seconds']['total']:.1f} s ({r['realtime_factor']:.1f} s a second of motion)"
    )
    if a.export is not None:
        from motionrecon.export import write
        from motionrecon.export.command import left_out

        paths += tuple(p for p in write(motion, out, a.export) if p not in paths)
        for line in left_out(a.export):
            print(line)
    if a.page or a.video or a.figures:
        from motionrecon.view.command import show
        from motionrecon.view.take import take

        paths += tuple(
            show([take(motion, a.optimizer)], out, Path(a.clip).stem, a.page, a.video, a.figures)
        )
    print("results:", *paths)
    return 130 if r["status"] == "interrupted" else 0


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"
