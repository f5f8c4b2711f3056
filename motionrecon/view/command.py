"""python scripts/view.py OUT/motion.npz [--page] [--video] [--figures]: see a reconstruction that
is there already.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from motionrecon.cli.reconstruct import add_view_options
from motionrecon.errors import MotionReconError
from motionrecon.view.take import Take, check_one_clip, load
from motionrecon.view.video import RENDERERS, VideoOptions, write_video


@contextmanager
def progress(what: str):
    """A bar; yields the function that takes the share done."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True
    ) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def subtitle(takes: list[Take]) -> str:
    """Length, mass and status in a few words."""
    longest, report = max(takes, key=lambda take: len(take.time)), takes[0].report
    mass, status = float(longest.model.body_subtreemass[0]), report.get("status", "")
    words = [f"{longest.time[-1]:.2f} s", f"{len(longest.time)} frames", f"{mass:.1f} kg"]
    return ", ".join(words + ([status] if status not in ("", "ok") else []))


def show(
    takes: list[Take],
    folder: Path,
    title: str,
    page: bool,
    video: bool,
    figures: bool,
    options: VideoOptions = VideoOptions(),
) -> list[Path]:
    """Write what is asked for into a folder, and return its paths. Raises OutputError, ViewError."""
    paths = []
    if page:
        from motionrecon.view.page import write_page

        paths.append(write_page(takes, folder / "view.html", title, subtitle(takes)))
    if figures:
        from motionrecon.view.figures import write_figures

        paths += write_figures(takes, folder)
    if video:
        with progress("video") as share:
            paths.append(write_video(takes, folder / "video.mp4", title, options, share))
    return paths


def add_video_options(p: argparse.ArgumentParser, width: int, height: int) -> None:
    p.add_argument("--width", type=int, default=width, help="of the video, pixels")
    p.add_argument("--height", type=int, default=height, help="of the video, pixels")
    p.add_argument("--speed", type=float, default=1.0, help="of the video: 0.5 is slow motion")
    p.add_argument(
        "--renderer",
        choices=RENDERERS,
        default="auto",
        help="of the video: mujoco needs a GL, opencv nothing",
    )


def video_options(a: argparse.Namespace) -> VideoOptions:
    return VideoOptions(width=a.width, height=a.height, speed=a.speed, renderer=a.renderer)


def guarded(run: Callable[[argparse.Namespace], None], a: argparse.Namespace) -> int:
    """Exit code 0, or 2 after one line on standard error; 130 on Ctrl-C."""
    try:
        run(a)
    except MotionReconError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Several motions of one clip are shown side by side. Without a flag the page is written."""
    p = argparse.ArgumentParser(description="See a reconstruction: page, video, figures.")
    p.add_argument(
        "motion",
        nargs="+",
        help="motion.npz of a reconstruction, or its folder; several of one clip to compare",
    )
    p.add_argument("--out", type=Path, help="folder (default: the first motion's)")
    p.add_argument("--title")
    add_view_options(p)
    add_video_options(p, VideoOptions.width, VideoOptions.height)
    return guarded(_run, p.parse_args(arguments))


def _run(a: argparse.Namespace) -> None:
    options = video_options(a)
    takes = [load(path) for path in a.motion]
    check_one_clip(takes)
    first = Path(a.motion[0])
    folder = a.out or (first if first.is_dir() else first.parent)
    title = a.title or Path(takes[0].report.get("clip") or folder.name).stem
    page = a.page or not (a.video or a.figures)
    for path in show(takes, folder, title, page, a.video, a.figures, options):
        print(path)
