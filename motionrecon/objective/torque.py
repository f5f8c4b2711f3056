"""Joint torques: of all motions that follow the clip, the one that takes the least strength."""

from copy import copy

import mujoco
import numpy as np
from jaxtyping import Float, Int

from motionrecon.physics.rollout import Rollout


class TorqueTerm:
    """weight * sum over frames and joints of (torque / strength)^2.

    torque = kp (aim + offset - q) - kv qdot, N m, of a joint's servo at the end of each frame;
    strength: its limit, N m.

    In plain words: two feet on the floor can push against each other as hard as they like without
    moving anybody. Keypoints do not tell how hard; people do not do it for nothing.
    """

    def __init__(
        self, model: mujoco.MjModel, aim: Float[np.ndarray, "F nu"], weight: float
    ) -> None:
        """aim: servo targets (rad) at frames 1..F, before offsets."""
        root = np.sqrt(2 * weight) / model.actuator_forcerange[:, 1]
        self.aim = aim
        self.stiffness = root * model.actuator_gainprm[:, 0]  # (nu,) of a residual, by angle
        self.damping = -root * model.actuator_biasprm[:, 2]  # (nu,) by speed

    def first(self, frames: int) -> "TorqueTerm":
        """The same loss on the window's first frames only."""
        term = copy(self)
        term.aim = self.aim[:frames]
        return term

    def residuals(
        self, rollout: Rollout, at: Int[np.ndarray, "F"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> Float[np.ndarray, "F nu"]:
        """Twice the loss is the sum of their squares."""
        stretch = self.aim + knots[1:] - rollout.qpos[at, 7:]
        return self.stiffness * stretch - self.damping * rollout.qvel[at, 6:]

    def rows(self, maps: Float[np.ndarray, "F 2nv+2nu 2nv"]) -> Float[np.ndarray, "F 2nv+2nu nu"]:
        """The residuals' transposed Jacobians by a frame's first state and its two knots."""
        nu = len(self.stiffness)
        nv = maps.shape[2] // 2
        hinge, servo = np.arange(nv - nu, nv), np.arange(nu)
        out = -maps[..., hinge] * self.stiffness.astype(maps.dtype)
        out -= maps[..., nv + hinge] * self.damping.astype(maps.dtype)
        out[:, 2 * nv + nu + servo, servo] += self.stiffness
        return out
