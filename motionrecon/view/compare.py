"""One clip, several optimizers, the same budget of evaluations, side by side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from motionrecon import optimizers
from motionrecon.clip.load import Clip
from motionrecon.pipeline import Options, control_stride, reconstruct
from motionrecon.view.movie import write_picture
from motionrecon.view.page import write_page
from motionrecon.view.show import subtitle
from motionrecon.view.take import Take, take
from motionrecon.view.video import Film, VideoOptions, write_video


def compare(
    clip: Clip,
    names: list[str],
    options: Options,
    out: Path | None = None,
    share: Callable[[str, float], None] = lambda name, done: None,
) -> list[Take]:
    """The clip reconstructed by each named optimizer with otherwise the same options, kept in
    out/NAME where out is given.

    Raises OptimizerError before the work for an unknown name.
    """
    for name in names:
        optimizers.make(name)
    takes, start = [], _all_sizes_of_window(clip, options)
    for name in names:
        mine = replace(options, optimizer=name)
        # thrown away: compilers run here, once a size of window, and their seconds do not count
        reconstruct(start, mine)
        motion = reconstruct(clip, mine, lambda done, name=name: share(name, done))
        if out is not None:
            motion.save(out / name)
        takes.append(take(motion, name))
    return takes


def _all_sizes_of_window(clip: Clip, o: Options) -> Clip:
    """A beginning of the clip with a first window, a later one (grown otherwise), and one as short
    as the clip's last.
    """
    rate = clip.fps / control_stride(clip.fps, o.control_rate)
    total = int(clip.duration * rate + 1e-6)
    last = total - o.keep_frames * max(0, -(-(total - o.window_frames) // o.keep_frames))
    return clip.until(min(clip.duration, (2 * o.keep_frames + last) / rate))


def write_comparison(
    takes: list[Take],
    out: Path,
    title: str,
    options: VideoOptions,
    share: Callable[[float], None] = lambda done: None,
) -> list[Path]:
    """compare.html, compare.mp4 and compare.png, the video's picture at the middle of the motion.
    Raises OutputError.
    """
    page = write_page(takes, out / "compare.html", title, subtitle(takes))
    video = write_video(takes, out / "compare.mp4", title, options, share)
    film = Film(takes, title, options)
    try:
        picture = film.frame(0.5 * float(takes[0].time[-1]))
    finally:
        film.close()
    return [page, video, write_picture(picture, out / "compare.png")]
