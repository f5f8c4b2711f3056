"""What a term of the objective is: a loss of the window's states or controls, its gradient and
Gauss-Newton blocks.

docs/theory/objective.md puts the terms together, with the reason for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float, Int

from motionrecon.physics.rollout import Rollout

Term = TypeVar("Term", bound="StateTerm")
FrameTermT = TypeVar("FrameTermT", bound="FrameTerm")


@dataclass
class Curvature:
    """Gauss-Newton blocks with respect to the states of F frames; terms add to the arrays."""

    qq: Float[np.ndarray, "F nv nv"]
    """Of the configuration, in MuJoCo's tangent space."""
    vv: Float[np.ndarray, "F nv"]
    """Of the velocity; diagonal."""


@dataclass
class StateDerivatives:
    """Gradient with respect to the states of F frames, and curvature where it is asked for; terms
    add to the arrays.
    """

    dq: Float[np.ndarray, "F nv"]
    """To the configuration, in MuJoCo's tangent space."""
    dv: Float[np.ndarray, "F nv"]
    """To the velocity."""
    curvature: Curvature | None = None

    @classmethod
    def zeros(cls, frames: int, nv: int, curvature: bool) -> StateDerivatives:
        """Nothing added yet; with room for the curvature, or without."""
        blocks = Curvature(np.zeros((frames, nv, nv)), np.zeros((frames, nv)))
        return cls(np.zeros((frames, nv)), np.zeros((frames, nv)), blocks if curvature else None)


class StateTerm(Protocol):
    """A loss of the states at the window's frames."""

    def first(self: Term, frames: int) -> Term:
        """The same loss on the window's first frames only."""

    def value(self, rollout: Rollout, at: Int[np.ndarray, " F"]) -> float:
        """Loss summed over the states ``at``."""

    def add_derivatives(
        self, rollout: Rollout, at: Int[np.ndarray, " F"], out: StateDerivatives
    ) -> float:
        """Add this term's derivatives to ``out``, curvature too where it has room, and return its
        loss.
        """


@dataclass(frozen=True)
class Residuals:
    """Residuals of a term, m at each of S moments of F frames, and how they change. The gradient of
    the term's loss is their Jacobian's transpose times their values, its Gauss-Newton matrix the
    Jacobian's transpose times the Jacobian; robust terms are weighted so.
    """

    loss: float
    values: Float[np.ndarray, "F S m"]
    by_state: Float[np.ndarray, "F S 2*nv m"]
    """Transposed, by the tangent and the velocity of the state at that moment."""
    by_knot: Float[np.ndarray, " m"] | None = None
    """Residual i of a frame's last moment by joint i's offset at the frame's second knot."""

    def part(self, frames: slice) -> Residuals:
        """Those of some frames, without their loss."""
        return Residuals(0.0, self.values[frames], self.by_state[frames], self.by_knot)


class FrameTerm(Protocol):
    """A loss of the states at several moments of each frame, or of state and knot together."""

    samples: int
    """S, moments of each frame, evenly spaced, the last at its end."""

    def first(self: FrameTermT, frames: int) -> FrameTermT:
        """The same loss on the window's first frames only."""

    def value(
        self, rollout: Rollout, at: Int[np.ndarray, "F S"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> float:
        """Loss summed over the states ``at``."""

    def residuals(
        self, rollout: Rollout, at: Int[np.ndarray, "F S"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> Residuals:
        """The same loss with what its derivatives need."""


class ControlTerm(Protocol):
    """A loss of the knots, rad; the first knot is given, the F others are the unknowns."""

    def value(self, knots: Float[np.ndarray, "F+1 nu"]) -> float:
        """Loss of all knots."""

    def gradient(self, knots: Float[np.ndarray, "F+1 nu"]) -> Float[np.ndarray, "F nu"]:
        """With respect to knots 1..F."""

    def add_curvature(self, hessian: Float[np.ndarray, "F*nu F*nu"]) -> None:
        """Add the term's Hessian, frames first, to ``hessian``."""
