"""``motionrecon reconstruct CLIP --person all``: a folder each, one floor, one page with all."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motionrecon.cli.console import Console
from motionrecon.cli.reconstruct_options import ReconstructOptions
from motionrecon.cli.reconstructed import NOT_OK, check_inputs, written
from motionrecon.cli.usage import UsageError
from motionrecon.interrupts import says

if TYPE_CHECKING:
    from motionrecon.motion.motion import Motion
    from motionrecon.windows import Options


def run_all(o: ReconstructOptions, options: "Options", out: Path, console: Console) -> int:
    """Exit code 0; 130 where Ctrl-C ended it: who is finished by then is written; with --strict 3
    where anybody's verdict is not ok. Raises UsageError for options that are one person's.
    """
    from motionrecon.clip.load import load_people
    from motionrecon.motion.report import Status
    from motionrecon.people import on_one_floor, start
    from motionrecon.pipeline import reconstruct

    for name, given in (("reference", o.reference), ("forces", o.reading.forces)):
        if given is not None:
            raise UsageError(f"--{name} belongs to one person: expected none beside --person all")
    clips, left_out = load_people(o.clip, **o.reading.of_people())
    folders = {number: out / f"person_{number}" for number in clips}
    for folder in folders.values():
        check_inputs(o, folder)
    console.warn(left_out)
    clips, options = on_one_floor(clips, options)
    motions: dict[int, Motion] = {}
    reports: dict[str, Any] = {}
    paths: list[Path] = []
    alone = replace(o, view=replace(o.view, page=False))
    for number, clip in clips.items():
        console.say(f"person {number}", *clip.findings)
        with console.progress(f"reconstructing person {number}") as share:
            motion = reconstruct(clip, options, share)
        report = motion.require_report().to_json()
        with says(f"interrupted while it was written; the files in {folders[number]} are whole"):
            files = written(motion, alone, folders[number], console, len(clip.findings))
        motions[number], paths = motion, paths + files
        reports[str(number)] = report | {"paths": files}
        console.verdict(report["verdict"])
        if report["status"] == Status.INTERRUPTED:
            break
    if o.view.page:
        begins = {number: start(clip) for number, clip in clips.items()}
        paths.append(_page(motions, begins, out, Path(o.clip).stem))
    console.paths(paths)
    console.report({"people": reports, "paths": paths})
    if any(r["status"] == Status.INTERRUPTED for r in reports.values()):
        return 130
    good = all(r["verdict"]["verdict"] == "ok" for r in reports.values())
    return NOT_OK if o.strict and not good else 0


def _page(motions: "dict[int, Motion]", begins: dict[int, float], out: Path, title: str) -> Path:
    from motionrecon.view.page import write_page
    from motionrecon.view.take import take

    earliest = min(begins[number] for number in motions)
    takes = []
    for number, motion in motions.items():
        late = round((begins[number] - earliest) * motion.fps)
        takes.append(replace(take(motion, f"person {number}"), late=late))
    return write_page(takes, out / "view.html", title, f"{len(takes)} people", together=True)
