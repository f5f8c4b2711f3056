"""One optimizer on one control window, advanced by the clock."""

from __future__ import annotations

import numpy as np

from motionrecon.learned.train.options import Clock
from motionrecon.learned.train.tasks.cost import Costed
from motionrecon.learned.train.tasks.windows import Task
from motionrecon.optimizers.base import Optimizer, State


class Run:
    """Scored by the log of the lowest loss along the way over that of the start.

    `clock`: how far it is, in the clock's units; `stopped`: whether the optimizer is done.
    """

    def __init__(self, task: Task, clock: Clock) -> None:
        self.task, self.problem = task, Costed(task.window, clock)
        self.state: State | None = None
        self.clock, self.stopped, self.first = 0.0, False, np.nan

    def advance(self, optimizer: Optimizer, until: float) -> float:
        """Mean over the clock's advance to `until` of log10(lowest loss / first loss)."""
        begun, total = self.clock, 0.0
        score = self._score(self.problem.best)
        while self.clock < until:
            if self.stopped:
                total += (until - self.clock) * score
                self.clock = until
                break
            self._ask(optimizer)
            for at, best in self.problem.take():
                stop = min(at, until)
                # What was known before the evaluation was done.
                total += max(0.0, stop - self.clock) * score
                self.clock = max(self.clock, stop)
                score = self._score(best)
            self.clock = max(self.clock, min(self.problem.spent, until))
        self.task.window.forget()
        return total / (until - begun)

    def _ask(self, optimizer: Optimizer) -> None:
        """One iteration, or the start."""
        if self.state is None:
            self.state = optimizer.init(self.problem, self.task.x0)
            self.first = self.problem.best
        else:
            self.state = optimizer.step(self.problem, self.state)
        self.stopped = optimizer.done(self.state) is not None

    def _score(self, best: float) -> float:
        if not np.isfinite(self.first) or not np.isfinite(best):
            return 0.0
        return float(np.log10(max(best, 1e-300) / max(self.first, 1e-300)))
