"""Points fixed on bodies: positions and Jacobians at recorded states."""

import numpy as np
from jaxtyping import Float, Int

from motionrecon.physics.constants import Constants
from motionrecon.physics.rollout import Rollout


class Points:
    """K points, each fixed at a local offset (m) in a body's frame."""

    def __init__(
        self, c: Constants, body: Int[np.ndarray, " K"], offset: Float[np.ndarray, "K 3"]
    ) -> None:
        self.body, self.offset = np.asarray(body), np.asarray(offset, float)
        moves = np.zeros((len(self.body), len(c.dof_parent)))
        for k, b in enumerate(self.body):
            j = c.body_dof[b]
            moves[k, c.ancestors[c.row_start[j] : c.row_start[j + 1]]] = 1
            moves[k, :6] = 1
        self._moves = moves[None, :, :, None]

    def positions(self, r: Rollout, at: Int[np.ndarray, " F"]) -> Float[np.ndarray, "F K 3"]:
        """World positions in m at the states ``at``."""
        return r.xpos[at][:, self.body] + np.einsum(
            "fkab,kb->fka", r.xmat[at][:, self.body], self.offset
        )

    def jacobians(
        self, r: Rollout, at: Int[np.ndarray, " F"], positions: Float[np.ndarray, "F K 3"]
    ) -> Float[np.ndarray, "F K nv 3"]:
        """How each dof's tangent moves each point, m/rad (m/m of the root's translations)."""
        # Motion axes about the centre of mass: velocity of a point = lin + rot x (p - com).
        S = r.cdof[at][:, None]
        arm = (positions - r.com[at][:, None])[:, :, None]
        rot, lin = S[..., :3], S[..., 3:]
        cross = np.empty(np.broadcast_shapes(rot.shape, arm.shape))
        cross[..., 0] = rot[..., 1] * arm[..., 2] - rot[..., 2] * arm[..., 1]
        cross[..., 1] = rot[..., 2] * arm[..., 0] - rot[..., 0] * arm[..., 2]
        cross[..., 2] = rot[..., 0] * arm[..., 1] - rot[..., 1] * arm[..., 0]
        return (cross + lin) * self._moves
