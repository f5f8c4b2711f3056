"""What a term of the objective is: a loss of the window's states or controls, its gradient and
Gauss-Newton blocks.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from motionrecon.physics.rollout import Rollout


@dataclass
class StateDerivatives:
    """Gradient and Gauss-Newton blocks with respect to the states of F frames; tangent of the
    configuration, velocity.
    """

    dq: np.ndarray  # (F, nv)
    dv: np.ndarray  # (F, nv)
    qq: np.ndarray = field(default=None)  # (F, nv, nv), filled only when curvature is asked for
    vv: np.ndarray = field(default=None)  # (F, nv) diagonal


class StateTerm(Protocol):
    """A loss of the states at the window's frames."""

    def first(self, frames: int) -> "StateTerm":
        """The same loss on the window's first frames only."""

    def value(self, rollout: Rollout, at: np.ndarray) -> float:
        """Loss summed over the states ``at`` (F,)."""

    def add_derivatives(
        self, rollout: Rollout, at: np.ndarray, out: StateDerivatives, curvature: bool
    ) -> float:
        """Add this term's derivatives to ``out`` and return its loss."""


class ControlTerm(Protocol):
    """A loss of the knots (F + 1, nu); the first knot is given, the others are the unknowns."""

    def value(self, knots: np.ndarray) -> float:
        """Loss of all knots."""

    def gradient(self, knots: np.ndarray) -> np.ndarray:
        """(F, nu) with respect to knots 1..F."""

    def add_curvature(self, hessian: np.ndarray) -> None:
        """Add the term's Hessian to (F nu, F nu)."""
