"""A Ray cluster, or a Ray instance on this machine: one actor a clip at a time.

An actor holds one local worker process: a clip that crashes or hangs is explained by its actor, and
only the loss of a whole node reaches the batch. The folder of results must be on a file system that
all nodes share.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from motionrecon.batch.job import Job, fail_job
from motionrecon.batch.schedulers.base import Event
from motionrecon.batch.schedulers.local import LocalScheduler
from motionrecon.children import PATHS, environment
from motionrecon.errors import BatchError

ray: Any
try:
    import ray
except ImportError:
    ray = None

_ATTEMPTS = 2
_POLL_S = 0.5


class _Actor:
    """Reconstructs clip after clip in one worker process of its node."""

    def __init__(self, timeout_s: float) -> None:
        self._pool = LocalScheduler(1, timeout_s)

    def run(self, values: dict) -> dict:
        return next(
            e.status for e in self._pool.run([Job.from_json(values)]) if e.kind == "finished"
        )

    def end(self) -> None:
        self._pool.close()


class RayScheduler:
    """`workers` actors of one core each.

    address: of a running cluster ("auto" finds it); None starts an instance on this machine and
    ends it with close.
    """

    def __init__(self, workers: int, timeout_s: float, address: str | None) -> None:
        if ray is None:
            raise BatchError(
                "the ray scheduler needs the package ray: pip install 'motionrecon[ray]'"
            )
        self.workers, self.timeout_s = workers, timeout_s
        self._started = not ray.is_initialized()
        if self._started:
            path = {"env_vars": {name: environment()[name] for name in PATHS}}
            here = {} if address else {"num_cpus": workers, "include_dashboard": False}
            try:
                ray.init(
                    address=address,
                    runtime_env=path,
                    log_to_driver=False,
                    logging_level="warning",
                    **here,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise BatchError(
                    f"ray cannot be reached at {address or 'this machine'}: {error}"
                ) from error
        self._actors: list = []

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """See Scheduler."""
        waiting, attempts = deque(jobs), Counter[str]()
        running: dict = {}  # reference -> (job, actor, since)
        idle = self._actors[: len(jobs)]
        while len(idle) < min(self.workers, len(jobs)):
            idle.append(self._new())
        while waiting or running:
            while waiting and idle:
                job, actor = waiting.popleft(), idle.pop()
                attempts[job.name] += 1
                running[actor.run.remote(job.to_json())] = job, actor, time.monotonic()
                yield Event("started", job)
            for reference in ray.wait(list(running), timeout=_POLL_S)[0]:
                job, actor, since = running.pop(reference)
                try:
                    status = ray.get(reference)
                except ray.exceptions.RayActorError as error:
                    self._actors.remove(actor)
                    idle.append(self._new())
                    if attempts[job.name] < _ATTEMPTS:
                        waiting.append(job)
                        continue
                    last = str(error).strip().splitlines()[-1]
                    message = f"its Ray actor died {_ATTEMPTS} times: {last}"
                    status = fail_job(job, "killed", message, time.monotonic() - since)
                if actor in self._actors:
                    idle.append(actor)
                yield Event("finished", job, 1.0, status)

    def _new(self) -> Any:
        actor = ray.remote(num_cpus=1)(_Actor).remote(self.timeout_s)
        self._actors.append(actor)
        return actor

    def close(self) -> None:
        """See Scheduler."""
        for actor in self._actors:
            try:
                ray.get(actor.end.remote(), timeout=5)
            except (ray.exceptions.RayError, TimeoutError):
                pass
            ray.kill(actor)
        self._actors.clear()
        if self._started:
            ray.shutdown()
