"""Derivatives of the simulator against MuJoCo's finite differences and those of the rollout."""

import mujoco
import numpy as np
import pytest

from motionrecon.body import ModelOptions, Proportions  # noqa: F401  (the body's public names)
from motionrecon.clip import load_clip
from motionrecon.physics.derivatives import gradient, transition_matrices
from motionrecon.physics.rollout import Simulator


@pytest.fixture(scope="module")
def simulator():
    from pathlib import Path

    from motionrecon.body import build_body

    return Simulator(build_body(load_clip(Path(__file__).parents[1] / "assets" / "clips" / "walk.npz")).model)


def _state(m, kind, rng):
    q = m.qpos0.copy()
    q[7:] = rng.uniform(-0.3, 0.3, m.nq - 7)
    turn = np.array([1, 0, 0, 0]) + rng.normal(size=4) * [0, 0.1, 0.1, 0.6]
    if kind == "limits":
        low, high = m.jnt_range[1:].T
        out = np.where(rng.random(m.nq - 7) < 0.5, low - 0.03, high + 0.03)
        q[7:] = np.where(rng.random(m.nq - 7) < 0.4, out, q[7:])
    if kind == "lying":
        turn = np.array([1.0, 0.0, 1.0, 0.0]) + 0.1 * rng.normal(size=4)
    q[3:7] = turn / np.linalg.norm(turn)
    v = rng.normal(size=m.nv) * (0.05 if kind == "sticking" else 1.0)
    u = q[7:] + rng.normal(size=m.nu) * (4.0 if kind == "torque limits" else 0.1)
    d = mujoco.MjData(m)
    d.qpos[:] = q
    mujoco.mj_kinematics(m, d)
    spheres = m.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE
    q[2] += 2 if kind in ("flight", "limits") else -(d.geom_xpos[spheres, 2] - m.geom_size[spheres, 0]).min() - 0.004
    if kind == "sliding":
        v[:3] = 1.5, 0.7, -0.2
    return q, v, u


@pytest.mark.parametrize("kind", ["flight", "sliding", "sticking", "limits", "torque limits", "lying"])
def test_step_jacobians_match_mujoco(simulator, kind):
    m, rng, errors = simulator.model, np.random.default_rng(3), []
    for _ in range(6):
        q, v, u = _state(m, kind, rng)
        d = mujoco.MjData(m)
        d.qpos[:], d.qvel[:], d.ctrl[:] = q, v, u
        mujoco.mj_forward(m, d)
        A, B = np.zeros((2 * m.nv, 2 * m.nv)), np.zeros((2 * m.nv, m.nu))
        mujoco.mjd_transitionFD(m, d, 1e-6, 1, A, B, None, None)
        r = simulator.rollout(q, v, u[None])
        if kind == "torque limits":
            assert r.saturated.any()
        mine = transition_matrices(simulator.constants, r)
        errors.append(max(abs(mine[0][0] - A).max() / abs(A).max(), abs(mine[1][0] - B).max() / abs(B).max()))
    # A finite difference that straddles a kink of contact is wrong itself; it may not be the rule.
    assert np.median(errors) < 1e-6


def test_gradient_of_a_rollout_in_flight(simulator):
    m, rng, T = simulator.model, np.random.default_rng(5), 20
    q, v, u = _state(m, "flight", rng)
    U = u + 0.05 * rng.normal(size=(T, m.nu))
    W = rng.normal(size=m.nv)
    r = simulator.rollout(q, v, U)
    dv = np.zeros((T + 1, m.nv))
    dv[T] = W
    g = gradient(simulator.constants, r, np.zeros_like(dv), dv)[0]
    for _ in range(5):
        D, e = rng.normal(size=U.shape), 1e-6
        plus, minus = (simulator.rollout(q, v, U + s * e * D).qvel[T] @ W for s in (1, -1))
        assert abs((plus - minus) / (2 * e) - (g * D).sum()) < 1e-5 * np.linalg.norm(g) * np.linalg.norm(D)
