"""Forces of the floor on the body: of a rollout from its own records, of one state from MuJoCo's
contacts.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.physics.constants import Constants, contact_spheres
from motionrecon.physics.rollout import Rollout

FEET = ("left", "right")
CENTRE_N = 1.0  # N, below it a foot has no centre of pressure


class Contact(NamedTuple):
    """One contact of a segment with the floor, world frame."""

    body: int  # id of the segment in the model
    force: Float[np.ndarray, "3"]  # N, of the floor on the segment
    place: Float[np.ndarray, "3"]  # m


class FloorForces(NamedTuple):
    """Forces of the floor at n states, world frame, left foot first."""

    foot: Float[np.ndarray, "n 2 3"]  # N
    centre: Float[np.ndarray, "n 2 3"]  # m, of pressure, on the floor; NaN while unloaded
    other: Float[np.ndarray, "n 3"]  # N, on all other segments
    free_moment: Float[np.ndarray, "n 2"]  # N m, about the vertical through `centre`; 0 unloaded
    segment: Float[np.ndarray, "n B 3"]  # N, on each of `touching_segments`


def foot_bodies(model: mujoco.MjModel) -> dict[int, int]:
    """Body id -> 0 for the left foot's segments, 1 for the right's."""
    return {
        model.body(f"{s}_{part}").id: i for i, s in enumerate("lr") for part in ("foot", "toes")
    }


def touching_segments(model: mujoco.MjModel) -> tuple[str, ...]:
    """Names of the segments that have contact spheres, in the model's order."""
    bodies = sorted({int(model.geom_bodyid[g]) for g in contact_spheres(model)})
    return tuple(model.body(b).name for b in bodies)


def floor_contacts(model: mujoco.MjModel, data: mujoco.MjData) -> Iterator[Contact]:
    """Every contact with the floor in `data`, after mj_forward or mj_step."""
    wrench = np.zeros(6)
    for i in range(data.ncon):
        contact = data.contact[i]
        mujoco.mj_contactForce(model, data, i, wrench)
        body = int(model.geom_bodyid[contact.geom[1]])
        yield Contact(body, contact.frame.reshape(3, 3).T @ wrench[:3], contact.pos.copy())


def sphere_forces(c: Constants, rollout: Rollout, steps: int) -> Float[np.ndarray, "n nc 3"]:
    """Force of the floor on every contact sphere at the states before a rollout's first `steps`
    steps, N, world frame.

    MuJoCo keeps a force for each edge of the friction pyramid (manual, Computation, 'Friction
    cones'): the normal force is their sum, a tangential one mu times the difference of a pair.
    The edges of the active contacts are the last rows of a step's constraints, in the order of the
    spheres; a contact is active where its sphere is below the floor's surface.
    """
    active = rollout.centres[:steps, :, 2] - c.sphere_radius < 0
    edges = np.zeros((*active.shape, 4))
    for t, touching in enumerate(active):
        if count := np.count_nonzero(touching):
            edges[t, touching] = rollout.constraint_force[t][-4 * count :].reshape(count, 4)
    normal = 0.5 * (c.contact_rows[0] + c.contact_rows[1])
    first, second = 0.5 * (c.contact_rows[::2] - c.contact_rows[1::2])  # times mu
    along = edges[..., 0] + edges[..., 1] + edges[..., 2] + edges[..., 3]
    return (
        along[..., None] * normal
        + (edges[..., 0] - edges[..., 1])[..., None] * first
        + (edges[..., 2] - edges[..., 3])[..., None] * second
    )


def floor_forces(c: Constants, rollout: Rollout, sides: dict[int, int], steps: int) -> FloorForces:
    """Forces of the floor at the states before a rollout's first `steps` steps.

    sides: as of `foot_bodies`. Nothing is simulated: the rollout has recorded what is needed.
    """
    bodies = np.unique(c.sphere_body)
    foot, other = np.zeros((steps, 2, 3)), np.zeros((steps, 3))
    moment, centre = np.zeros((steps, 2, 2)), np.full((steps, 2, 3), np.nan)
    turn, free = np.zeros((steps, 2)), np.zeros((steps, 2))  # about the world's origin, the centre
    segment = np.zeros((steps, len(bodies), 3))
    forces = sphere_forces(c, rollout, steps)
    for i, body in enumerate(c.sphere_body):
        segment[:, np.searchsorted(bodies, body)] += forces[:, i]
        side = sides.get(int(body))
        if side is None:
            other += forces[:, i]
        else:
            place = rollout.centres[:steps, i, :2]
            foot[:, side] += forces[:, i]
            moment[:, side] += forces[:, i, 2:] * place
            turn[:, side] += moment_about_z(place, forces[:, i])
    loaded = foot[..., 2] > CENTRE_N
    centre[loaded, :2] = moment[loaded] / foot[loaded, 2:]
    centre[loaded, 2] = 0.0
    free[loaded] = turn[loaded] - moment_about_z(centre[loaded], foot[loaded])
    return FloorForces(foot, centre, other, free, segment)


def moment_about_z(
    place: Float[np.ndarray, "... d"], force: Float[np.ndarray, "... 3"]
) -> Float[np.ndarray, "..."]:
    """N m, of forces (N) at places (m) about the world's z axis, anticlockwise seen from above."""
    return place[..., 0] * force[..., 1] - place[..., 1] * force[..., 0]
