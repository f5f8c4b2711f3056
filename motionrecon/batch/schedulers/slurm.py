"""A SLURM cluster by submitit: an array whose tasks each take a share of the clips.

A task runs its clips through local workers of its own, so a clip that crashes or hangs costs the
task nothing. A task that is preempted or reaches its time limit is put into the queue again by
submitit with the clips it still has to do; one that SLURM itself starts anew skips what is
finished. The folder of results must be on a file system that all nodes share.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from motionrecon.batch.job import Job, fail_job
from motionrecon.batch.scan import status_of
from motionrecon.batch.schedulers.base import Event
from motionrecon.batch.schedulers.local import LocalScheduler
from motionrecon.children import PATHS, environment
from motionrecon.errors import BatchError, OutputError

submitit: Any
try:
    import submitit
except ImportError:
    submitit = None

_POLL_S = 1.0
_MINUTES = 4 * 60
_WIND_UP_S = 10.0  # that tasks are given to end by themselves after their last clip
_LOST_S = 15.0  # a result may show on another node's file system so much later than its task's end


class Share:
    """What one task of the array does: its jobs, one after another (or as many at a time as it has
    cores).

    before: statuses of jobs that were settled when they were asked for once more, by name.
    """

    def __init__(
        self, jobs: Sequence[Job], workers: int, timeout_s: float, before: dict[str, dict]
    ) -> None:
        self.jobs, self.workers, self.timeout_s = list(jobs), workers, timeout_s
        self.before = before

    def left(self) -> list[Job]:
        """The jobs without a result of their configuration since."""
        return [j for j in self.jobs if not _finished(j, self.before)]

    def __call__(self) -> int:
        """Do what is left; returns how many clips were finished."""
        pool = LocalScheduler(self.workers, self.timeout_s)
        try:
            return sum(event.kind == "finished" for event in pool.run(self.left()))
        finally:
            pool.close()

    def checkpoint(self) -> Any:
        """submitit calls this before a task is preempted or out of time, and submits what it
        returns.
        """
        return submitit.helpers.DelayedSubmission(
            Share(self.left(), self.workers, self.timeout_s, self.before)
        )


class SlurmScheduler:
    """`tasks` array tasks, each with the cores that `parameters` give it (cpus_per_task, 1 unless
    said).

    cluster: submitit's name, "slurm" unless given; "local" runs the tasks as processes of this
    machine. parameters: as submitit.AutoExecutor.update_parameters takes them (slurm_partition,
    timeout_min, mem_gb, ...).
    """

    def __init__(
        self, tasks: int, timeout_s: float, out: str, cluster: str | None, parameters: dict
    ) -> None:
        if submitit is None:
            raise BatchError(
                "the slurm scheduler needs the package submitit: pip install 'motionrecon[slurm]'"
            )
        self.tasks, self.timeout_s = tasks, timeout_s
        parameters = {
            "timeout_min": _MINUTES,
            "cpus_per_task": 1,
            "name": "motionrecon",
        } | parameters
        self._cores = parameters["cpus_per_task"]
        try:
            self._executor = submitit.AutoExecutor(
                folder=Path(out) / "slurm", cluster=cluster or "slurm"
            )
            self._executor.update_parameters(**parameters)
        except (RuntimeError, TypeError, ValueError, NameError) as error:
            raise BatchError(f"submitit cannot submit here: {error}") from error
        self._submitted: list = []
        self._before: dict[str, dict] = {}

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """See Scheduler."""
        self._before = {job.name: status for job in jobs if (status := status_of(job))}
        shares = [
            Share(jobs[i :: self.tasks], self._cores, self.timeout_s, self._before)
            for i in range(min(self.tasks, len(jobs)))
        ]
        self._submit(shares)
        waiting = {
            job.name: (job, task)
            for share, task in zip(shares, self._submitted, strict=True)
            for job in share.jobs
        }
        ended: dict[str, float] = {}
        while waiting:
            yield from self._look(waiting, ended)
            if waiting:
                time.sleep(_POLL_S)
        end = time.monotonic() + _WIND_UP_S
        while not all(task.done() for task in self._submitted) and time.monotonic() < end:
            time.sleep(_POLL_S)

    def _submit(self, shares: list[Share]) -> None:
        """Tasks inherit this process's environment, with this package to be found where it is not
        installed.
        """
        before = {name: os.environ.get(name) for name in PATHS}
        os.environ.update({name: environment()[name] for name in PATHS})
        try:
            with self._executor.batch():
                self._submitted = [self._executor.submit(share) for share in shares]
        except submitit.core.utils.FailedJobError as error:
            raise BatchError(f"SLURM did not take the array: {error}") from error
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def _look(self, waiting: dict, ended: dict[str, float]) -> Iterator[Event]:
        for name, (job, task) in list(waiting.items()):
            over = task.done()
            status = _finished(job, self._before)
            if status is None and over:
                self._raise_what_is_no_clips_fault(task)
                since = ended.setdefault(name, time.monotonic())
                if time.monotonic() - since > (_LOST_S if task.exception() is None else 0):
                    status = fail_job(
                        job, "killed", f"its task {task.job_id} ended without it: {_why(task)}", 0.0
                    )
            if status is not None:
                del waiting[name]
                yield Event("finished", job, 1.0, status)

    def _raise_what_is_no_clips_fault(self, task: Any) -> None:
        said = str(task.exception() or "")
        for kind in (OutputError, BatchError):
            if kind.__name__ in said:
                raise kind(said.strip().splitlines()[-1].split(": ", 1)[-1])

    def close(self) -> None:
        """See Scheduler."""
        for task in self._submitted:
            if not task.done():
                task.cancel(check=False)


def _finished(job: Job, before: dict[str, dict]) -> dict | None:
    status = status_of(job)
    return None if status == before.get(job.name) else status


def _why(task: Any) -> str:
    lines = str(task.exception() or "no error was reported").strip().splitlines()
    return lines[-1] if lines else "no error was reported"
