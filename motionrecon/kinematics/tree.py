"""A body's kinematic tree as plain arrays, for the compiled loops."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from motionrecon.body.build import Body
from motionrecon.engine import mujoco
from motionrecon.errors import BodyError


@dataclass(frozen=True)
class Tree:
    """Bodies (world is 0, the free root 1), hinges in dof order, and points carried by the bodies.

    chain (nbody, depth): the dofs that move a body, root first, chain_length (nbody,) of them
    valid. axis (nv, 3): hinge axes in the body's frame (rows 0 to 5 unused). limits (nv, 2) rad.
    point_body (K,), point_pos (K, 3) m: keypoints; sphere_body, sphere_pos, sphere_radius: what may
    touch the floor.
    """

    parent: Int[np.ndarray, " nbody"]
    body_pos: Float[np.ndarray, "nbody 3"]
    first_dof: Int[np.ndarray, " nbody"]
    dof_count: Int[np.ndarray, " nbody"]
    chain: Int[np.ndarray, "nbody depth"]
    chain_length: Int[np.ndarray, " nbody"]
    axis: Float[np.ndarray, "nv 3"]
    limits: Float[np.ndarray, "nv 2"]
    point_body: Int[np.ndarray, " K"]
    point_pos: Float[np.ndarray, "K 3"]
    sphere_body: Int[np.ndarray, " S"]
    sphere_pos: Float[np.ndarray, "S 3"]
    sphere_radius: Float[np.ndarray, " S"]
    joint_names: tuple[str, ...]  # of dofs 6 on

    @property
    def nv(self) -> int:
        """Degrees of freedom, the free root's six included."""
        return len(self.axis)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What the compiled forward kinematics take."""
        return self.parent, self.body_pos, self.first_dof, self.dof_count, self.axis

    def with_points(self, point_pos: np.ndarray) -> "Tree":
        """The same tree with its keypoints elsewhere on their bodies; point_pos (K, 3) m."""
        return replace(self, point_pos=np.ascontiguousarray(point_pos, float))


def tree_of(body: Body) -> Tree:
    """Tree of a motionrecon.body.Body. Raises BodyError for other than one free root, then hinges,
    frames aligned.
    """
    m = body.model
    hinge = mujoco.mjtJoint.mjJNT_HINGE
    aligned = np.allclose(m.body_quat[:, 0], 1.0) and np.allclose(m.jnt_pos, 0.0)
    if (
        m.jnt_type[0] != mujoco.mjtJoint.mjJNT_FREE
        or not (m.jnt_type[1:] == hinge).all()
        or not aligned
    ):
        raise BodyError(
            "kinematics need one free root, then hinges through body origins, with all body "
            "frames aligned"
        )
    first = np.array([m.body_dofadr[b] if m.body_dofnum[b] else 0 for b in range(m.nbody)])
    chains = [_chain(m, b) for b in range(m.nbody)]
    depth = max(len(c) for c in chains)
    chain = np.zeros((m.nbody, depth), np.int64)
    for b, c in enumerate(chains):
        chain[b, : len(c)] = c
    axis, limits = np.zeros((m.nv, 3)), np.tile([-np.inf, np.inf], (m.nv, 1))
    axis[6:], limits[6:] = m.jnt_axis[1:], m.jnt_range[1:]
    touching = np.flatnonzero(
        (m.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE) & (m.geom_conaffinity > 0)
    )
    return Tree(
        parent=m.body_parentid.astype(np.int64),
        body_pos=m.body_pos.copy(),
        first_dof=first.astype(np.int64),
        dof_count=m.body_dofnum.astype(np.int64),
        chain=chain,
        chain_length=np.array([len(c) for c in chains], np.int64),
        axis=axis,
        limits=limits,
        point_body=np.asarray(body.keypoint_body, np.int64),
        point_pos=np.ascontiguousarray(body.keypoint_pos, float),
        sphere_body=m.geom_bodyid[touching].astype(np.int64),
        sphere_pos=m.geom_pos[touching].copy(),
        sphere_radius=m.geom_size[touching, 0].copy(),
        joint_names=tuple(m.joint(i).name for i in range(1, m.njnt)),
    )


def _chain(m: mujoco.MjModel, body: int) -> list[int]:
    dofs: list[int] = []
    while body > 0:
        dofs = list(range(m.body_dofadr[body], m.body_dofadr[body] + m.body_dofnum[body])) + dofs
        body = m.body_parentid[body]
    return dofs
