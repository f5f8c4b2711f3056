"""Levenberg-Marquardt on a problem's Gauss-Newton matrix, with a search over the damping."""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import Optimizer, Problem, State, finite_or_inf, linearize


@dataclass(frozen=True)
class LevenbergMarquardtOptions:
    """damping: first multiple of the curvature's diagonal; damping_floor, damping_ceiling: its
    bounds; tolerance: stop when an iteration lowers the loss by less than this share of it;
    patience: so many times in a row; single: the curvature in single precision where the problem
    offers it.
    """

    damping: float = 0.1
    damping_floor: float = 1e-5
    damping_ceiling: float = 1e5
    tolerance: float = 2e-3
    patience: int = 2
    single: bool = False


@dataclass
class _State(State):
    hessian: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    damping: float = 0.1
    lowest: float = (
        0.0  # dampings below this led from x to a point whose linearisation is not finite
    )
    slow: int = 0


class LevenbergMarquardt(Optimizer):
    """Marquardt 1963 with the diagonal scaling of More 1978.

    A trial step costs one loss, a linearisation many, so each iteration also tries dampings beside
    the one that worked and takes the best: it keeps lowering the damping while that lowers the
    loss, and raises it when no step does.
    """

    name = "levenberg-marquardt"

    def __init__(self, options: LevenbergMarquardtOptions = LevenbergMarquardtOptions()):
        if not 0 < options.damping_floor <= options.damping <= options.damping_ceiling:
            raise OptimizerError(
                "levenberg-marquardt: damping must lie between its floor and its ceiling, all above 0"
            )
        self.options = options

    def init(self, problem: Problem, x0: np.ndarray) -> State:
        if not hasattr(problem, "linearize"):
            raise OptimizerError(
                "levenberg-marquardt needs a problem with linearize(x) (residual Jacobians); use lbfgs"
            )
        x = np.array(x0, float)
        if x.shape != (problem.n,) or not np.isfinite(x).all():
            raise OptimizerError(
                f"the start must be {problem.n} finite numbers, it has shape {x.shape}"
            )
        loss, grad, hessian = self._linearize(problem, x)
        loss, grad = finite_or_inf(loss, grad)
        state = _State(x, loss, grad, x.copy(), loss, hessian=hessian, damping=self.options.damping)
        if not (np.isfinite(loss) and np.isfinite(hessian).all()):
            state.stop, state.message = (
                "non-finite",
                "the objective or its linearisation is not finite at the start",
            )
        return state

    def _linearize(self, problem: Problem, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return linearize(problem, x) if self.options.single else problem.linearize(x)

    def _trial(self, problem: Problem, state: _State, damping: float) -> tuple[float, np.ndarray]:
        """Loss and point of one damped step; infinite loss where the matrix is not positive
        definite.
        """
        diagonal = np.diag(state.hessian)
        scale = np.maximum(diagonal, 1e-9 * max(diagonal.max(initial=0), 1e-12))
        damped = state.hessian.copy()
        damped[np.diag_indices_from(damped)] += (damping * scale).astype(damped.dtype)
        try:
            step = cho_solve(
                cho_factor(damped, overwrite_a=True, check_finite=False),
                -state.grad,
                check_finite=False,
            )
        except LinAlgError:
            return np.inf, state.x
        x = state.x + step
        if not np.isfinite(x).all():
            return np.inf, state.x
        return problem.value(x), x

    def _search(self, problem: Problem, state: _State) -> tuple[float, float, np.ndarray | None]:
        """Best (damping, loss, x) of several trials from state.x; x is None where none lowers the
        loss.
        """
        o = self.options
        floor = max(o.damping_floor, state.lowest)
        damping, best, at = max(state.damping, floor), state.loss, None
        loss, x = self._trial(problem, state, damping)
        if loss < best:
            best, at = loss, x
            while damping > floor:
                lower = max(damping / 6, floor)
                loss, x = self._trial(problem, state, lower)
                if not loss < best:
                    break
                damping, best, at = lower, loss, x
        else:
            while at is None and damping < o.damping_ceiling:
                damping = min(damping * 8, o.damping_ceiling)
                loss, x = self._trial(problem, state, damping)
                if loss < best:
                    best, at = loss, x
        return damping, best, at

    def step(self, problem: Problem, state: _State) -> _State:
        o = self.options
        damping, best, at = self._search(problem, state)
        state.iteration += 1
        if at is None:
            state.stop, state.message = "stalled", state.message or "no damped step lowers the loss"
            return state
        # Kept now: the linearisation below may spend the budget or not be finite, and the point is
        # good all the same.
        if best < state.best_loss:
            state.best_x, state.best_loss = at.copy(), best
        slow = state.slow + 1 if state.loss - best <= o.tolerance * state.loss else 0
        if slow >= o.patience:
            state.stop = "converged"
            state.accept(at, best, state.grad)
            return state
        loss, grad, hessian = self._linearize(problem, at)
        loss, grad = finite_or_inf(loss, grad)
        if not (np.isfinite(loss) and np.isfinite(hessian).all()):
            state.message = "a step was shortened: the linearisation at its end is not finite"
            state.lowest = 8 * damping
            if state.lowest > o.damping_ceiling:
                state.stop = "non-finite"
            return state
        state.accept(at, loss, grad)
        state.hessian, state.damping, state.lowest, state.slow = hessian, damping, 0.0, slow
        return state
