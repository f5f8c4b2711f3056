"""BFGS with a dense inverse Hessian (Nocedal & Wright, Numerical Optimization, 2006, algorithm
6.1).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from motionrecon.optimizers.base import Problem, start_state
from motionrecon.optimizers.quasi_newton import QuasiNewton, QuasiNewtonOptions, QuasiNewtonState


@dataclasses.dataclass
class BfgsState(QuasiNewtonState):
    """`inverse_hessian` (n, n), or None before the first secant pair."""

    inverse_hessian: np.ndarray | None = None


__all__ = ["Bfgs", "BfgsState", "QuasiNewtonOptions"]


class Bfgs(QuasiNewton):
    """Memory n^2, time n^2 an iteration. Options: QuasiNewtonOptions."""

    name = "bfgs"

    def init(self, problem: Problem, x0: np.ndarray) -> BfgsState:
        return start_state(problem, x0, BfgsState)

    def _direction(self, state: BfgsState) -> np.ndarray:
        return (
            -state.grad if state.inverse_hessian is None else -(state.inverse_hessian @ state.grad)
        )

    def _learn(self, state: BfgsState, s: np.ndarray, y: np.ndarray) -> None:
        sy = s @ y
        if state.inverse_hessian is None:
            scale = sy / (y @ y) if self.options.first_scale == "secant" else 1.0  # eq. 6.20
            state.inverse_hessian = scale * np.eye(s.size)
        h = state.inverse_hessian
        hy = h @ y
        # H + (1 + y'Hy / s'y) ss' / s'y - (Hy s' + s (Hy)') / s'y, as one symmetric pair of outer
        # products.
        half = (0.5 * (1.0 + y @ hy / sy) * s - hy) / sy
        outer = np.outer(half, s)
        h += outer
        h += outer.T

    def _forget(self, state: BfgsState) -> None:
        state.inverse_hessian = None

    def _fresh(self, state: BfgsState) -> bool:
        return state.inverse_hessian is None
