"""Distance of the body's keypoints to the clip's, robust to outliers."""

from __future__ import annotations

from copy import copy

import numpy as np
from jaxtyping import Float, Int

from motionrecon.objective.points import Points
from motionrecon.objective.terms import StateDerivatives
from motionrecon.physics.rollout import Rollout


class KeypointTerm:
    """weight / K * sum over frames and keypoints of confidence * rho(distance^2).

    Distances in m; weight in 1/m^2, so that the loss has no unit. Its reason: this is what the clip
    says, and a keypoint that was detected wrongly must not bend the whole body.

    rho is the pseudo-Huber loss 2 s^2 (sqrt(1 + d^2 / s^2) - 1) (Charbonnier et al. 1994; Barron,
    CVPR 2019): d^2 for distances well below the scale s, linear above it. Its Gauss-Newton weight
    is rho'.
    """

    def __init__(
        self,
        points: Points,
        targets: Float[np.ndarray, "F K 3"],
        confidence: Float[np.ndarray, "F K"],
        weight: float,
        scale: float,
    ) -> None:
        """targets in m, NaN where missing; confidence in [0, 1]; weight in 1/m^2; scale in m."""
        self.points, self.scale = points, scale
        seen = np.isfinite(targets).all(-1)
        self.targets = np.where(seen[..., None], targets, 0.0)
        self.weights = weight / targets.shape[1] * np.where(seen, confidence, 0.0)

    def first(self, frames: int) -> KeypointTerm:
        """The same on the first frames."""
        term = copy(self)
        term.targets, term.weights = self.targets[:frames], self.weights[:frames]
        return term

    def _residuals(
        self, rollout: Rollout, at: Int[np.ndarray, " F"]
    ) -> tuple[Float[np.ndarray, "F K 3"], Float[np.ndarray, "F K 3"], Float[np.ndarray, "F K"]]:
        """Positions, residuals and sqrt(1 + d^2 / s^2)."""
        positions = self.points.positions(rollout, at)
        r = positions - self.targets
        root = np.sqrt(1 + (r * r).sum(-1) / self.scale**2)
        return positions, r, root

    def _loss(self, root: Float[np.ndarray, "F K"]) -> float:
        return float((self.weights * (root - 1)).sum() * 2 * self.scale**2)

    def value(self, rollout: Rollout, at: Int[np.ndarray, " F"]) -> float:
        """Loss summed over the states ``at``."""
        return self._loss(self._residuals(rollout, at)[2])

    def add_derivatives(
        self, rollout: Rollout, at: Int[np.ndarray, " F"], out: StateDerivatives
    ) -> float:
        """Adds gradient and, where there is room, Gauss-Newton blocks; returns the loss."""
        positions, r, root = self._residuals(rollout, at)
        J = self.points.jacobians(rollout, at, positions)
        w = 2 * self.weights / root
        out.dq += np.einsum("fkja,fka->fj", J, w[..., None] * r)
        if out.curvature is not None:
            F, K, nv, _ = J.shape
            rows = (J * np.sqrt(w)[..., None, None]).transpose(0, 1, 3, 2).reshape(F, 3 * K, nv)
            out.curvature.qq += rows.transpose(0, 2, 1) @ rows
        return self._loss(root)
