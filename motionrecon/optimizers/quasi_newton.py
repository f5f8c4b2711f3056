"""The iteration that BFGS and L-BFGS share: direction, strong Wolfe line search, secant pair,
restart when it fails.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import Optimizer, Problem, State, Status
from motionrecon.optimizers.line_search import Trial, strong_wolfe


@dataclasses.dataclass(frozen=True)
class QuasiNewtonOptions:
    """Options of BFGS and L-BFGS.

    gradient_tolerance: stop when no entry of the gradient exceeds it, in units of loss per unit of
    x, >= 0. decrease, curvature: the strong Wolfe constants, 0 < decrease < curvature < 1.
    max_trials: evaluations a line search, >= 1. memory: secant pairs kept by L-BFGS, >= 1 (BFGS
    keeps all in its matrix). first_scale: "secant" scales BFGS's first matrix by the first secant
    pair, so that rescaling the loss changes nothing; "unit" starts from the identity and shortens
    the first trials by the last decrease, as scipy does (better when x and loss are well scaled).
    """

    gradient_tolerance: float = 1e-10
    decrease: float = 1e-4
    curvature: float = 0.9
    max_trials: int = 20
    memory: int = 10
    first_scale: str = "secant"

    def __post_init__(self) -> None:
        if self.first_scale not in ("secant", "unit"):
            raise OptimizerError(f"first_scale is {self.first_scale!r}: choose secant or unit")
        if not 0 < self.decrease < self.curvature < 1 or self.max_trials < 1 or self.memory < 1:
            raise OptimizerError(
                "0 < decrease < curvature < 1, max_trials >= 1 and memory >= 1 are needed: "
                f"got {self}"
            )


@dataclasses.dataclass
class QuasiNewtonState(State):
    """`previous_loss`: the loss one iteration earlier, NaN at the start."""

    previous_loss: float = float("nan")


Q = TypeVar("Q", bound=QuasiNewtonState)


class QuasiNewton(Optimizer[Q]):
    """One iteration; subclasses say how curvature is stored: `_direction`, `_learn`, `_forget`,
    `_fresh`.
    """

    def __init__(self, options: QuasiNewtonOptions) -> None:
        self.options = options
        self.gradient_tolerance = options.gradient_tolerance

    @abc.abstractmethod
    def _direction(self, state: Q) -> Float[np.ndarray, " n"]:
        """The descent direction (n,) from what is known of the curvature."""

    @abc.abstractmethod
    def _learn(self, state: Q, s: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> None:
        """Takes in the secant pair: step s (n,) and change of gradient y (n,), with s . y > 0."""

    @abc.abstractmethod
    def _forget(self, state: Q) -> None:
        """Drops all curvature."""

    @abc.abstractmethod
    def _fresh(self, state: Q) -> bool:
        """Whether no curvature is known yet."""

    def step(self, problem: Problem, state: Q) -> Q:
        """A line search along the direction, from steepest descent where it fails."""
        trial = self._search(problem, state)
        if trial is None and not self._fresh(state):
            state.message = "line search failed: restarted from steepest descent"
            self._forget(state)
            trial = self._search(problem, state)
        state.iteration += 1
        if trial is None:
            state.end(Status.STALLED, "line search found no lower point along the gradient")
            return state
        s, y = trial.x - state.x, trial.grad - state.grad
        # A strong Wolfe point has s.y > 0; one that only decreases may not, and would break
        # positive definiteness.
        if s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
            self._learn(state, s, y)
        state.previous_loss = state.loss
        state.accept(trial.x, trial.loss, trial.grad)
        return state

    def _search(self, problem: Problem, state: Q) -> Trial | None:
        o = self.options
        direction = self._direction(state)
        if not np.all(np.isfinite(direction)):
            return None
        first = 1.0
        if self._fresh(
            state
        ):  # the gradient's length says nothing about distance: the first trial moves by one unit
            first = 1.0 / max(float(np.linalg.norm(state.grad)), 1e-300)
        elif o.first_scale == "unit":  # Nocedal & Wright eq. 3.60
            guess = 2.02 * (state.loss - state.previous_loss) / float(state.grad @ direction)
            first = guess if 0.0 < guess < 1.0 else 1.0
        return strong_wolfe(
            problem,
            state.x,
            state.loss,
            state.grad,
            direction,
            first,
            o.decrease,
            o.curvature,
            o.max_trials,
        )
