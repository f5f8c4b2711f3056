"""Worker processes on this machine, a clip a core."""

import queue
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence

from motionrecon.batch.job import Job, fail_job
from motionrecon.batch.schedulers.base import Event
from motionrecon.batch.schedulers.process import WorkerProcess
from motionrecon.errors import BatchError, OutputError

_FALSE_STARTS = (
    3  # workers that end before their first job: then something is wrong with all of them
)
_POLL_S = 0.5
# a start took 3 to 5 s on two cores with a load of 8, also where numba's cache was empty: kernels
# are compiled with the first clip, whose time --timeout bounds
_START_S = 60.0
# a clip whose process was killed gets another chance once all others are through: it may have been
_ATTEMPTS = 2
#                another clip's memory that was too much


class LocalScheduler:
    """`workers` processes that start once and reconstruct clip after clip.

    timeout_s: a clip that makes no step forward for so long is stopped, and its worker replaced;
    so is a worker that does not start.
    """

    def __init__(self, workers: int, timeout_s: float) -> None:
        self.workers, self.timeout_s = workers, timeout_s
        self._pool: list[WorkerProcess] = []
        self._events: queue.Queue = queue.Queue()
        self._false_starts = 0

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """See Scheduler."""
        waiting, unfinished = deque(jobs), len(jobs)
        attempts: Counter[str] = Counter()
        while unfinished:
            self._fill(min(self.workers, unfinished))
            yield from self._hand_out(waiting, attempts)
            for event in self._next(waiting, attempts):
                unfinished -= event.kind == "finished"
                yield event

    def close(self) -> None:
        """See Scheduler."""
        for worker in self._pool:
            worker.close()
        self._pool.clear()

    def pids(self) -> list[int]:
        """The workers' process numbers."""
        return [w.pid for w in self._pool]

    def _fill(self, wanted: int) -> None:
        while len(self._pool) < wanted:
            self._pool.append(WorkerProcess(self._events))

    def _hand_out(self, waiting: deque, attempts: Counter) -> Iterator[Event]:
        for worker in self._pool:
            if waiting and worker.ready and worker.job is None:
                job = waiting.popleft()
                attempts[job.name] += 1
                worker.start(job)
                yield Event("started", job)

    def _next(self, waiting: deque, attempts: Counter) -> Iterator[Event]:
        """Wait a little for a worker to say something; stop those that hang."""
        try:
            worker, said = self._events.get(timeout=_POLL_S)
        except queue.Empty:
            yield from self._stop_hanging()
            return
        if worker not in self._pool:
            return  # the last words of one that was stopped
        worker.heard = time.monotonic()
        if said is None:
            yield from self._bury(worker, waiting, attempts)
        elif said["event"] == "ready":
            worker.ready, self._false_starts = True, 0
        elif said["event"] == "progress":
            yield Event("progress", worker.job, said["share"])
        elif said["event"] == "unwritable":
            raise OutputError(said["message"])
        else:
            job, worker.job = worker.job, None
            yield Event("finished", job, 1.0, said["status"])
        yield from self._stop_hanging()

    def _bury(self, worker: WorkerProcess, waiting: deque, attempts: Counter) -> Iterator[Event]:
        why, job = worker.why(), worker.job
        self._drop(worker)
        if job is None:
            if not worker.ready:
                self._false_start(why)
        elif attempts[job.name] < _ATTEMPTS:
            waiting.append(job)
        else:
            message = f"{why} ({_ATTEMPTS} times)"
            yield Event(
                "finished",
                job,
                status=fail_job(job, "killed", message, time.monotonic() - worker.begun),
            )

    def _false_start(self, why: str) -> None:
        self._false_starts += 1
        if self._false_starts >= _FALSE_STARTS:
            raise BatchError(f"no worker can start: {why}")

    def _stop_hanging(self) -> Iterator[Event]:
        for worker in list(self._pool):
            silent = time.monotonic() - worker.heard
            if not worker.ready and silent >= max(_START_S, self.timeout_s):
                worker.kill()
                self._drop(worker)
                self._false_start(f"nothing heard of it for {silent:.0f} s")
                continue
            if worker.job is None or silent < self.timeout_s:
                continue
            worker.kill()
            self._drop(worker)
            message = (
                f"no step forward for {silent:.0f} s: its worker was stopped; --timeout allows "
                "longer"
            )
            status = fail_job(worker.job, "timeout", message, time.monotonic() - worker.begun)
            yield Event("finished", worker.job, status=status)

    def _drop(self, worker: WorkerProcess) -> None:
        self._pool.remove(worker)
        worker.close()
