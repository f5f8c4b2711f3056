"""Control windows as training: an inner step is any Optimizer's on a window of the simulator.

Time within an episode is what a step costs, modelled milliseconds or evaluations, so that a learned
optimizer is taught to be quick by the clock that is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motionrecon.learned.train.estimator import Estimator, Rows, Unrolled
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.tasks.run import Run
from motionrecon.learned.train.tasks.windows import Task, TaskSource
from motionrecon.optimizers.base import Optimizer

# How often a stage is drawn, where a group has it.
_STAGES = {"cold": 0.25, "growing": 0.35, "whole": 0.3, "synthetic": 0.1}


class Episodes(NamedTuple):
    """P pairs on one task each. entry: the task's group and draw. end: where the episode ends, in
    the clock's units. done: truncations of it; past: + and - meta-parameters of each of these,
    until: the clock at its end, zeros from `done` on.

    From the past the runs can be replayed, so that a checkpoint need not hold them.
    """

    entry: Int[np.ndarray, "P 2"]
    end: Float[np.ndarray, " P"]
    done: Int[np.ndarray, " P"]
    past: Float[np.ndarray, "P K 2 D"]
    until: Float[np.ndarray, "P K"]


class Pool(NamedTuple):
    """The pairs' episodes and the estimator's memory of them."""

    episodes: Episodes
    memory: Any


class ControlTasks:
    """Antithetic pairs of runs on control windows."""

    def __init__(
        self,
        make: Callable[[np.ndarray], Optimizer],
        sigma: Float[np.ndarray, " D"],
        source: TaskSource,
        options: TrainOptions,
    ) -> None:
        """make: the optimizer of a vector of meta-parameters. sigma: of their perturbation."""
        self.make, self.sigma, self.source, self.options = make, np.array(sigma), source, options
        # The runs at hand, by pair: (what was run so far, + run, - run).
        self._runs: dict[int, tuple[tuple[int, ...], Run, Run]] = {}

    def start(self, estimator: Estimator) -> Pool:
        """Pairs whose first episodes end at different times, so that they are out of step from the
        start.
        """
        o, pairs, size = self.options.windows, self.options.particles, self.sigma.size
        most = math.ceil(o.episode / o.truncation) + 1
        entry = np.array([self._draw(0, i) for i in range(pairs)])
        turns = 1 + np.arange(pairs) % max(1, round(o.episode / o.truncation))
        episodes = Episodes(
            entry=entry,
            end=o.truncation * turns,
            done=np.zeros(pairs, np.int64),
            past=np.zeros((pairs, most, 2, size)),
            until=np.zeros((pairs, most)),
        )
        return Pool(episodes, np.asarray(estimator.init(pairs, size)))

    def _draw(self, step: int, i: int) -> tuple[int, int]:
        """Group and draw of the task that pair i begins at a meta-step."""
        rng = np.random.default_rng([self.options.seed, 2, step, i])
        return int(rng.integers(self.options.windows.groups)), int(rng.integers(2**31))

    def task(self, group: int, draw: int) -> Task:
        """A window of a group, by stage first, so that no stage is rare because it is short."""
        tasks, rng = self.source.group(group), np.random.default_rng(draw)
        stages: list[str] = list(self.options.windows.stages)
        there = [s for s in stages if any(t.stage == s for t in tasks)] or [tasks[0].stage]
        weights = np.array([_STAGES[s] for s in there])
        stage = rng.choice(there, p=weights / weights.sum())
        some = [t for t in tasks if t.stage == stage]
        return some[int(rng.integers(len(some)))]

    def _awake(self, e: Episodes, i: int) -> tuple[Run, Run]:
        """Pair i's runs where its past says they are: at hand, or replayed."""
        count = int(e.done[i])
        so_far = (*map(int, e.entry[i]), count)
        if i in self._runs and self._runs[i][0] == so_far:
            return self._runs[i][1:]
        task, clock = self.task(*map(int, e.entry[i])), self.options.windows.clock
        plus, minus = Run(task, clock), Run(task, clock)
        for (up, down), until in zip(e.past[i, :count], e.until[i, :count], strict=True):
            plus.advance(self.make(up), float(until))
            minus.advance(self.make(down), float(until))
        return plus, minus

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: Pool, step: int
    ) -> tuple[Float[Rows, " D"], float, Pool]:
        """One truncation of every pair."""
        o = self.options
        noise = np.array(
            [
                np.random.default_rng([o.seed, 1, step, i]).standard_normal(self.sigma.size)
                for i in range(o.particles)
            ]
        )
        got = estimator.estimate(
            theta,
            state.memory,
            self.sigma * noise,
            self.sigma,
            lambda up, down: self._unroll(state.episodes, np.asarray(up), np.asarray(down), step),
        )
        return got.gradient, float(got.loss), Pool(got.episodes, np.asarray(got.memory))

    def _unroll(
        self, e: Episodes, up: Float[np.ndarray, "P D"], down: Float[np.ndarray, "P D"], step: int
    ) -> Unrolled:
        o, pairs = self.options.windows, len(e.entry)
        e = Episodes(*(a.copy() for a in e))
        losses, ended = np.zeros((pairs, 2)), np.zeros(pairs, bool)
        for i in range(pairs):
            plus, minus = self._awake(e, i)
            until = plus.clock + o.truncation
            losses[i] = (
                plus.advance(self.make(up[i]), until),
                minus.advance(self.make(down[i]), until),
            )
            at = int(e.done[i])
            e.past[i, at], e.until[i, at], e.done[i] = (up[i], down[i]), until, at + 1
            self._runs[i] = (*map(int, e.entry[i]), at + 1), plus, minus
            ended[i] = until >= e.end[i] - 1e-9 or (plus.stopped and minus.stopped)
            if ended[i]:
                e.entry[i], e.end[i], e.done[i] = self._draw(step + 1, i), o.episode, 0
                e.past[i], e.until[i] = 0.0, 0.0
        # Episodes end with a truncation: nothing of the next one has run within it.
        return Unrolled(
            losses[:, 0] - losses[:, 1],
            np.zeros(pairs),
            ended,
            np.zeros(pairs, bool),
            losses.mean(axis=1),
            e,
        )

    def validate(self, theta: Float[Rows, " D"]) -> dict[str, float]:
        """Mean meta-loss of whole episodes on fixed draws that training does not see (groups of
        their own).
        """
        o, optimizer = self.options.windows, self.make(np.asarray(theta))
        few = max(1, o.validation_tasks // 4)
        tasks = [self.task(o.groups + i % few, i) for i in range(o.validation_tasks)]
        losses = [Run(task, o.clock).advance(optimizer, o.episode) for task in tasks]
        return {"validation": float(np.mean(losses))}
