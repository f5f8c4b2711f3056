"""Distance of generalised velocities to those of the kinematic reference."""

import numpy as np

from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class VelocityTerm:
    """sum over frames of weights . (qvel - reference)^2; reference (F, nv) m/s and rad/s, weights
    (nv,).
    """

    def __init__(self, reference: np.ndarray, weights: np.ndarray):
        self.reference, self.weights = reference, weights

    def first(self, frames: int) -> "VelocityTerm":
        return VelocityTerm(self.reference[:frames], self.weights)

    def value(self, rollout: Rollout, at: np.ndarray) -> float:
        return float(((rollout.qvel[at] - self.reference) ** 2 @ self.weights).sum())

    def add_derivatives(
        self, rollout: Rollout, at: np.ndarray, out: StateDerivatives, curvature: bool
    ) -> float:
        r = rollout.qvel[at] - self.reference
        out.dv += 2 * self.weights * r
        if curvature:
            out.vv += 2 * self.weights
        return float((r**2 @ self.weights).sum())
