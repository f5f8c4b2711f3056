"""A batch from its beginning to its summary."""

import shutil
from collections.abc import Callable
from pathlib import Path

from motionrecon.batch.configuration import Settings
from motionrecon.batch.folders import sweep
from motionrecon.batch.scan import Plan, find_clips, jobs_of, plan
from motionrecon.batch.schedulers.base import Event, Scheduler
from motionrecon.errors import ClipError, OutputError

CLIPS = "clips"


def prepare(
    given: str | Path,
    out: Path,
    settings: Settings,
    retry_failed: bool = False,
    redo_old_code: bool = False,
) -> Plan:
    """Find the clips, sweep what killed runs left, and see what is done. Raises ClipError,
    OutputError.
    """
    root, found = find_clips(given)
    inside = out.resolve()
    files = [p for p in found if inside not in p.resolve().parents]  # results of ours are no clips
    if not files:
        raise ClipError(f"{given}: all clips lie in {out}; give another folder with --out")
    clips = out / CLIPS
    try:
        clips.mkdir(parents=True, exist_ok=True)
        sweep(clips)
    except OSError as e:
        raise OutputError(
            f"{out}: cannot be written ({e.strerror or e}); give another folder with --out"
        ) from e
    jobs = jobs_of(root, files, clips, settings)
    planned = plan(jobs, retry_failed, redo_old_code)
    done = {status["name"] for status in planned.kept if status["state"] == "done"}
    for job in jobs:
        if job.name in done:  # a failure that an outcome has overtaken
            shutil.rmtree(job.beside, ignore_errors=True)
    return planned


def run_batch(
    todo: Plan, scheduler: Scheduler, listen: Callable[[Event], None] = lambda event: None
) -> list[dict]:
    """Run a plan's jobs; returns the statuses of all its clips, those kept included, by name.

    Raises OutputError where nothing can be written any more, BatchError where no worker can start;
    what is finished by then stays, and so it does on KeyboardInterrupt.
    """
    statuses = list(todo.kept)
    try:
        if todo.todo:
            for event in scheduler.run(todo.todo):
                listen(event)
                if event.kind == "finished":
                    statuses.append(event.status)
    finally:
        scheduler.close()
    return sorted(statuses, key=lambda s: s["name"])
