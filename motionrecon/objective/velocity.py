"""Distance of generalised velocities to those of the kinematic reference."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class VelocityTerm:
    """sum over frames of weights . (qvel - reference)^2.

    Velocities in m/s and rad/s; weights in their inverse squares, so that the loss has no unit. Its
    reason: between two frames positions leave the velocity open, and the window after this one
    starts from it.
    """

    def __init__(
        self, reference: Float[np.ndarray, "F nv"], weights: Float[np.ndarray, " nv"]
    ) -> None:
        self.reference, self.weights = reference, weights

    def first(self, frames: int) -> VelocityTerm:
        """The same on the first frames."""
        return VelocityTerm(self.reference[:frames], self.weights)

    def value(self, rollout: Rollout, at: Int[np.ndarray, " F"]) -> float:
        """Loss summed over the states ``at``."""
        return float(((rollout.qvel[at] - self.reference) ** 2 @ self.weights).sum())

    def add_derivatives(
        self, rollout: Rollout, at: Int[np.ndarray, " F"], out: StateDerivatives
    ) -> float:
        """Adds gradient and, where there is room, Gauss-Newton blocks; returns the loss."""
        r = rollout.qvel[at] - self.reference
        out.dv += 2 * self.weights * r
        if out.curvature is not None:
            out.curvature.vv += 2 * self.weights
        return float((r**2 @ self.weights).sum())
