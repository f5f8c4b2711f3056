"""Distance of joint angles to those of the kinematic reference: it decides what no keypoint sees."""

import numpy as np

from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class PostureTerm:
    """weight * sum over frames and hinges of (angle - reference)^2; reference (F, nv - 6) rad."""

    def __init__(self, reference: np.ndarray, weight: float):
        self.reference, self.weight = reference, weight

    def first(self, frames: int) -> "PostureTerm":
        return PostureTerm(self.reference[:frames], self.weight)

    def value(self, rollout: Rollout, at: np.ndarray) -> float:
        return float(self.weight * ((rollout.qpos[at, 7:] - self.reference) ** 2).sum())

    def add_derivatives(
        self, rollout: Rollout, at: np.ndarray, out: StateDerivatives, curvature: bool
    ) -> float:
        r = rollout.qpos[at, 7:] - self.reference
        out.dq[:, 6:] += 2 * self.weight * r
        if curvature:
            hinge = np.arange(6, out.dq.shape[1])
            out.qq[:, hinge, hinge] += 2 * self.weight
        return float(self.weight * (r**2).sum())
