"""What inverse kinematics knows of a body: its tree, priors, and both as the compiled loops take
them.
"""

from collections.abc import Iterator

import numpy as np

from motionrecon.body.build import Body
from motionrecon.kinematics.forward import carried, forward
from motionrecon.kinematics.frame import Constants
from motionrecon.kinematics.prior import prior_of
from motionrecon.kinematics.tree import Tree, tree_of

LIMBS = ("", "l_arm", "r_arm", "l_leg", "r_leg")  # "" : all of the body
LIMIT_SPREAD = 0.03  # rad by which a soft limit may be overstepped


class FrameProblem:
    """One body's data for the frame and trajectory solvers. points may be moved by with_points
    (calibration).
    """

    def __init__(self, body: Body, tree: Tree | None = None) -> None:
        self.body, self.names = body, body.keypoint_names
        self.tree = tree if tree is not None else tree_of(body)
        t = self.tree
        self.prior = prior_of(t)
        dof_body = np.ones(t.nv, np.int64)
        for b in range(len(t.parent)):
            dof_body[t.first_dof[b] : t.first_dof[b] + t.dof_count[b]] = b
        self.constants = Constants(
            *t.arrays(),
            chain=t.chain,
            chain_length=t.chain_length,
            dof_body=dof_body,
            limits=t.limits,
            point_body=t.point_body,
            point_pos=t.point_pos,
            sphere_body=t.sphere_body,
            sphere_pos=t.sphere_pos,
            sphere_radius=t.sphere_radius,
            neutral=self.prior.neutral,
            precision=self.prior.precision,
            limit_weight=1 / LIMIT_SPREAD**2,
        )
        self.no_floor = np.zeros((len(t.sphere_body), 5))
        self._index = {n: 6 + i for i, n in enumerate(t.joint_names)}
        # Asked for hundreds of times in a search for a pose.
        self._dofs = {limb: self._dofs_of(limb) for limb in LIMBS}

    def with_points(self, point_pos: np.ndarray) -> "FrameProblem":
        """The same with keypoints at point_pos (K, 3) m on their bodies."""
        return FrameProblem(self.body, self.tree.with_points(point_pos))

    def neutral_qpos(self) -> np.ndarray:
        """qpos (nq,): the root at its place, hinges at neutral."""
        q = self.body.model.qpos0.copy()
        q[7:] = self.prior.neutral[6:]
        return q

    def poses(self, qpos: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places (nbody, 3) m and rotations (nbody, 3, 3) of the bodies in each of qpos (T, nq), in
        arrays that the next one overwrites.
        """
        t = self.tree
        xpos, xmat = np.empty((len(t.parent), 3)), np.empty((len(t.parent), 3, 3))
        axes = np.empty((t.nv, 3))
        for q in qpos:
            forward(q, *t.arrays(), xpos, xmat, axes)
            yield xpos, xmat

    def points_of(self, qpos: np.ndarray) -> np.ndarray:
        """Keypoints of the model: qpos (nq,) -> (K, 3), or (T, nq) -> (T, K, 3), m."""
        many = np.atleast_2d(qpos)
        t = self.tree
        out = np.empty((len(many), len(t.point_body), 3))
        for row, (xpos, xmat) in zip(out, self.poses(many), strict=True):
            carried(t.point_body, t.point_pos, xpos, xmat, row)
        return out if np.ndim(qpos) == 2 else out[0]

    def soles_of(self, qpos: np.ndarray, spheres: np.ndarray) -> np.ndarray:
        """Lowest points (T, S, 3) m of some contact spheres (S,) in configurations qpos (T, nq)."""
        t = self.tree
        body, pos = t.sphere_body[spheres], t.sphere_pos[spheres]
        out = np.empty((len(qpos), len(spheres), 3))
        for row, (xpos, xmat) in zip(out, self.poses(qpos), strict=True):
            carried(body, pos, xpos, xmat, row)
        out[..., 2] -= t.sphere_radius[spheres]
        return out

    def limb_dofs(self, limb: str) -> np.ndarray:
        """Dofs (not qpos addresses) of "l_arm", "r_arm", "l_leg" or "r_leg"; of all hinges: ""."""
        return self._dofs[limb]

    def _dofs_of(self, limb: str) -> np.ndarray:
        if not limb:
            return np.arange(6, self.tree.nv)
        kinds = (
            ("girdle", "shoulder", "elbow", "wrist")
            if limb.endswith("arm")
            else ("hip", "knee", "ankle", "toes")
        )
        return np.array(
            [d for n, d in self._index.items() if n[:2] == limb[:2] and n[2:].startswith(kinds)]
        )

    def with_limbs(self, q: np.ndarray, arm: tuple, leg: tuple) -> np.ndarray:
        """q with both arms and legs at the given angles in degrees (see start)."""
        out = q.copy()
        for side in ("l_", "r_"):
            for name, angle in zip(
                ("shoulder_first", "shoulder_second", "shoulder_twist", "elbow"), arm, strict=True
            ):
                out[self._index[side + name] + 1] = np.deg2rad(angle)
            for name, angle in zip(
                ("hip_flexion", "hip_abduction", "hip_rotation", "knee"), leg, strict=True
            ):
                out[self._index[side + name] + 1] = np.deg2rad(angle)
        return out

    def unease(self, q: np.ndarray, limb: str) -> float:
        """Pull to neutral and overstepped limits of a limb's joints ("" : all joints),
        dimensionless.
        """
        d = self.limb_dofs(limb)
        angle, limits = q[d + 1], self.tree.limits[d]
        over = np.minimum(angle - limits[:, 0], 0) + np.maximum(angle - limits[:, 1], 0)
        return float(
            (self.prior.precision[d] * (angle - self.prior.neutral[d]) ** 2).sum()
            + self.constants.limit_weight * (over**2).sum()
        )
