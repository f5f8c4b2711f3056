"""Joint torques: of all motions that follow the clip, the one that takes the least strength."""

from copy import copy

import numpy as np
from jaxtyping import Float, Int

from motionrecon.engine import mujoco
from motionrecon.objective.terms import Residuals
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
        self.aim, self.samples = aim, 1
        self.stiffness = root * model.actuator_gainprm[:, 0]  # (nu,) of a residual, by angle
        self.damping = -root * model.actuator_biasprm[:, 2]  # (nu,) by speed

    def first(self, frames: int) -> "TorqueTerm":
        """The same loss on the window's first frames only."""
        term = copy(self)
        term.aim = self.aim[:frames]
        return term

    def _torques(
        self, rollout: Rollout, at: Int[np.ndarray, "F 1"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> Float[np.ndarray, "F 1 nu"]:
        """Over strengths, times the root of twice the weight."""
        nu = len(self.stiffness)
        angle, speed = rollout.qpos[at][..., -nu:], rollout.qvel[at][..., -nu:]
        stretch = (self.aim + knots[1:])[:, None] - angle
        return self.stiffness * stretch - self.damping * speed

    def value(
        self, rollout: Rollout, at: Int[np.ndarray, "F 1"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> float:
        """Loss at the frames' ends."""
        return 0.5 * float((self._torques(rollout, at, knots) ** 2).sum())

    def residuals(
        self, rollout: Rollout, at: Int[np.ndarray, "F 1"], knots: Float[np.ndarray, "F+1 nu"]
    ) -> Residuals:
        """One a joint, m = nu."""
        torques = self._torques(rollout, at, knots)
        nv, nu = rollout.qvel.shape[1], len(self.stiffness)
        hinge, servo = np.arange(nv - nu, nv), np.arange(nu)
        by_state = np.zeros((2 * nv, nu))
        by_state[hinge, servo] = -self.stiffness
        by_state[nv + hinge, servo] = -self.damping
        return Residuals(
            0.5 * float((torques**2).sum()),
            torques,
            np.broadcast_to(by_state, (len(at), 1, *by_state.shape)),
            self.stiffness,
        )
