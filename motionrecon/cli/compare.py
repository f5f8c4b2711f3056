"""``motionrecon compare CLIP --with bfgs adam``: one clip, several optimizers, the same budget."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon.cli.console import Common, Console
from motionrecon.cli.looks import Video
from motionrecon.cli.outputs import (
    check_inputs_stay,
    check_same_clip,
    check_writable,
    floor_height,
    number,
)
from motionrecon.cli.reading import ReadingOptions
from motionrecon.cli.usage import UsageError
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class CompareOptions:
    """One clip, several optimizers, the same budget of evaluations a window."""

    clip: Positional[str]
    """any file or folder that reconstruct takes"""
    others: Annotated[tuple[str, ...], arg(name="with", metavar="OPTIMIZER ...")]
    """the optimizers to compare with: bfgs lbfgs adam ..."""
    optimizer: str = "optimus-motion"
    """the first one"""
    max_evaluations: Annotated[int, arg(metavar="N")] = 30
    """a window, once it is grown; at least 1"""
    seconds: Annotated[float | None, unset("S")] = None
    """only so much of the clip's beginning, s, above 0"""
    floor: Annotated[str, arg(metavar="HEIGHT|estimate|file")] = "estimate"
    """the ground's height, m in the clip's z-up coordinates; file: trust its z = 0"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder of the results (default: out/compare/NAME)"""
    video: OmitArgPrefixes[Video] = field(default_factory=lambda: Video(width=1600, height=900))
    reading: OmitArgPrefixes[ReadingOptions] = field(default_factory=ReadingOptions)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: CompareOptions, console: Console) -> int:
    """Exit code 0."""
    if not o.others:
        raise UsageError("--with names no optimizer; see motionrecon compare --help")
    floor_m = floor_height(o.floor)
    from motionrecon.cli.compiling import announce
    from motionrecon.clip.load import load_clip
    from motionrecon.pipeline import Options
    from motionrecon.view.compare import compare, write_comparison
    from motionrecon.view.video import make_renderer

    clip = load_clip(o.clip, **o.reading.keywords()).until(o.seconds)
    out = o.out or Path("out") / "compare" / Path(o.clip).stem
    check_writable(out)
    inputs = (o.clip, o.reading.mapping, o.reading.model, o.common.config)
    names = list(dict.fromkeys([o.optimizer, *o.others]))
    files = [f"{name}/{file}" for name in names for file in ("motion.npz", "report.json")]
    files += ["compare.html", "compare.mp4", "compare.png"]
    if o.out is None:
        check_same_clip(o.clip, out / names[0])
    check_inputs_stay(inputs, [out / file for file in files])
    film = o.video.options()
    # what cannot be drawn is said before the work
    make_renderer(film.renderer, film.width, film.height).close()
    options = Options(max_evaluations=o.max_evaluations, floor_m=floor_m)
    announce(console, names)
    with console.progress("reconstructing") as share:
        takes = compare(
            clip,
            names,
            options,
            out,
            lambda name, done: share((names.index(name) + done) / len(names)),
        )
    reports = {take.label: take.motion.require_report().to_json() for take in takes}
    for name, r in reports.items():
        error = number(r["result"]["mpjpe_g_mm"])
        cost = f"{r['evaluations']} evaluations, {r['seconds']['optimise']:.1f} s"
        console.say(f"{name}: MPJPE-G {error} mm, {cost}, {r['status']}, {r['verdict']['verdict']}")
    title = f"{Path(o.clip).stem}: {', '.join(names)}; {o.max_evaluations} evaluations a window"
    with console.progress("video") as share:
        paths = write_comparison(takes, out, title, film, share)
    console.say(*map(str, paths))
    console.report({"optimizers": reports, "paths": paths})
    return 0
