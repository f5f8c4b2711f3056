"""Derivatives of the simulator against MuJoCo's finite differences, the rollout's, and MJX."""

from concurrent.futures import ThreadPoolExecutor

import mujoco
import numpy as np
import pytest
from synthetic_motion import NAMES, proportions

from motionrecon.body import assemble
from motionrecon.errors import BodyError, ShapeError
from motionrecon.physics.derivatives import gradient, transition_matrices, velocity_jacobians
from motionrecon.physics.rollout import Simulator
from motionrecon_benchmarks.states import (
    KINDS,
    contact_rows,
    draw,
    relative_error,
    rollout_differences,
    transition_differences,
)


@pytest.fixture(scope="module")
def simulator():
    return Simulator(assemble(proportions(), 70.0, NAMES).model)


def _is_of_its_kind(simulator, kind, rows, r):
    """Whether the drawn state exercises what its name says; rows (contacts,): active edges of each
    pyramid.
    """
    c, angles = simulator.constants, r.qpos[0, 7:]
    return {
        "flight": len(rows) == 0,
        "sliding": len(rows) > 0 and (rows < 4).any(),
        "sticking": (rows == 4).any(),
        "joint limits": ((angles < c.limit_low[6:]) | (angles > c.limit_high[6:])).sum() > 5,
        "torque limits": r.saturated.sum() > 5,
        "whole body on the floor": len(rows) >= 5,
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_step_jacobians_match_centred_differences(simulator, kind):
    """Columns whose finite difference crosses a kink are left out (see benchmarks.states); at most
    2 % may be.
    """
    m, rng, left_out = simulator.model, np.random.default_rng(11), []
    nv, of_kind = m.nv, 0
    for _ in range(8):
        q, v, u = draw(simulator, kind, rng)
        A, B, good = transition_differences(m, q, v, u)
        r = simulator.rollout(q, v, u[None])
        of_kind += _is_of_its_kind(simulator, kind, contact_rows(m, q, v, u), r)
        mine = transition_matrices(simulator.constants, r)
        assert relative_error(mine[0][0][:, good[: 2 * nv]], A[:, good[: 2 * nv]]) < 1e-6
        assert relative_error(mine[1][0][:, good[2 * nv :]], B[:, good[2 * nv :]]) < 1e-6
        left_out.append(np.mean(~good))
    assert np.mean(left_out) < 0.02
    assert of_kind >= 5


@pytest.mark.parametrize("kind", ["flight", "sliding", "sticking", "landing", "torque limits"])
def test_gradient_of_a_rollout_matches_its_centred_differences(simulator, kind):
    """Every control, the first configuration and velocity; entries that cross a kink are left out,
    at most 5 %.
    """
    m, rng, T = simulator.model, np.random.default_rng(5), 12
    q, v, u = draw(simulator, kind, rng)
    ctrl = u + 0.05 * rng.normal(size=(T, m.nu))
    on_q, on_v = rng.normal(size=m.nq), rng.normal(size=m.nv)
    r = simulator.rollout(q, v, ctrl)
    touching = (r.centres[:, :, 2] < simulator.constants.sphere_radius).sum(1)
    assert kind == "flight" or touching.max() >= 2 or kind == "torque limits" and r.saturated.any()
    assert kind != "landing" or touching[0] == 0
    dq, dv = np.zeros((T + 1, m.nv)), np.zeros((T + 1, m.nv))
    dv[T] = on_v
    for j in range(m.nv):  # dqpos / d(tangent) of the last state
        one, change = np.zeros(m.nv), np.zeros(m.nq)
        one[j] = 1.0
        if 3 <= j < 6:
            mujoco.mju_mulQuat(change[3:7], r.qpos[T, 3:7], np.array([0, *one[3:6] / 2]))
        else:
            change[j if j < 3 else j + 1] = 1.0
        dq[T, j] = on_q @ change
    du, pq, pv = gradient(simulator.constants, r, dq, dv)
    slope, good = rollout_differences(m, q, v, ctrl, lambda Q, V: Q @ on_q + V @ on_v)
    assert np.mean(~good) < 0.05
    for mine, part in (
        (pq, slice(0, m.nv)),
        (pv, slice(m.nv, 2 * m.nv)),
        (du.ravel(), slice(2 * m.nv, None)),
    ):
        assert relative_error(mine[good[part]], slope[part][good[part]]) < 1e-5


@pytest.mark.parametrize("kind", [*KINDS, "landing"])
def test_the_adjoint_is_the_recursion_over_the_step_jacobians(simulator, kind):
    """The adjoint never forms A_t and B_t: it and they are two ways to the same numbers."""
    rng, T = np.random.default_rng(8), 15
    q, v, u = draw(simulator, kind, rng)
    r = simulator.rollout(q, v, u + 0.05 * rng.normal(size=(T, len(u))))
    nv = len(v)
    dq, dv = rng.normal(size=(2, T + 1, nv))
    A, B = transition_matrices(simulator.constants, r)
    p, du = np.concatenate([dq[T], dv[T]]), np.zeros((T, len(u)))
    for t in range(T - 1, -1, -1):
        du[t] = B[t].T @ p
        p = A[t].T @ p + np.concatenate([dq[t], dv[t]])
    for mine, theirs in zip(
        gradient(simulator.constants, r, dq, dv), (du, p[:nv], p[nv:]), strict=True
    ):
        assert relative_error(mine, theirs) < 1e-10


def test_hundreds_of_calls_do_not_hang_and_threads_change_nothing(simulator):
    """A batched factorisation inside XLA hung in most processes (simulator.md); a hang here is a
    test that never ends.
    """
    m, rng = simulator.model, np.random.default_rng(2)
    q, v, u = draw(simulator, "sticking", rng)
    r = simulator.rollout(q, v, np.tile(u, (9, 1)))
    dq, dv = rng.normal(size=(2, 10, m.nv))
    first, alone = (
        gradient(simulator.constants, r, dq, dv),
        velocity_jacobians(simulator.constants, r),
    )
    with ThreadPoolExecutor(2) as pool:
        for _ in range(300):
            again, split = (
                gradient(simulator.constants, r, dq, dv),
                velocity_jacobians(simulator.constants, r, pool),
            )
    for a, b in zip((*first, *alone), (*again, *split), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_diverging_rollout_says_so(simulator):
    rng = np.random.default_rng(4)
    q, v, u = draw(simulator, "flight", rng)
    assert simulator.rollout(q, 1e9 * v, np.tile(u, (5, 1))).diverged
    assert not simulator.rollout(q, v, np.tile(u, (5, 1))).diverged


def test_a_model_outside_what_is_covered_is_refused(simulator):
    def broken(change):
        model = assemble(proportions(), 70.0, NAMES).model
        change(model)
        with pytest.raises(BodyError) as error:
            Simulator(model)
        return str(error.value)

    assert "integrator implicitfast" in broken(
        lambda m: setattr(m.opt, "integrator", mujoco.mjtIntegrator.mjINT_EULER)
    )
    assert "at least 20 iterations" in broken(lambda m: setattr(m.opt, "iterations", 3))
    assert "pyramidal" in broken(lambda m: setattr(m.opt, "cone", mujoco.mjtCone.mjCONE_ELLIPTIC))
    assert "gear 1" in broken(lambda m: m.actuator_gear.fill(2.0))
    assert "torque limits as force ranges" in broken(lambda m: m.actuator_ctrllimited.fill(1))
    assert "time constant" in broken(lambda m: m.geom_solref.fill(-100.0))
    assert "flags" in broken(
        lambda m: setattr(m.opt, "disableflags", mujoco.mjtDisableBit.mjDSBL_REFSAFE)
    )
    assert "condim 3" in broken(lambda m: m.geom_condim.fill(4))
    assert "friction loss" in broken(lambda m: m.dof_frictionloss.fill(0.1))
    assert "one friction" in broken(lambda m: m.geom_friction[-3:].fill(2.0))
    assert "every contact sphere" in broken(
        lambda m: (m.geom_contype.fill(0), m.geom_conaffinity.fill(0))
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
def test_a_control_that_is_no_number_is_said(simulator, bad):
    """MuJoCo goes on without any control, in states that look well."""
    m = simulator.model
    ctrl = np.zeros((4, m.nu))
    ctrl[1, 3] = bad
    r = simulator.rollout(m.qpos0, np.zeros(m.nv), ctrl)
    assert np.isfinite(r.qvel).all() and r.diverged
    assert not simulator.rollout(m.qpos0, np.zeros(m.nv), np.zeros((4, m.nu))).diverged


def test_arrays_of_another_shape_are_refused(simulator):
    m, c = simulator.model, simulator.constants
    q, v, u = m.qpos0, np.zeros(m.nv), np.zeros((4, m.nu))
    for name, given in (
        ("ctrl", (q, v, u[0])),
        ("ctrl", (q, v, u[:, :-1])),
        ("ctrl", (q, v, np.float64(0.0))),
        ("qpos", (q[:-1], v, u)),
        ("qvel", (q, v[:1], u)),
    ):
        with pytest.raises(ShapeError, match=rf"^{name} has shape .*expected"):
            simulator.rollout(*given)
    r, d = simulator.rollout(q, v, u), np.zeros((5, m.nv))
    for name, dq, dv in (("dq", d[:-1], d), ("dv", d, d[:, :-1]), ("dq", d[0], d)):
        with pytest.raises(ShapeError, match=rf"^{name} has shape .*expected \(5, {m.nv}\)"):
            gradient(c, r, dq, dv)
