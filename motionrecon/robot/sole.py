"""The flat sole of a robot's foot, from the geometry that its file gives it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco

_FLAT_M = 0.015  # what is so little above the lowest point belongs to the sole
# A sole that is shorter or narrower is only where the file's author needed contact.
_LEAST_M = (0.08, 0.03)


class Sole(NamedTuple):
    """A rectangle under the foot, m, from the foot's origin in the world's axes with all hinges at
    zero: its corners with the least x and y and the most; z is the same.
    """

    low: Float[np.ndarray, " 3"]
    high: Float[np.ndarray, " 3"]

    def edges(self, rows: int, radius: float) -> Float[np.ndarray, "n 3"]:
        """Centres of spheres of that radius that stand for it: `rows` along each long edge."""
        z = self.low[2] + radius
        x = np.linspace(self.low[0] + radius, self.high[0] - radius, rows)
        inset = min(radius, 0.25 * (self.high[1] - self.low[1]))
        y = (self.low[1] + inset, self.high[1] - inset)
        return np.array([[a, b, z] for b in y for a in x])

    def sides(self, radius: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The two long edges, as ends of capsules."""
        edge = self.edges(2, radius)
        yield edge[0], edge[1]
        yield edge[2], edge[3]


def sole_of(model: mujoco.MjModel, zero: mujoco.MjData, foot: int) -> Sole | None:
    """Of a link and what is fixed to it: of the geometry that touches things, or where that is no
    sole of all. zero: after mj_kinematics with all hinges at zero. None where it has no geometry.
    """
    fixed = [foot]
    for b in range(foot + 1, model.nbody):
        if int(model.body_parentid[b]) in fixed and not model.body_jntnum[b]:
            fixed.append(b)
    mine = [g for g in range(model.ngeom) if model.geom_bodyid[g] in fixed]
    touching = [g for g in mine if model.geom_contype[g] or model.geom_conaffinity[g]]
    sole = _flat(model, zero, foot, touching)
    if sole is None or np.any((sole.high - sole.low)[:2] < _LEAST_M):
        sole = _flat(model, zero, foot, mine)
    return sole


def _flat(model: mujoco.MjModel, zero: mujoco.MjData, foot: int, geoms: list[int]) -> Sole | None:
    points = [_lowest_points(model, zero, g) for g in geoms]
    if not points:
        return None
    every = np.concatenate(points) - zero.xpos[foot]
    z = every[:, 2].min()
    flat = every[every[:, 2] < z + _FLAT_M]
    low, high = flat.min(axis=0), flat.max(axis=0)
    return Sole(np.array([low[0], low[1], z]), np.array([high[0], high[1], z]))


def _lowest_points(model: mujoco.MjModel, data: mujoco.MjData, g: int) -> Float[np.ndarray, "n 3"]:
    """Points on the underside of a geom, m, world frame."""
    kind, size = model.geom_type[g], model.geom_size[g]
    down = np.array([0.0, 0.0, -1.0])
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[g]
        first = model.mesh_vertadr[mesh]
        local = model.mesh_vert[first : first + model.mesh_vertnum[mesh]].astype(float)
        grow = 0.0
    elif kind in (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER):
        local = np.array([[0, 0, -size[1]], [0, 0, size[1]]], float)
        grow = float(size[0])
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        local, grow = np.zeros((1, 3)), float(size[0])
    else:
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        local, grow = signs * size, 0.0
    world = data.geom_xpos[g] + local @ data.geom_xmat[g].reshape(3, 3).T
    return world + grow * down
