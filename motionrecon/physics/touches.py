"""Contacts that MuJoCo finds between spheres, the floor and the boxes of a scene, step by step."""

import numpy as np
from jaxtyping import Float, Int

from motionrecon.engine import mujoco
from motionrecon.physics.constants import Constants, scene_boxes
from motionrecon.physics.kernels import Touches


def _none() -> Touches:
    i, x = np.zeros(0, np.int64), np.zeros(0)
    return Touches(i, i, i, np.zeros((0, 3, 3)), x, np.zeros((0, 3, 3)), np.zeros((0, 3)))


class Recorder:
    """Notes the contacts of a rollout's steps; `boxes`: how many the scene has."""

    def __init__(self, model: mujoco.MjModel, c: Constants) -> None:
        ids = scene_boxes(model)
        self.boxes, self._radius, self._mu = len(ids), c.sphere_radius, c.friction
        self._size = model.geom_size[ids].copy()
        self._place = model.geom_pos[ids].copy()
        self._axes = np.empty((len(ids), 3, 3))
        for axes, quat in zip(self._axes, model.geom_quat[ids], strict=True):
            mujoco.mju_quat2Mat(axes.reshape(-1), quat)
        self._sphere = np.full(model.ngeom, -1)
        self._sphere[c.sphere_geom] = np.arange(len(c.sphere_geom))
        self._support = np.zeros(model.ngeom, np.int64)
        self._support[ids] = 1 + np.arange(len(ids))
        self.clear()

    def clear(self) -> None:
        """Forgets what was noted."""
        self._geom: list[Int[np.ndarray, "n 2"]] = []
        self._frame: list[Float[np.ndarray, "n 9"]] = []
        self._distance: list[Float[np.ndarray, " n"]] = []
        self._edges: list[Float[np.ndarray, "n 4"]] = []

    def note(self, d: mujoco.MjData) -> None:
        """The contacts of the step that d has just made, copied: MuJoCo gives views."""
        found, force = d.contact, d.efc_force
        self._geom.append(found.geom.copy())
        self._frame.append(found.frame.copy())
        self._distance.append(found.dist.copy())
        self._edges.append(force[found.efc_address[:, None] + np.arange(4)])

    def touches(self, centres: Float[np.ndarray, "T nc 3"]) -> Touches:
        """All that was noted; centres: of the contact spheres, m. Without a scene it is empty.

        MuJoCo keeps a force for each edge of the friction pyramid (manual, Computation, 'Friction
        cones'): the normal force is their sum, a tangential one mu times the difference of a pair.
        The floor is the first of a pair of geoms, a box the second, and the normal points from the
        first to the second.
        """
        if not self.boxes:
            return _none()
        start = np.cumsum([0, *map(len, self._geom)])
        step = np.repeat(np.arange(len(self._geom)), np.diff(start))
        geom = np.concatenate([*self._geom, np.zeros((0, 2), np.int32)]).astype(np.int64)
        frame = np.concatenate([*self._frame, np.zeros((0, 9))]).reshape(-1, 3, 3)
        distance = np.concatenate([*self._distance, np.zeros(0)])
        edges = np.concatenate([*self._edges, np.zeros((0, 4))])
        sphere, support = self._sphere[geom].max(axis=1), self._support[geom].max(axis=1)
        on_box = support > 0
        along = np.stack(
            [
                edges.sum(axis=1),
                self._mu * (edges[:, 0] - edges[:, 1]),
                self._mu * (edges[:, 2] - edges[:, 3]),
            ],
            axis=1,
        )
        force = np.einsum("ni,nij->nj", along, frame) * np.where(on_box, -1.0, 1.0)[:, None]
        frame[on_box, 0] *= -1
        turn = np.zeros((len(geom), 3, 3))
        turn[on_box] = self._turns(
            support[on_box] - 1,
            centres[step, sphere][on_box],
            frame[on_box, 0],
            distance[on_box] + self._radius[sphere[on_box]],
        )
        return Touches(start, sphere, support, frame, distance, turn, force)

    def _turns(
        self,
        box: Int[np.ndarray, " n"],
        centre: Float[np.ndarray, "n 3"],
        normal: Float[np.ndarray, "n 3"],
        length: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n 3 3"]:
        """Derivative (n, 3, 3), 1/m, of the normal by the sphere's centre.

        The normal is x - p over its length, p the point of the box that is closest to the centre x.
        p follows x along the axes in which x is within the box, so x - p moves by the projector P
        on the others: (P - n n') / length. On a face only one is left, P = n n' and nothing turns;
        of a centre inside, the normal is the nearest face's.
        """
        axes = self._axes[box]
        local = np.einsum("nij,ni->nj", axes, centre - self._place[box])
        beyond = np.abs(local) > self._size[box]
        P = np.einsum("nik,nk,njk->nij", axes, beyond, axes)
        turns = beyond.sum(axis=1) > 1
        out = np.zeros_like(P)
        out[turns] = (P[turns] - normal[turns, :, None] * normal[turns, None]) / length[
            turns, None, None
        ]
        return out
