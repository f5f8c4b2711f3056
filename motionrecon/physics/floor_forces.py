"""Forces of the floor, and of a scene's supports, on the body: of a rollout from its own records,
of one state from MuJoCo's contacts.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motionrecon.engine import mujoco
from motionrecon.physics.constants import Constants, contact_spheres
from motionrecon.physics.kernels import Touches
from motionrecon.physics.rollout import Rollout

FEET = ("left", "right")
CENTRE_N = 1.0  # N, below it a foot has no centre of pressure


class Contact(NamedTuple):
    """One contact of a segment with the floor or a support, world frame."""

    body: int  # id of the segment in the model
    force: Float[np.ndarray, "3"]  # N, on the segment
    place: Float[np.ndarray, "3"]  # m


class FloorForces(NamedTuple):
    """Forces of the floor and a scene's supports together at n states, world frame, left foot
    first.
    """

    foot: Float[np.ndarray, "n 2 3"]  # N
    centre: Float[np.ndarray, "n 2 3"]  # m, of pressure, on what carries; NaN while unloaded
    other: Float[np.ndarray, "n 3"]  # N, on all other segments
    free_moment: Float[np.ndarray, "n 2"]  # N m, about the vertical through `centre`; 0 unloaded
    segment: Float[np.ndarray, "n B 3"]  # N, on each of `touching_segments`


def foot_bodies(model: mujoco.MjModel) -> dict[int, int]:
    """Body id -> 0 for the left foot's segments, 1 for the right's, the ankle's first: of a person
    by their names, of a robot by its soles'. Raises KeyError for a model without feet.
    """
    soles = _soles(model)
    if soles:
        return soles
    return {
        model.body(f"{s}_{part}").id: i for i, s in enumerate("lr") for part in ("foot", "toes")
    }


def _soles(model: mujoco.MjModel) -> dict[int, int]:
    """The same of a robot, whose spheres under the feet are named l_sole_0 and so on."""
    named = ((g, model.geom(g).name) for g in contact_spheres(model))
    return {int(model.geom_bodyid[g]): "lr".index(n[0]) for g, n in named if n[1:7] == "_sole_"}


def touching_segments(model: mujoco.MjModel) -> tuple[str, ...]:
    """Names of the segments that have contact spheres, in the model's order."""
    bodies = sorted({int(model.geom_bodyid[g]) for g in contact_spheres(model)})
    return tuple(model.body(b).name for b in bodies)


def floor_contacts(model: mujoco.MjModel, data: mujoco.MjData) -> Iterator[Contact]:
    """Every contact with the floor or a support in `data`, after mj_forward or mj_step.

    The body comes second in its contacts with the floor, first in those with boxes; MuJoCo's force
    is that on the second.
    """
    wrench = np.zeros(6)
    for i in range(data.ncon):
        contact = data.contact[i]
        mujoco.mj_contactForce(model, data, i, wrench)
        first, body = (int(model.geom_bodyid[g]) for g in contact.geom)
        force = contact.frame.reshape(3, 3).T @ wrench[:3]
        if body == 0:
            body, force = first, -force
        yield Contact(body, force, contact.pos.copy())


def sphere_forces(c: Constants, rollout: Rollout, steps: int) -> Float[np.ndarray, "n nc 3"]:
    """Force of the floor and supports on every contact sphere at the states before a rollout's
    first `steps` steps, N, world frame.

    MuJoCo keeps a force for each edge of the friction pyramid (manual, Computation, 'Friction
    cones'): the normal force is their sum, a tangential one mu times the difference of a pair.
    The edges of the active contacts are the last rows of a step's constraints, in the order of the
    spheres; a contact is active where its sphere is below the floor's surface. With a scene the
    rollout has listed its contacts instead.
    """
    if len(rollout.touches.start):
        step, listed = _listed(rollout, steps)
        out = np.zeros((steps, len(c.sphere_radius), 3))
        np.add.at(out, (step, listed.sphere), listed.force)
        return out
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
    """Forces of the floor and supports at the states before a rollout's first `steps` steps.

    sides: as of `foot_bodies`. Nothing is simulated: the rollout has recorded what is needed.
    """
    if len(rollout.touches.start):
        return _with_supports(c, rollout, sides, steps)
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


def support_forces(rollout: Rollout, steps: int, supports: int) -> Float[np.ndarray, "n P 3"]:
    """Force on the body of the floor, then of each of a scene's supports, at the states before a
    rollout's first `steps` steps, N, world frame; P = 1 + supports, 0 where there are none.
    """
    out = np.zeros((steps, 1 + supports if supports else 0, 3))
    if supports:
        step, listed = _listed(rollout, steps)
        np.add.at(out, (step, listed.support), listed.force)
    return out


def _listed(rollout: Rollout, steps: int) -> tuple[Int[np.ndarray, " n"], Touches]:
    """The step of each contact of a rollout's first `steps` steps, and these contacts."""
    t = rollout.touches
    end = t.start[steps]
    step = np.repeat(np.arange(steps), np.diff(t.start[: steps + 1]))
    return step, Touches(t.start[: steps + 1], *(values[:end] for values in t[1:]))


def _with_supports(
    c: Constants, rollout: Rollout, sides: dict[int, int], steps: int
) -> FloorForces:
    """As floor_forces, of listed contacts: each pushes at its own place, midway between the
    surfaces.
    """
    step, listed = _listed(rollout, steps)
    bodies, body = np.unique(c.sphere_body), c.sphere_body[listed.sphere]
    depth = c.sphere_radius[listed.sphere] + 0.5 * listed.distance
    place = rollout.centres[step, listed.sphere] - listed.frame[:, 0] * depth[:, None]
    segment, foot, other = (
        np.zeros((steps, len(bodies), 3)),
        np.zeros((steps, 2, 3)),
        np.zeros((steps, 3)),
    )
    moment, turn = np.zeros((steps, 2, 3)), np.zeros((steps, 2))
    centre, free = np.full((steps, 2, 3), np.nan), np.zeros((steps, 2))
    np.add.at(segment, (step, np.searchsorted(bodies, body)), listed.force)
    side = np.array([sides.get(int(b), -1) for b in body], np.int64)
    of_foot = side >= 0
    np.add.at(other, step[~of_foot], listed.force[~of_foot])
    at, force, place = (step[of_foot], side[of_foot]), listed.force[of_foot], place[of_foot]
    np.add.at(foot, at, force)
    np.add.at(moment, at, force[:, 2:] * place)
    np.add.at(turn, at, moment_about_z(place, force))
    loaded = foot[..., 2] > CENTRE_N
    centre[loaded] = moment[loaded] / foot[loaded, 2:]
    free[loaded] = turn[loaded] - moment_about_z(centre[loaded], foot[loaded])
    return FloorForces(foot, centre, other, free, segment)


def moment_about_z(
    place: Float[np.ndarray, "... d"], force: Float[np.ndarray, "... 3"]
) -> Float[np.ndarray, "..."]:
    """N m, of forces (N) at places (m) about the world's z axis, anticlockwise seen from above."""
    return place[..., 0] * force[..., 1] - place[..., 1] * force[..., 0]
