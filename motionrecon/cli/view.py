"""``motionrecon view MOTION``: see a reconstruction that is there already."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from motionrecon.cli.console import Common, Console
from motionrecon.cli.looks import Video, View
from motionrecon.cli.usage import UsageError
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class ViewOptions:
    """Page, video and figures of a reconstruction; several of one clip are shown side by side.

    Without a flag the page is written.
    """

    motion: Positional[tuple[Path, ...]]
    """motion.npz of a reconstruction, or its folder; several of one clip to compare"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder (default: the first motion's)"""
    title: Annotated[str | None, unset("TEXT")] = None
    """above page and video (default: the clip's name)"""
    view: OmitArgPrefixes[View] = field(default_factory=View)
    video: OmitArgPrefixes[Video] = field(default_factory=Video)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: ViewOptions, console: Console) -> int:
    """Exit code 0."""
    if not o.motion:
        raise UsageError("no motion given; see motionrecon view --help")
    options = o.video.options()
    from motionrecon.cli.outputs import check_inputs_stay
    from motionrecon.view.show import files_of, show
    from motionrecon.view.take import check_one_clip, load

    takes = [load(path) for path in o.motion]
    check_one_clip(takes)
    first = o.motion[0]
    folder = o.out or (first if first.is_dir() else first.parent)
    title = o.title or Path(takes[0].report.clip if takes[0].report else folder.name).stem
    page = o.view.page or not o.view.any()
    files = files_of(page, o.view.video, o.view.figures)
    read = [m / "motion.npz" if m.is_dir() else m for m in o.motion]
    check_inputs_stay([*read, o.common.config], [folder / file for file in files])
    with console.progress("drawing") as share:
        paths = show(takes, folder, title, page, o.view.video, o.view.figures, options, share)
    console.say(*map(str, paths))
    console.report({"paths": paths})
    return 0
