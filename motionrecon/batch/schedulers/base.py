"""What a scheduler is: jobs in, events out, in whatever order they happen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from motionrecon.batch.job import Job


@dataclass(frozen=True)
class Event:
    """A job started, moved on to a share of its work, or finished; then with its status."""

    kind: Literal["started", "progress", "finished"]
    job: Job
    share: float = 0.0
    status: dict = field(default_factory=dict)


class Scheduler(Protocol):
    """Every job ends in exactly one "finished" event, whatever becomes of its process."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run the jobs. Raises OutputError where results cannot be written, BatchError where no
        worker can start.
        """

    def close(self) -> None:
        """End the workers; clips in flight are lost."""
