"""Forces of the floor from a rollout's records against MuJoCo's own contacts."""

import mujoco
import numpy as np
import pytest
from synthetic_motion import motion as synthetic

from motionrecon.physics.floor_forces import (
    CENTRE_N,
    floor_contacts,
    floor_forces,
    foot_bodies,
    sphere_forces,
    touching_segments,
)
from motionrecon.physics.rollout import Simulator


def simulated_again(model, qpos, qvel, ctrl):
    """The same by mj_step and mj_contactForce."""
    data, sides = mujoco.MjData(model), foot_bodies(model)
    foot, other = np.zeros((len(ctrl), 2, 3)), np.zeros((len(ctrl), 3))
    centre, free = np.full((len(ctrl), 2, 3), np.nan), np.zeros((len(ctrl), 2))
    segment = {n: np.zeros((len(ctrl), 3)) for n in touching_segments(model)}
    data.qpos[:], data.qvel[:] = qpos, qvel
    for t, u in enumerate(ctrl):
        data.ctrl[:] = u
        mujoco.mj_step(model, data)
        moment, turn = np.zeros((2, 3)), np.zeros(2)
        for body, force, place in floor_contacts(model, data):
            segment[model.body(body).name][t] += force
            if body in sides:
                foot[t, sides[body]] += force
                moment[sides[body]] += force[2] * place
                turn[sides[body]] += np.cross(place, force)[2]
            else:
                other[t] += force
        for side in (0, 1):
            if foot[t, side, 2] > CENTRE_N:
                centre[t, side, :2] = moment[side, :2] / foot[t, side, 2]
                centre[t, side, 2] = 0.0
                free[t, side] = turn[side] - np.cross(centre[t, side], foot[t, side])[2]
    return foot, centre, other, free, np.stack(list(segment.values()), axis=1)


@pytest.mark.parametrize("lying", [False, True])
def test_a_rollouts_records_give_mujocos_contact_forces_to_the_last_bit(lying):
    body, poses = synthetic(2, 30.0)
    model, rng = body.model, np.random.default_rng(0)
    qpos, qvel = poses[0].copy(), 0.5 * rng.standard_normal(model.nv)
    qpos[:3] = 0.0, 0.0, 0.35 if lying else 0.95
    qpos[3:7] = (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0) if lying else (1.0, 0.0, 0.0, 0.0)
    ctrl = 0.3 * rng.standard_normal((300, model.nu))
    sim = Simulator(model)
    rollout = sim.rollout(qpos, qvel, ctrl)
    assert not rollout.diverged
    ours = floor_forces(sim.constants, rollout, foot_bodies(model), 250)
    theirs = simulated_again(model, qpos, qvel, ctrl[:250])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    touched = ours.other if lying else ours.foot
    assert np.count_nonzero(touched[..., 2] > 50) > 50
    assert np.abs(ours.free_moment).max() > 1e-3 or lying
    names = touching_segments(model)
    assert {"l_foot", "l_toes", "r_foot", "pelvis", "l_shank", "l_hand"} <= set(names)
    np.testing.assert_allclose(ours.segment.sum(1), ours.foot.sum(1) + ours.other, atol=1e-9)
    left = [names.index("l_foot"), names.index("l_toes")]
    np.testing.assert_array_equal(ours.segment[:, left].sum(axis=1), ours.foot[:, 0])
    total = sphere_forces(sim.constants, rollout, 250).sum(axis=1)
    np.testing.assert_allclose(total, ours.foot.sum(axis=1) + ours.other, atol=1e-9)
    assert np.isfinite(ours.centre[ours.foot[..., 2] > CENTRE_N]).all()
