"""optimus-motion-plain: Optimus on gradients alone, its preconditioner started from a learned scale
a joint and frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from motionrecon.learned import learned, motion_start
from motionrecon.learned import weights_io as weights
from motionrecon.optimizers.base import Problem, grid_of
from motionrecon.optimizers.learned import Learned, LearnedOptions, LearnedState


class _Scaled:
    """A problem in the unknowns z = x / scale."""

    def __init__(self, problem: Problem, scale: np.ndarray):
        self.problem, self.scale, self.n = problem, scale, problem.n

    def value_and_grad(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        loss, grad = self.problem.value_and_grad(self.scale * z)
        return loss, self.scale * grad

    def value(self, z: np.ndarray) -> float:
        return self.problem.value(self.scale * z)


class MotionPlain(Learned):
    """Learned in scaled unknowns, which is the same as a diagonal B_0; one evaluation an iteration,
    no line search.

    Its state's x, grad and best_x are in the scaled unknowns; `minimize` returns the problem's own.
    """

    def __init__(
        self,
        name: str,
        config: learned.Config,
        theta: Any,
        start: motion_start.Start,
        options: LearnedOptions,
    ):
        super().__init__(name, config, theta, options)
        self.start = start

    def _scaled(self, problem: Problem) -> _Scaled:
        return _Scaled(problem, motion_start.scale(self.start, grid_of(problem), problem.n))

    def init(self, problem: Problem, x0: np.ndarray) -> LearnedState:
        scaled = self._scaled(problem)
        x = np.asarray(x0, float)
        return super().init(scaled, x / scaled.scale if x.shape == scaled.scale.shape else x)

    def step(self, problem: Problem, state: LearnedState) -> LearnedState:
        return super().step(self._scaled(problem), state)


def shipped(name: str, options: LearnedOptions) -> MotionPlain:
    """With the weights models/<name>/, or those in options.folder."""
    config, theta = weights.load(name, options.folder)
    start = motion_start.load(options.folder or weights.MODELS / name)
    return MotionPlain(name, config, theta, start, options)
