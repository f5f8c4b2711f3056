"""BFGS with a dense inverse Hessian (Nocedal & Wright, Numerical Optimization, 2006, algorithm
6.1).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from motionrecon.optimizers.base import Problem, start_state
from motionrecon.optimizers.quasi_newton import QuasiNewton, QuasiNewtonOptions, QuasiNewtonState


@dataclasses.dataclass
class BfgsState(QuasiNewtonState):
    """`inverse_hessian` (n, n), or None before the first secant pair."""

    inverse_hessian: Float[np.ndarray, "n n"] | None = None


__all__ = ["Bfgs", "BfgsState", "QuasiNewtonOptions"]


class Bfgs(QuasiNewton[BfgsState]):
    """Memory n^2, time n^2 an iteration. Options: QuasiNewtonOptions."""

    name = "bfgs"

    def init(self, problem: Problem, x0: Float[np.ndarray, " n"]) -> BfgsState:
        """The start, with no curvature known."""
        return start_state(problem, x0, BfgsState)

    def _direction(self, state: BfgsState) -> Float[np.ndarray, " n"]:
        return (
            -state.grad if state.inverse_hessian is None else -(state.inverse_hessian @ state.grad)
        )

    def _learn(
        self, state: BfgsState, s: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]
    ) -> None:
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
