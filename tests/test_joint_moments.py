"""Net joint moments against MuJoCo's own mass matrix and bias forces for the same motion."""

import copy

import mujoco
import numpy as np
from synthetic_motion import motion as synthetic

from motionrecon.physics.floor_forces import floor_contacts
from motionrecon.physics.joint_moments import joint_moments, limit_forces
from motionrecon.physics.rollout import Simulator

STEPS = 120


def inverse_dynamics(model, qpos, qvel, ctrl):
    """(n, nv) what the segments alone, without armature, need to move as they did while the floor
    pushed as it did.
    """
    data, bare = mujoco.MjData(model), copy.copy(model)
    bare.dof_armature[:] = 0.0
    own, full = mujoco.MjData(bare), np.zeros((model.nv, model.nv))
    data.qpos[:], data.qvel[:] = qpos, qvel
    out, jacobian = np.zeros((len(ctrl), model.nv)), np.zeros((3, model.nv))
    for t, u in enumerate(ctrl):
        own.qpos[:], own.qvel[:], data.ctrl[:] = data.qpos, data.qvel, u
        mujoco.mj_step(model, data)
        mujoco.mj_forward(bare, own)
        mujoco.mj_fullM(bare, own, full)
        out[t] = full @ ((data.qvel - own.qvel) / model.opt.timestep) + own.qfrc_bias
        for body, force, place in floor_contacts(model, data):
            mujoco.mj_jac(bare, own, jacobian, None, place, body)
            out[t] -= jacobian.T @ force
    return out


def test_moments_are_those_of_inverse_dynamics_with_limits_contacts_and_saturated_servos():
    body, poses = synthetic(2, 30.0)
    model, rng = body.model, np.random.default_rng(1)
    qpos, qvel = poses[0].copy(), rng.standard_normal(model.nv)
    qpos[:7] = 0.0, 0.0, 0.93, 1.0, 0.0, 0.0, 0.0
    ctrl = 2.0 * rng.standard_normal((STEPS + 1, model.nu))  # rad, far beyond many ranges
    sim = Simulator(model)
    rollout = sim.rollout(qpos, qvel, ctrl)
    limits = limit_forces(sim.constants, rollout, STEPS)
    assert (limits > 0).any() and (limits < 0).any() and rollout.saturated[:STEPS].any()
    assert sum(f.size for f in rollout.constraint_force) > np.count_nonzero(limits)  # contacts too
    expected = inverse_dynamics(model, qpos, qvel, ctrl[:STEPS])
    scale = np.abs(expected).max()
    ours = joint_moments(sim.constants, rollout, STEPS)
    np.testing.assert_allclose(ours, expected[:, 6:], atol=1e-6 * scale)
    assert np.abs(expected[:, :6]).max() < 1e-6 * scale  # nothing but the floor pushes the root
    assert np.abs(ours - rollout.torque[:STEPS]).max() > 1.0  # the servos alone are not it
