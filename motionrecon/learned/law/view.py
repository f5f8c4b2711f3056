"""What the law sees of one window: the plan from its first frame on, and in the loop the state's
error.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.plan import Plan
from motionrecon.objective.window import Window

# Sizes of a usual error: of the root's place (m), its turn, the hinges (rad), the same of speeds,
# and of the last knot (rad).
_PLACE, _TURN, _HINGE = 0.015, 0.03, 0.05
_SPEED, _SPIN, _HINGE_SPEED = 0.1, 0.3, 0.6
_KNOT = 0.08


def scales(nu: int) -> Float[np.ndarray, " E"]:
    """Units of an error, E = 2 (6 + nu) + nu."""
    return np.concatenate(
        [
            np.full(3, _PLACE),
            np.full(3, _TURN),
            np.full(nu, _HINGE),
            np.full(3, _SPEED),
            np.full(3, _SPIN),
            np.full(nu, _HINGE_SPEED),
            np.full(nu, _KNOT),
        ]
    )


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """first: the window's first frame in the plan. tokens: of its frames and those ahead, with the
    knots that the window before found and whether it did; the plan's last frame repeats. None
    where no network reads them.
    """

    plan: Plan
    first: int
    tokens: Float[np.ndarray, "K D"] | None = None

    @classmethod
    def of(
        cls, plan: Plan, first: int, found: Float[np.ndarray, "n nu"], config: LawConfig
    ) -> View:
        """first: of the reference. found: knots 0, 1, ... of the window that are known."""
        first -= plan.first
        count = config.frames + 1 + config.ahead
        at = np.minimum(np.arange(first, first + count), len(plan.tokens) - 1)
        knots = np.zeros((count, config.joints + 1), np.float32)
        knots[: len(found), :-1], knots[: len(found), -1] = 3 * found, 1.0
        return cls(plan, first, np.concatenate([plan.tokens[at], knots], 1))

    def error(
        self,
        window: Window,
        frame: int,
        qpos: Float[np.ndarray, " nq"],
        qvel: Float[np.ndarray, " nv"],
        knot: Float[np.ndarray, " nu"],
    ) -> Float[np.ndarray, " E"]:
        """Tangent and velocity of the state from the reference's, and the knot; SI units, world
        frame.
        """
        p, f, nv = self.plan, self.first + frame, len(qvel)
        out = np.empty(2 * nv + len(knot))
        mujoco.mj_differentiatePos(window.simulator.model, out[:nv], 1.0, p.qpos[f], qpos)
        out[nv : 2 * nv] = qvel - p.qvel[f]
        out[2 * nv :] = knot
        return out

    def turned(self, frame: int, error: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E"]:
        """An error as the network sees it: along the heading, in usual sizes."""
        H, out = self.plan.heading[self.first + frame], error.copy()
        nu = len(self.plan.limit)
        nv = (len(error) - nu) // 2
        out[:3], out[nv : nv + 3] = H @ error[:3], H @ error[nv : nv + 3]
        return out / scales(nu)

    def turned_back(self, frame: int, gradient: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E"]:
        """A gradient with respect to `turned`, with respect to the error: the transpose."""
        H, nu = self.plan.heading[self.first + frame], len(self.plan.limit)
        out = gradient / scales(nu)
        nv = (len(gradient) - nu) // 2
        out[:3], out[nv : nv + 3] = H.T @ out[:3], H.T @ out[nv : nv + 3]
        return out
