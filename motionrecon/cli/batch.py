"""``motionrecon batch CLIPS --out DIR``: a folder or glob of clips in, a folder of motions out."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon import ranges
from motionrecon.cli.console import Common, Console
from motionrecon.cli.outputs import check_writable, floor_height, scene_asked
from motionrecon.cli.reading import ReadingOptions
from motionrecon.cli.usage import UsageError
from motionrecon.cli.words import unset
from motionrecon.errors import BatchError

if TYPE_CHECKING:
    from motionrecon.batch.configuration import Settings


@dataclass(frozen=True)
class BatchOptions:
    """A data set of 3D keypoints to physically real motions.

    Give the same command again to go on where it stopped; clips that are done are skipped.
    """

    clips: Positional[str]
    """a folder (its clips at any depth), or a quoted glob such as 'data/**/*.npz'"""
    out: Annotated[Path, arg(metavar="FOLDER")]
    """folder of the results"""
    workers: Annotated[int | None, unset("N")] = None
    """clips at a time, at least 1 (default: a core each); for slurm: tasks of the array"""
    retry_failed: bool = False
    """do clips that failed before once more"""
    redo_old_code: bool = False
    """do clips of another version of the code once more"""
    timeout: Annotated[float, arg(metavar="S")] = 300.0
    """stop a clip that makes no step for so long, s"""
    export: Annotated[str | None, unset("FORMATS")] = None
    """files of other tools beside every motion, with commas: bvh,glb,...; or all"""
    optimizer: Annotated[str | None, unset("NAME")] = None
    """as for reconstruct (default: optimus-motion)"""
    max_evaluations: Annotated[int | None, unset("N")] = None
    """a window, once it is grown; at least 1 (default: 60)"""
    start: Annotated[str | None, unset("auto|grown|regulator|FOLDER")] = None
    """of windows, as for reconstruct (default: auto)"""
    seconds: Annotated[float | None, unset("S")] = None
    """of every clip, from its start, s (default: all of it)"""
    mass: Annotated[float | None, unset("KG")] = None
    """body mass of everybody, 5 to 300 kg (default: the clip's, or estimated)"""
    noise: Annotated[float | None, unset("M")] = None
    """noise of the keypoints per coordinate, 0 to 1 m (default: estimated clip by clip)"""
    filter: Annotated[float | Literal["auto", "none"], arg(metavar="HZ")] = "auto"
    """low-pass of the reported forces, Hz; auto: by the kind of each motion; none: raw ones only"""
    floor: Annotated[str, arg(metavar="HEIGHT|estimate|file")] = "estimate"
    """every clip's ground, m in its z-up coordinates; file: trust its z = 0"""
    scene: Annotated[str, arg(metavar="FILE|auto|none")] = "auto"
    """what else than the floor carries every clip; auto: what each shows"""
    robot: Annotated[str | None, unset("NAME|FILE")] = None
    """a robot in everybody's place, as for reconstruct"""
    tempo: Literal["auto", "same", "similar"] = "auto"
    """a robot's, as for reconstruct"""
    simulation: Literal["full", "float32", "none"] = "full"
    """what each motion.npz keeps of every simulated step, as for reconstruct"""
    scheduler: Literal["local", "slurm", "ray"] = "local"
    """where the clips are done"""
    cluster: Annotated[str | None, unset("ADDRESS")] = None
    """ray: the address of a running cluster (auto finds it); slurm: local for a trial here"""
    slurm: Annotated[tuple[str, ...], unset("KEY=VALUE ...")] = ()
    """of the array, as submitit names them: slurm_partition=cpu timeout_min=240"""
    dry_run: bool = False
    """say what is done and what is left, and stop"""
    reading: OmitArgPrefixes[ReadingOptions] = field(default_factory=ReadingOptions)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: BatchOptions, console: Console) -> int:
    """Exit code 0: clips that fail are listed, they are no error of the batch."""
    from rich.console import Console as Terminal

    from motionrecon.batch.run import prepare, run_batch
    from motionrecon.batch.schedulers import make
    from motionrecon.batch.summary import write_summary
    from motionrecon.batch.table import Progress

    ranges.check("noise_m", o.noise)
    ranges.check("mass_kg", o.mass)
    if o.seconds is not None and not 0 < o.seconds < math.inf:
        raise BatchError(f"--seconds {o.seconds:g}: expected a number above 0")
    if not o.timeout > 0:
        raise BatchError(f"--timeout {o.timeout:g}: expected more than 0 s")
    check_writable(o.out)
    todo = prepare(o.clips, o.out, settings(o), o.retry_failed, o.redo_old_code)
    failed = sum(s["state"] == "failed" for s in todo.kept)
    left, done = len(todo.todo), len(todo.kept) - failed
    console.say(f"{left} clips to do, {done} done before, {failed} failed before")
    if o.dry_run:
        console.report({"to_do": left, "done_before": done, "failed_before": failed})
        return 0
    scheduler = make(
        o.scheduler, _workers(o.workers), o.timeout, str(o.out.resolve()), o.cluster, _pairs(o)
    )
    if o.scheduler == "local" and todo.todo:
        from motionrecon.cli.compiling import announce

        announce(console, [o.optimizer or ""])
    terminal = Terminal(stderr=console.json, quiet=console.quiet)
    with Progress(left, todo.kept, terminal) as progress:
        statuses = run_batch(todo, scheduler, progress)
    paths = write_summary(statuses, o.out)
    count = {
        verdict: sum(s["verdict"]["is"] == verdict for s in statuses)
        for verdict in ("ok", "suspicious", "failed")
    }
    console.say(", ".join(f"{n} {verdict}" for verdict, n in count.items()))
    if any(s["state"] == "failed" for s in statuses):
        console.say("failed clips are listed on the page; --retry-failed does them once more")
    if kept := sum(s.get("earlier_result_kept", False) for s in statuses):
        console.say(f"{kept} of the failed keep an earlier result, which stays in clips/")
    console.paths(paths)
    console.report(count | {"clips": statuses, "paths": paths})
    return 0


def settings(o: BatchOptions) -> "Settings":
    """The settings of every clip. Raises ClipError, ExportError, OptimizerError, UsageError before
    work.
    """
    from motionrecon import optimizers
    from motionrecon.batch.configuration import Settings
    from motionrecon.clip.load import check_asked
    from motionrecon.clip.reading import Asked
    from motionrecon.export import resolve
    from motionrecon.pipeline import Options

    given: dict[str, Any] = {
        "optimizer": o.optimizer,
        "max_evaluations": o.max_evaluations,
        "start": o.start,
        "mass_kg": o.mass,
        "noise_m": o.noise,
        "force_filter": o.filter,
        "floor_m": floor_height(o.floor),
    }
    known = {k: v for k, v in given.items() if v is not None}
    robot = o.robot
    if robot is not None:
        from motionrecon.robot.description import described
        from motionrecon.robot.find import model_file

        model_file(described(robot))
        # workers may run in another folder
        robot = str(Path(robot).resolve()) if Path(robot).is_file() else robot
    options = Options(
        threads=1,
        scene=scene_asked(o.scene),
        robot=robot,
        tempo=o.tempo,
        simulation=o.simulation,
        **known,
    )
    optimizers.make(options.optimizer)
    export = tuple(resolve(o.export)) if o.export is not None else ()
    if o.reading.forces is not None:
        raise UsageError(
            "--forces: these are one clip's; expected none in a batch: reconstruct that clip alone"
        )
    r = o.reading
    check_asked(Asked(r.skeleton, r.mapping, r.units, r.up, r.fps, r.subject, r.travel, r.belt))
    if r.model is not None and not Path(r.model).is_file():
        raise BatchError(f"--model {r.model}: there is no such file; check the path")
    reading = {k: v for k, v in o.reading.keywords().items() if v is not None and v is not False}
    for key in ("mapping", "model"):  # workers may run in another folder
        if key in reading and Path(reading[key]).is_file():
            reading[key] = str(Path(reading[key]).resolve())
    return Settings(options, reading, o.seconds, export)


def _workers(given: int | None) -> int:
    if given is not None and given < 1:
        raise BatchError(f"--workers {given}: expected at least 1")
    if given is not None:
        return given
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pairs(o: BatchOptions) -> dict[str, Any]:
    pairs = [text.partition("=") for text in o.slurm]
    if bad := [key for key, sign, _ in pairs if not sign]:
        raise BatchError(f"--slurm {bad[0]}: expected KEY=VALUE")
    return {key: int(value) if value.lstrip("-").isdigit() else value for key, _, value in pairs}
