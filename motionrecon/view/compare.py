"""One clip, several optimizers, the same budget: python scripts/compare.py clip.npz --with bfgs"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from motionrecon import optimizers
from motionrecon.cli.reconstruct import _number, _writable
from motionrecon.clip.load import Clip, load_clip
from motionrecon.errors import ClipError
from motionrecon.pipeline import Options, control_stride, reconstruct
from motionrecon.view.command import add_video_options, guarded, progress, subtitle, video_options
from motionrecon.view.movie import write_picture
from motionrecon.view.page import write_page
from motionrecon.view.take import Take, take
from motionrecon.view.video import Film, VideoOptions, make_renderer, write_video
from motionrecon_benchmarks.reconstruct import beginning


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
    return beginning(clip, min(clip.duration, (2 * o.keep_frames + last) / rate))


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


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(
        description="One clip, several optimizers, the same budget of evaluations a window."
    )
    p.add_argument("clip")
    p.add_argument(
        "--with",
        dest="others",
        nargs="+",
        required=True,
        metavar="OPTIMIZER",
        help="bfgs lbfgs adam ...",
    )
    p.add_argument(
        "--optimizer", default=Options.optimizer, help="the first one (default: %(default)s)"
    )
    p.add_argument(
        "--max-evaluations",
        type=int,
        default=30,
        metavar="N",
        help="a window, once it is grown (default 30)",
    )
    p.add_argument("--seconds", type=float, help="only so much of the clip's beginning")
    p.add_argument("--out", type=Path, help="folder (default out/compare/NAME)")
    p.add_argument("--skeleton")
    p.add_argument("--units", choices=["m", "cm", "mm"])
    p.add_argument("--up")
    p.add_argument("--fps", type=float)
    add_video_options(p, 1600, 900)
    return guarded(_run, p.parse_args(arguments))


def _run(a: argparse.Namespace) -> None:
    clip = load_clip(a.clip, skeleton=a.skeleton, units=a.units, up=a.up, fps=a.fps)
    if a.seconds is not None:
        if not a.seconds > 0:
            raise ClipError(
                f"--seconds {a.seconds:g}: nothing would be left of the clip; give more than 0"
            )
        clip = beginning(clip, a.seconds)
    out = a.out or Path("out") / "compare" / Path(a.clip).stem
    _writable(out)
    options = video_options(a)
    make_renderer(
        options.renderer, options.width, options.height
    ).close()  # what cannot be drawn is said before the work
    names = list(dict.fromkeys([a.optimizer, *a.others]))
    with progress("reconstructing") as share:
        takes = compare(
            clip,
            names,
            Options(max_evaluations=a.max_evaluations),
            out,
            lambda name, done: share((names.index(name) + done) / len(names)),
        )
    for one in takes:
        r = one.report
        cost = f"{r['evaluations']} evaluations, {r['seconds']['optimise']:.1f} s"
        print(
            f"{one.label}: MPJPE-G {_number(r['result']['mpjpe_g_mm'])} mm, {cost}, {r['status']}"
        )
    title = f"{Path(a.clip).stem}: {', '.join(names)}; {a.max_evaluations} evaluations a window"
    with progress("video") as share:
        for path in write_comparison(takes, out, title, options, share):
            print(path)
