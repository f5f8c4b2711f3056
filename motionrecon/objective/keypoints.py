"""Distance of the body's keypoints to the clip's, robust to outliers."""

from copy import copy

import numpy as np

from motionrecon.objective.points import Points
from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class KeypointTerm:
    """weight / K * sum over frames and keypoints of confidence * rho(distance^2), in m^2.

    rho is the pseudo-Huber loss 2 s^2 (sqrt(1 + d^2 / s^2) - 1) (Charbonnier et al. 1994; Barron,
    CVPR 2019): d^2 for distances well below the scale s, linear above it. Its Gauss-Newton weight
    is rho'.
    """

    def __init__(
        self,
        points: Points,
        targets: np.ndarray,
        confidence: np.ndarray,
        weight: float,
        scale: float,
    ):
        """targets (F, K, 3) m, NaN where missing; confidence (F, K) in [0, 1]; scale in m."""
        self.points, self.scale = points, scale
        seen = np.isfinite(targets).all(-1)
        self.targets = np.where(seen[..., None], targets, 0.0)
        self.weights = weight / targets.shape[1] * np.where(seen, confidence, 0.0)

    def first(self, frames: int) -> "KeypointTerm":
        term = copy(self)
        term.targets, term.weights = self.targets[:frames], self.weights[:frames]
        return term

    def _residuals(self, rollout: Rollout, at: np.ndarray):
        positions = self.points.positions(rollout, at)
        r = positions - self.targets
        root = np.sqrt(1 + (r * r).sum(-1) / self.scale**2)
        return positions, r, root

    def _loss(self, root: np.ndarray) -> float:
        return float((self.weights * (root - 1)).sum() * 2 * self.scale**2)

    def value(self, rollout: Rollout, at: np.ndarray) -> float:
        return self._loss(self._residuals(rollout, at)[2])

    def add_derivatives(
        self, rollout: Rollout, at: np.ndarray, out: StateDerivatives, curvature: bool
    ) -> float:
        positions, r, root = self._residuals(rollout, at)
        J = self.points.jacobians(rollout, at, positions)
        w = 2 * self.weights / root
        out.dq += np.einsum("fkja,fka->fj", J, w[..., None] * r)
        if curvature:
            F, K, nv, _ = J.shape
            rows = (J * np.sqrt(w)[..., None, None]).transpose(0, 1, 3, 2).reshape(F, 3 * K, nv)
            out.qq += rows.transpose(0, 2, 1) @ rows
        return self._loss(root)
