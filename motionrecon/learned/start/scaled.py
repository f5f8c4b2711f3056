"""optimus-motion-plain: Optimus on gradients alone, its preconditioner started from a learned scale
a joint and frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from motionrecon.learned import algorithm, store
from motionrecon.learned.optimizer import Learned, LearnedOptions, LearnedState
from motionrecon.learned.start import scales
from motionrecon.optimizers.base import Problem, grid_of


class _Scaled:
    """A problem in the unknowns z = x / scale."""

    def __init__(self, problem: Problem, scale: Float[np.ndarray, " n"]) -> None:
        self.problem, self.scale, self.n = problem, scale, problem.n

    def value_and_grad(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        loss, grad = self.problem.value_and_grad(self.scale * z)
        return loss, self.scale * grad

    def value(self, z: np.ndarray) -> float:
        return self.problem.value(self.scale * z)


class ScaledOptimus(Learned):
    """Learned in scaled unknowns, which is the same as a diagonal B_0; one evaluation an iteration,
    no line search.

    Its state's x, grad and best_x are in the scaled unknowns; `minimize` returns the problem's own.
    """

    def __init__(
        self,
        name: str,
        config: algorithm.Config,
        theta: dict[str, Any],
        start: scales.Start,
        options: LearnedOptions = LearnedOptions(),
    ) -> None:
        super().__init__(name, config, theta, options)
        self.start = start

    def _scaled(self, problem: Problem) -> _Scaled:
        return _Scaled(problem, np.asarray(scales.scale(self.start, grid_of(problem), problem.n)))

    def init(self, problem: Problem, x0: np.ndarray) -> LearnedState:
        """As Learned.init; x0 (n,) in the problem's own unknowns."""
        scaled = self._scaled(problem)
        x = np.asarray(x0, float)
        return super().init(scaled, x / scaled.scale if x.shape == scaled.scale.shape else x)

    def step(self, problem: Problem, state: LearnedState) -> LearnedState:
        """As Learned.step."""
        return super().step(self._scaled(problem), state)


def shipped(name: str, options: LearnedOptions) -> ScaledOptimus:
    """With the weights called `name`, or those in options.folder. Raises ModelError."""
    where = Path(options.folder) if options.folder else name
    return ScaledOptimus(name, *store.load(where), scales.load(where), options)
