"""``motionrecon reconstruct CLIP``: one clip in, one folder out."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from motionrecon import ranges
from motionrecon.cli.console import Console
from motionrecon.cli.outputs import check_writable, floor_height, scene_asked
from motionrecon.cli.reconstruct_options import ReconstructOptions as ReconstructOptions
from motionrecon.cli.reconstructed import NOT_OK, check_inputs, is_whole, written
from motionrecon.cli.usage import UsageError
from motionrecon.interrupts import says

if TYPE_CHECKING:
    from motionrecon.view.watch import Watch


def run(o: ReconstructOptions, console: Console) -> int:
    """Exit code 0; 130 where Ctrl-C ended it: the windows finished by then are written; with
    --strict 3 where the verdict is not ok.
    """
    out = o.out or Path("out") / Path(o.clip).stem
    check_inputs(o, out)
    ranges.check("noise_m", o.noise)
    ranges.check("mass_kg", o.mass)
    ranges.check("max_evaluations", o.max_evaluations)
    floor_m = floor_height(o.floor)
    check_writable(out)
    from motionrecon.clip.load import load_clip
    from motionrecon.motion.report import Status
    from motionrecon.pipeline import Options, reconstruct

    scene = scene_asked(o.scene)
    options = Options(
        optimizer=o.optimizer,
        max_evaluations=o.max_evaluations,
        start=o.start,
        mass_kg=o.mass,
        noise_m=o.noise,
        force_filter=o.filter,
        floor_m=floor_m,
        scene=scene,
        robot=o.robot,
        tempo=o.tempo,
        simulation=o.simulation,
    )
    from motionrecon.cli.compiling import announce

    if o.watch and o.reading.person == "all":
        raise UsageError("--watch: it shows one person; leave out --person all")
    if o.reading.person == "all":
        from motionrecon.cli.people import run_all

        return run_all(o, options, out, console)
    clip = load_clip(o.clip, **o.reading.keywords())
    reference = load_clip(o.reference) if o.reference else None
    console.say(*clip.findings)
    announce(console, [o.optimizer])
    watch = _watch(o, console)
    with watch or nullcontext(), console.progress("reconstructing") as share:
        seen = watch.show if watch else lambda sofar, done: None
        motion = reconstruct(clip, options, share, reference, console.begun, seen)
        if watch:
            watch.finish(motion)
    report = motion.require_report().to_json()
    if report["status"] == Status.INTERRUPTED and is_whole(out):
        console.note(f"{out} holds a whole result, which stays: this one goes below it")
        out /= "interrupted"
    with says(f"interrupted while it was written; the files in {out} are whole"):
        paths = written(motion, o, out, console, len(clip.findings))
    console.paths(paths)
    console.verdict(report["verdict"])
    console.report(report | {"paths": paths})
    if report["status"] == Status.INTERRUPTED:
        return 130
    return NOT_OK if o.strict and report["verdict"]["verdict"] != "ok" else 0


def _watch(o: ReconstructOptions, console: Console) -> "Watch | None":
    """The live view, where it is asked for; says where it is."""
    if not o.watch:
        return None
    from motionrecon.view.watch import Watch

    watch = Watch(Path(o.clip).stem, o.optimizer)
    console.note(f"watch it at {watch.address}")
    return watch
