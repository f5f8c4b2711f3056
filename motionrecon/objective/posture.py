"""Distance of joint angles to those of the kinematic reference: it decides what no keypoint
sees.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class PostureTerm:
    """Sum over frames and hinges of weight * (angle - reference)^2.

    Angles in rad; weights in 1/rad^2, a hinge each, so that the loss has no unit. Its reason: no
    keypoint tells a bone's turn about its own axis, and a hidden limb has no keypoint at all.
    """

    def __init__(
        self, reference: Float[np.ndarray, "F nv-6"], weight: Float[np.ndarray, " nv-6"]
    ) -> None:
        self.reference, self.weight = reference, weight

    def first(self, frames: int) -> PostureTerm:
        """The same on the first frames."""
        return PostureTerm(self.reference[:frames], self.weight)

    def value(self, rollout: Rollout, at: Int[np.ndarray, " F"]) -> float:
        """Loss summed over the states ``at``."""
        return float((self.weight * (rollout.qpos[at, 7:] - self.reference) ** 2).sum())

    def add_derivatives(
        self, rollout: Rollout, at: Int[np.ndarray, " F"], out: StateDerivatives
    ) -> float:
        """Adds gradient and, where there is room, Gauss-Newton blocks; returns the loss."""
        r = rollout.qpos[at, 7:] - self.reference
        out.dq[:, 6:] += 2 * self.weight * r
        if out.curvature is not None:
            hinge = np.arange(6, out.dq.shape[1])
            out.curvature.qq[:, hinge, hinge] += 2 * self.weight
        return float((self.weight * r**2).sum())
