"""The command line: one clip in, one folder out."""

import argparse
import sys
from pathlib import Path

from motionrecon.errors import MotionReconError


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description="3D keypoints of a person to a physically real motion.")
    p.add_argument("clip", help="npz with keypoints (T, J, 3), names or a skeleton, fps")
    p.add_argument("--out", type=Path, help="folder for motion.npz and report.json (default out/NAME)")
    p.add_argument("--optimizer", default="levenberg-marquardt")
    p.add_argument("--max-evaluations", type=int, default=60, metavar="N", help="a window")
    p.add_argument("--skeleton", help="name of the keypoint convention, where the file has no names")
    p.add_argument("--units", choices=["m", "cm", "mm"])
    p.add_argument("--up", help="the file's up axis: x, y, z, -x, -y or -z")
    p.add_argument("--fps", type=float, help="frames a second")
    p.add_argument("--mass", type=float, help="body mass, kg")
    p.add_argument("--noise", type=float, help="noise of the keypoints per coordinate, m")
    p.add_argument("--seed", type=int, default=0)
    return p


def _writable(folder: Path) -> None:
    """Find out before the work whether its result can be written."""
    import os

    from motionrecon.errors import OutputError

    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise OutputError(f"{folder}: cannot be written ({place} is not a writable folder); give another with --out")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 2 after one line on standard error about what the user can mend."""
    a = _parser().parse_args(arguments)
    out = a.out or Path("out") / Path(a.clip).stem
    try:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from motionrecon.clip import load_clip

        _writable(out)
        clip = load_clip(a.clip, skeleton=a.skeleton, units=a.units, up=a.up, fps=a.fps)
        for line in clip.findings:
            print(line)
        for line in clip.warnings:
            print(f"warning: {line}", file=sys.stderr)
        from motionrecon.reconstruct import Options, reconstruct

        options = Options(optimizer=a.optimizer, max_evaluations=a.max_evaluations, mass_kg=a.mass, noise_m=a.noise,
                          seed=a.seed)  # fmt: skip
        with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True) as bar:
            task = bar.add_task("reconstructing", total=1.0)
            motion = reconstruct(clip, options, lambda share: bar.update(task, completed=share))
        paths = motion.save(out)
    except MotionReconError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    r = motion.report
    for key in ("ik", "result"):
        s = r[key]
        print(f"{key}: MPJPE-G {s['mpjpe_g_mm']:.1f} mm, penetration {s['penetration_mm']:.1f} mm")
    print(f"status {r['status']}, {r['seconds']['total']:.1f} s ({r['realtime_factor']:.1f} s a second of motion)")
    print(f"results: {paths[0]} {paths[1]}")
    return 0
