"""Contact with a scene's boxes: derivatives against differences, forces against MuJoCo's own."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from random_scenes import REGIONS, scene_of
from synthetic_motion import NAMES, proportions

from motionrecon.body import ModelOptions, assemble
from motionrecon.engine import mujoco
from motionrecon.errors import BodyError
from motionrecon.physics.constants import scene_boxes
from motionrecon.physics.derivatives import gradient, transition_matrices
from motionrecon.physics.floor_forces import (
    CENTRE_N,
    floor_contacts,
    floor_forces,
    foot_bodies,
    sphere_forces,
    support_forces,
)
from motionrecon.physics.rollout import Simulator
from motionrecon.scene import Scene, Support
from motionrecon_benchmarks.states import (
    relative_error,
    rollout_differences,
    transition_differences,
)

SPHERES = ("l_heel_in", "r_toe_out", "l_ball_out", "r_palm", "l_buttock", "head_back", "r_knee")


def _state(simulator, q, rng, speed):
    m = simulator.model
    return speed * rng.normal(size=m.nv), q[7:] + 0.1 * rng.normal(size=m.nu)


def _check_step(regions, seed, speed):
    """(its contacts, share of columns left out) of a state whose step Jacobian was checked.

    The impedance's second derivative jumps in the middle of its width: a difference across it, of a
    deep state one in some hundreds, is off in proportion to its step. A smaller step then decides.
    """
    rng = np.random.default_rng(seed)
    simulator, q = scene_of(regions, rng)
    v, u = _state(simulator, q, rng, speed)
    m, nv = simulator.model, simulator.model.nv
    r = simulator.rollout(q, v, u[None])
    (mine_A,), (mine_B,) = transition_matrices(simulator.constants, r)
    for eps in (3e-7, 3e-8):
        A, B, good = transition_differences(m, q, v, u, eps)
        by_state = relative_error(mine_A[:, good[: 2 * nv]], A[:, good[: 2 * nv]])
        by_control = relative_error(mine_B[:, good[2 * nv :]], B[:, good[2 * nv :]])
        if max(by_state, by_control) < 1e-6:
            return r.touches, np.mean(~good)
    pytest.fail(f"relative errors {by_state:.1e} and {by_control:.1e}")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("speed", [0.05, 1.0])
def test_step_jacobians_on_faces_edges_and_corners(region, speed):
    """Columns whose finite difference crosses a kink are left out, 2 % on average at most."""
    left_out, turning = [], 0
    for seed in range(5):
        touches, share = _check_step([(s, region) for s in SPHERES], seed, speed)
        assert len(touches.sphere) >= len(SPHERES)
        turning += np.count_nonzero(np.abs(touches.turn).max(axis=(1, 2)) > 0)
        left_out.append(share)
    assert np.mean(left_out) < 0.02
    assert turning >= (5 * len(SPHERES) if region in ("edge", "corner") else 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from(SPHERES), st.sampled_from(REGIONS)), min_size=1, max_size=9),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.05, 1.0, 3.0]),
)
@example(
    [(SPHERES[0], "face")] * 5 + [(SPHERES[0], "corner")] * 2 + [(SPHERES[2], "edge")], 274, 0.05
)
def test_step_jacobians_of_any_scene(regions, seed, speed):
    """A sphere drawn twice touches two boxes at once."""
    _check_step(regions, seed, speed)


def test_two_contacts_of_one_sphere():
    regions = [("l_heel_in", "edge"), ("l_heel_in", "face"), ("r_palm", "corner")]
    touches, _ = _check_step(regions, 3, 0.05)
    heel = np.bincount(touches.sphere).max()
    assert heel == 2 and len(set(touches.support)) == 3


@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_a_rollout_over_boxes(seed):
    """The adjoint against centred differences; entries that cross a kink are left out, at most
    5 %; and against the recursion over the step Jacobians.
    """
    rng, T = np.random.default_rng(seed), 6
    regions = list(zip(SPHERES, REGIONS * 2, strict=False)) + [("r_palm", "edge")]
    simulator, q = scene_of(regions, rng)
    v, u = _state(simulator, q, rng, 0.1)
    m, ctrl = simulator.model, np.tile(u, (T, 1)) + 0.05 * rng.normal(size=(T, len(u)))
    on_q, on_v = rng.normal(size=m.nq), rng.normal(size=m.nv)
    r = simulator.rollout(q, v, ctrl)
    assert np.diff(r.touches.start).min() >= 2
    dq, dv = np.zeros((T + 1, m.nv)), np.zeros((T + 1, m.nv))
    dv[T] = on_v
    for j in range(m.nv):
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
    mine = np.concatenate([pq, pv, du.ravel()])
    assert relative_error(mine[good], slope[good]) < 1e-5
    A, B = transition_matrices(simulator.constants, r)
    p, by_u = np.concatenate([dq[T], dv[T]]), np.zeros_like(du)
    for t in range(T - 1, -1, -1):
        by_u[t] = B[t].T @ p
        p = A[t].T @ p
    assert relative_error(np.concatenate([pq, pv]), p) < 1e-10
    assert relative_error(du, by_u) < 1e-10


def test_forces_are_mujocos_own():
    """Of spheres, feet, segments and supports, with centres of pressure and free moments."""
    rng = np.random.default_rng(7)
    simulator, q = scene_of([(s, r) for s in SPHERES[:4] for r in REGIONS[:2]], rng)
    m, d, c = simulator.model, mujoco.MjData(simulator.model), simulator.constants
    v, u = _state(simulator, q, rng, 0.1)
    T = 8
    rollout = simulator.rollout(q, v, np.tile(u, (T, 1)))
    ours, sides = floor_forces(c, rollout, foot_bodies(m), T), foot_bodies(m)
    supports = support_forces(rollout, T, simulator.supports)
    d.qpos[:], d.qvel[:], d.ctrl[:] = q, v, u
    feet = 0
    for t in range(T):
        mujoco.mj_step(m, d)
        found = list(floor_contacts(m, d))
        total = sum(f.force for f in found)
        scale = max(1.0, np.abs(total).max())
        np.testing.assert_allclose(ours.segment[t].sum(axis=0), total, atol=1e-9 * scale)
        np.testing.assert_allclose(supports[t].sum(axis=0), total, atol=1e-9 * scale)
        for i, contact in enumerate(d.contact):
            box = int(contact.geom[1])
            if m.geom_type[box] == mujoco.mjtGeom.mjGEOM_BOX:
                same = [f.force for f, k in zip(found, d.contact, strict=True) if k.geom[1] == box]
                mine = supports[t, 1 + list(scene_boxes(m)).index(box)]
                np.testing.assert_allclose(mine, sum(same), atol=1e-9 * scale)
                assert found[i].body == m.geom_bodyid[contact.geom[0]]
        for side in (0, 1):
            mine = [f for f in found if sides.get(f.body) == side]
            force = sum((f.force for f in mine), np.zeros(3))
            np.testing.assert_allclose(ours.foot[t, side], force, atol=1e-9 * scale)
            if force[2] > CENTRE_N:
                feet += 1
                at = sum(f.force[2] * f.place for f in mine) / force[2]
                np.testing.assert_allclose(ours.centre[t, side], at, rtol=1e-9)
                free = sum(np.cross(f.place - at, f.force)[2] for f in mine)
                assert ours.free_moment[t, side] == pytest.approx(free, abs=1e-9 * scale)
    assert feet >= 4
    each = sphere_forces(c, rollout, T).sum(axis=1)
    np.testing.assert_allclose(each, ours.foot.sum(axis=1) + ours.other, atol=1e-6)


def test_a_scene_far_away_changes_nothing_but_rounding():
    """The general contacts, on the floor, are the floor's own."""
    rng = np.random.default_rng(1)
    far = Scene((Support("far", (50.0, 0.0, 0.5), (1.0, 1.0)),))
    plain, other = (
        Simulator(assemble(proportions(), 70.0, NAMES, ModelOptions(scene=s)).model)
        for s in (Scene(), far)
    )
    q = plain.model.qpos0.copy()
    q[2] -= 0.002
    v, u = _state(plain, q, rng, 0.3)
    ctrl = np.tile(u, (20, 1))
    a, b = plain.rollout(q, v, ctrl), other.rollout(q, v, ctrl)
    np.testing.assert_array_equal(a.qpos, b.qpos)
    assert len(a.touches.start) == 0 and len(b.touches.sphere) > 40
    for mine, theirs in zip(
        transition_matrices(plain.constants, a),
        transition_matrices(other.constants, b),
        strict=True,
    ):
        assert relative_error(theirs, mine) < 1e-12


def test_boxes_that_give_way_otherwise_are_refused():
    scene = Scene((Support("box", (0.0, 0.0, 0.3), (0.5, 0.5)),))
    model = assemble(proportions(), 70.0, NAMES, ModelOptions(scene=scene)).model
    model.geom_solref[model.geom("support_box").id, 0] = 0.05
    with pytest.raises(BodyError, match="boxes with the floor's friction"):
        Simulator(model)
