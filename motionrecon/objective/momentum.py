"""Momentum of the whole body against the reference's; its change is what the floor gives."""

from copy import copy

import numpy as np
from jaxtyping import Float, Int

from motionrecon.objective.terms import Residuals
from motionrecon.physics.constants import Constants
from motionrecon.physics.momentum import momenta
from motionrecon.physics.rollout import Rollout

# Where the pull becomes linear, per kilogram of body: 0.03 m/s is a tenth of a body weight for a
# frame of 1/30 s; 0.01 m^2/s the same with a lever of 0.3 m. A reference that no floor can give (a
# fall through the air drawn by hand) must not throw the body over.
_LINEAR_SCALE, _ANGULAR_SCALE = 0.03, 0.01


class MomentumTerm:
    """Mean over the samples of a frame, summed over frames, of
    linear * rho(|p - p*| / m) + angular * rho(|L - L*| / m).

    p linear momentum (kg m/s), L angular about the centre of mass (kg m^2/s), * the reference's, m
    the mass; rho the pseudo-Huber loss of `keypoints.KeypointTerm`. Weights in s^2/m^2 and s^2/m^4.

    In plain words: force is the change of momentum. Following the momentum closely is having the
    floor push as it pushed the person; without it nothing makes an impulse cost anything. It is
    looked at several times a frame, since forces that swing from one frame to the next would not
    be seen at frames alone.
    """

    def __init__(
        self,
        c: Constants,
        reference: Float[np.ndarray, "F S 6"],
        mass: float,
        linear: Float[np.ndarray, "F"],
        angular: Float[np.ndarray, "F"],
    ) -> None:
        """reference: angular, then linear momentum at the S samples of each frame; linear, angular:
        weights of each frame.
        """
        self.constants, self.reference, self.mass = c, reference, mass
        self.samples = reference.shape[1]
        weights = np.stack([angular, linear], axis=1) / reference.shape[1]
        self.weights = weights[:, None] / mass**2  # (F, 1, 2)

    def first(self, frames: int) -> "MomentumTerm":
        """The same loss on the window's first frames only."""
        term = copy(self)
        term.reference, term.weights = self.reference[:frames], self.weights[:frames]
        return term

    def _differences(
        self, h: Float[np.ndarray, "n 6"]
    ) -> tuple[Float[np.ndarray, "F S 2 3"], Float[np.ndarray, "F S 2"]]:
        r = (h.reshape(self.reference.shape) - self.reference).reshape(
            *self.reference.shape[:2], 2, 3
        )
        scale = self.mass * np.array([_ANGULAR_SCALE, _LINEAR_SCALE])
        return r, np.sqrt(1 + (r * r).sum(-1) / scale**2)

    def _loss(self, root: Float[np.ndarray, "F S 2"]) -> float:
        scale = self.mass * np.array([_ANGULAR_SCALE, _LINEAR_SCALE])
        return float((self.weights * 2 * scale**2 * (root - 1)).sum())

    def value(
        self, rollout: Rollout, at: Int[np.ndarray, "F S"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> float:
        """Loss of the states ``at``; knots play no part."""
        return self._loss(self._differences(momenta(self.constants, rollout, at.ravel()).h)[1])

    def residuals(
        self, rollout: Rollout, at: Int[np.ndarray, "F S"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> Residuals:
        """The weighted differences [angular, linear], m = 6."""
        h, by_q, by_v = momenta(self.constants, rollout, at.ravel())
        r, root = self._differences(h)
        weight = np.repeat(np.sqrt(2 * self.weights / root), 3, axis=-1)
        jacobian = np.concatenate([by_q, by_v], axis=1).reshape(*at.shape, -1, 6)
        values = r.reshape(weight.shape) * weight
        return Residuals(self._loss(root), values, jacobian * weight[..., None, :])
