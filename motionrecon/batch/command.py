"""The command line of scripts/reconstruct_dataset.py: a folder or glob of clips in, a folder of
motions out.
"""

import argparse
import os
import sys
from pathlib import Path

from motionrecon.errors import MotionReconError
from motionrecon.io import options as reading_options


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        description="A data set of 3D keypoints to physically real motions. Give the same command again to go on where "
        "it stopped; clips that are done are skipped."
    )
    p.add_argument(
        "clips", help="a folder (its clips at any depth), or a quoted glob such as 'data/**/*.npz'"
    )
    p.add_argument("--out", type=Path, required=True, help="folder of the results")
    p.add_argument(
        "--workers",
        type=int,
        help="clips at a time (default: a core each); for slurm: tasks of the array",
    )
    p.add_argument(
        "--retry-failed", action="store_true", help="do clips that failed before once more"
    )
    p.add_argument(
        "--redo-old-code",
        action="store_true",
        help="do clips of another version of the code once more",
    )
    p.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="stop a clip that makes no step for so long",
    )
    p.add_argument(
        "--export",
        help="files of other tools beside every motion, with commas: bvh,glb,...; or all",
    )
    p.add_argument("--optimizer")
    p.add_argument("--max-evaluations", type=int, metavar="N", help="a window")
    p.add_argument("--seconds", type=float, help="of every clip, from its start")
    p.add_argument("--mass", type=float, help="body mass of everybody, kg")
    p.add_argument(
        "--noise",
        type=float,
        help="noise of the keypoints per coordinate, m (default: estimated clip by clip)",
    )
    reading_options.add_arguments(p)
    p.add_argument("--scheduler", choices=["local", "slurm", "ray"], default="local")
    p.add_argument(
        "--cluster",
        help="ray: the address of a running cluster (auto finds it); slurm: local for a trial here",
    )
    p.add_argument(
        "--slurm",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="of the array, as submitit names them: slurm_partition=cpu timeout_min=240",
    )
    p.add_argument(
        "--dry-run", action="store_true", help="say what is done and what is left, and stop"
    )
    return p


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 (failed clips are listed, not an error); 2 after one line about what the user can
    mend; 130 on Ctrl-C.
    """
    a = _parser().parse_args(arguments)
    try:
        return _run(a)
    except MotionReconError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "interrupted; what is finished stays, the same command goes on from there",
            file=sys.stderr,
        )
        return 130


def _run(a: argparse.Namespace) -> int:
    from rich.console import Console

    from motionrecon.batch.run import prepare, run_batch
    from motionrecon.batch.schedulers import make
    from motionrecon.batch.summary import write_summary
    from motionrecon.batch.table import Progress

    todo = prepare(a.clips, a.out, settings_of(a), a.retry_failed, a.redo_old_code)
    old = [s for s in todo.kept if s["state"] == "failed"]
    print(
        f"{len(todo.todo)} clips to do, {len(todo.kept) - len(old)} done before, {len(old)} failed before",
        flush=True,
    )
    if a.dry_run:
        return 0
    scheduler = make(
        a.scheduler, _workers(a), a.timeout, str(a.out.resolve()), a.cluster, _pairs(a.slurm)
    )
    with Progress(len(todo.todo), todo.kept, Console()) as progress:
        statuses = run_batch(todo, scheduler, progress)
    paths = write_summary(statuses, a.out)
    count = {
        v: sum(s["verdict"]["is"] == v for s in statuses) for v in ("ok", "suspicious", "failed")
    }
    print(", ".join(f"{n} {verdict}" for verdict, n in count.items()))
    if count["failed"]:
        print("failed clips are listed on the page; --retry-failed does them once more")
    print("results:", *paths)
    return 0


def settings_of(a: argparse.Namespace):
    """The settings of every clip. Raises ExportError, OptimizerError before any work."""
    from motionrecon import optimizers
    from motionrecon.batch.configuration import Settings
    from motionrecon.export import resolve
    from motionrecon.pipeline import Options

    given = {
        "optimizer": a.optimizer,
        "max_evaluations": a.max_evaluations,
        "mass_kg": a.mass,
        "noise_m": a.noise,
    }
    options = Options(threads=1, **{k: v for k, v in given.items() if v is not None})
    optimizers.make(options.optimizer)
    export = tuple(resolve(a.export)) if a.export is not None else ()
    reading = {k: v for k, v in reading_options.reading(a).items() if v}
    for key in ("mapping", "model"):  # workers may run in another folder
        if key in reading and Path(reading[key]).is_file():
            reading[key] = str(Path(reading[key]).resolve())
    return Settings(options, reading, a.seconds, export)


def _workers(a: argparse.Namespace) -> int:
    from motionrecon.errors import BatchError

    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    workers = cores if a.workers is None else a.workers
    if workers < 1:
        raise BatchError(f"--workers {workers}: expected at least 1")
    return workers


def _pairs(given: list[str]) -> dict:
    from motionrecon.errors import BatchError

    pairs = [text.partition("=") for text in given]
    if bad := [key for key, sign, _ in pairs if not sign]:
        raise BatchError(f"--slurm {bad[0]}: expected KEY=VALUE")
    return {key: int(value) if value.lstrip("-").isdigit() else value for key, _, value in pairs}
