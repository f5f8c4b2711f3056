"""Levenberg-Marquardt on a problem's Gauss-Newton matrix, with a search over the damping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve

from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import (
    LeastSquaresProblem,
    Linearization,
    LinearizedState,
    Optimizer,
    Problem,
    Status,
    checked_start,
    finite_linearization,
    least_squares,
    linearize_fast,
    linearized_start_state,
)
from motionrecon.optimizers.damping import damped_factor


@dataclass(frozen=True)
class LevenbergMarquardtOptions:
    """Dampings are multiples of the curvature's diagonal, without unit.

    Raises OptimizerError where the dampings are not in order or a factor is not above 1.
    """

    damping: float = 0.1
    """The first one, between its floor and its ceiling."""
    damping_floor: float = 1e-5
    """The lowest, > 0."""
    damping_ceiling: float = 1e5
    """The highest; where it gains nothing, the search has stalled."""
    lower_by: float = 6.0
    """Factor between trials that go on lowering the damping, > 1."""
    raise_by: float = 8.0
    """Factor between trials that look for a damping that lowers the loss, > 1.

    Little hangs on either: on 11 windows of walk, jump and spinkick the pairs (10, 10) of Marquardt
    1963, (3, 2), (2, 3), (2, 8), (6, 2) and (20, 20) end at 0.97 to 1.03 times the loss, with a
    standard error of 0.02 to 0.05, in 0.89 to 1.08 times the CPU seconds.
    """
    tolerance: float = 2e-3
    """An iteration is slow where it lowers the loss by at most this share of it, >= 0."""
    patience: int = 2
    """So many slow iterations in a row are convergence, >= 1."""
    single: bool = False
    """The curvature in single precision where the problem offers it."""

    def __post_init__(self) -> None:
        if not 0 < self.damping_floor <= self.damping <= self.damping_ceiling:
            raise OptimizerError(
                "levenberg-marquardt: damping must lie between its floor and its ceiling, "
                "all above 0"
            )
        if not (self.lower_by > 1 and self.raise_by > 1):
            raise OptimizerError(
                "levenberg-marquardt: lower_by and raise_by must be above 1: got "
                f"{self.lower_by} and {self.raise_by}"
            )


@dataclass
class LevenbergMarquardtState(LinearizedState):
    """`damping`: that of the last step. `slow`: slow iterations in a row.

    `lowest`: dampings below it led from x to a point whose linearisation is not finite.
    """

    damping: float = 0.1
    lowest: float = 0.0
    slow: int = 0


class LevenbergMarquardt(Optimizer[LevenbergMarquardtState]):
    """Marquardt 1963 with the diagonal scaling of More 1978.

    A trial step costs one loss, a linearisation many, so each iteration also tries dampings beside
    the one that worked and takes the best: it keeps lowering the damping while that lowers the
    loss, and raises it when no step does.
    """

    name = "levenberg-marquardt"

    def __init__(self, options: LevenbergMarquardtOptions = LevenbergMarquardtOptions()) -> None:
        self.options = options

    def init(self, problem: Problem, x0: Float[np.ndarray, " n"]) -> LevenbergMarquardtState:
        """The state at the start x0; costs one linearisation.

        Raises OptimizerError for a problem without `linearize` or a start that does not fit it.
        """
        known = least_squares(problem, self.name)
        x = checked_start(problem, x0)
        return linearized_start_state(
            self._linearize(known, x), x, LevenbergMarquardtState, damping=self.options.damping
        )

    def _linearize(self, problem: LeastSquaresProblem, x: Float[np.ndarray, " n"]) -> Linearization:
        return linearize_fast(problem, x) if self.options.single else problem.linearize(x)

    def _trial(
        self, problem: Problem, state: LevenbergMarquardtState, damping: float
    ) -> tuple[float, Float[np.ndarray, " n"]]:
        """Loss and point of one damped step; infinite loss where the matrix is not positive
        definite.
        """
        factor = damped_factor(state.hessian, damping)
        if factor is None:
            return np.inf, state.x
        x = state.x + cho_solve(factor, -state.grad, check_finite=False)
        if not np.isfinite(x).all():
            return np.inf, state.x
        return problem.value(x), x

    def _search(
        self, problem: Problem, state: LevenbergMarquardtState
    ) -> tuple[float, float, Float[np.ndarray, " n"] | None]:
        """Best (damping, loss, x) of several trials from state.x; x is None where none lowers the
        loss.
        """
        o = self.options
        floor = max(o.damping_floor, state.lowest)
        damping, best = max(state.damping, floor), state.loss
        at: Float[np.ndarray, " n"] | None = None
        loss, x = self._trial(problem, state, damping)
        if loss < best:
            best, at = loss, x
            while damping > floor:
                lower = max(damping / o.lower_by, floor)
                loss, x = self._trial(problem, state, lower)
                if not loss < best:
                    break
                damping, best, at = lower, loss, x
        else:
            while at is None and damping < o.damping_ceiling:
                damping = min(damping * o.raise_by, o.damping_ceiling)
                loss, x = self._trial(problem, state, damping)
                if loss < best:
                    best, at = loss, x
        return damping, best, at

    def step(self, problem: Problem, state: LevenbergMarquardtState) -> LevenbergMarquardtState:
        """One linearisation and the losses of its search over the damping."""
        o = self.options
        damping, best, at = self._search(problem, state)
        state.iteration += 1
        if at is None:
            state.end(Status.STALLED, state.message or "no damped step lowers the loss")
            return state
        # Kept now: the linearisation below may spend the budget or not be finite, and the point is
        # good all the same.
        if best < state.best_loss:
            state.best_x, state.best_loss = at.copy(), best
        slow = state.slow + 1 if state.loss - best <= o.tolerance * state.loss else 0
        if slow >= o.patience:
            state.stop = Status.CONVERGED
            state.accept(at, best, state.grad)
            return state
        found = self._linearize(least_squares(problem, self.name), at)
        loss, grad, hessian = finite_linearization(found)
        if not np.isfinite(loss):
            state.message = "a step was shortened: the linearisation at its end is not finite"
            state.lowest = o.raise_by * damping
            if state.lowest > o.damping_ceiling:
                state.stop = Status.NON_FINITE
            return state
        state.accept(at, loss, grad)
        state.hessian, state.damping, state.lowest, state.slow = hessian, damping, 0.0, slow
        return state
