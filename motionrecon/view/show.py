"""What is asked for of page, video and figures, written into one folder."""

from collections.abc import Callable
from pathlib import Path

from motionrecon.view.take import Take
from motionrecon.view.video import VideoOptions, write_video


def files_of(page: bool, video: bool, figures: bool) -> list[str]:
    """What `show` writes."""
    asked = {"view.html": page, "metrics.png": figures, "forces.png": figures, "video.mp4": video}
    return [file for file, wanted in asked.items() if wanted]


def subtitle(takes: list[Take]) -> str:
    """Length, mass and status in a few words."""
    longest, report = max(takes, key=lambda take: len(take.time)), takes[0].report
    mass, status = longest.motion.mass_kg, report.status if report else ""
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
    share: Callable[[float], None] = lambda done: None,
) -> list[Path]:
    """Write view.html, metrics.png and forces.png, video.mp4, as asked for, and return their paths.

    share: is told the share of the video that is done. Raises OutputError, ViewError.
    """
    paths = []
    if page:
        from motionrecon.view.page import write_page

        paths.append(write_page(takes, folder / "view.html", title, subtitle(takes)))
    if figures:
        from motionrecon.view.figures import write_figures

        paths += write_figures(takes, folder)
    if video:
        paths.append(write_video(takes, folder / "video.mp4", title, options, share))
    return paths
