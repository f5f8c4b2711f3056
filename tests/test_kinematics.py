"""Inverse kinematics: forward kinematics and derivatives, exact recovery, gaps, outliers, noise,
floor.
"""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from synthetic_motion import clip_of, motion

from motionrecon.clip.load import load_clip
from motionrecon.errors import BodyError
from motionrecon.kinematics import IkOptions, build_body, qvel_from, solve_ik
from motionrecon.kinematics.calibrate import calibrate
from motionrecon.kinematics.fit import pieces
from motionrecon.kinematics.forward import point_jacobian, retract
from motionrecon.kinematics.frame import frame_terms
from motionrecon.kinematics.gaps import fill, leaps
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.rotation import right_jacobian_inverse, turn, turned_by
from motionrecon.kinematics.trajectory import assemble as assemble_trajectory
from motionrecon.kinematics.tree import tree_of

FPS = 30.0


@pytest.fixture(scope="module")
def moving():
    return motion(45, FPS)


def _error_mm(result, clip):
    return 1000 * np.linalg.norm(result.keypoints - clip.keypoints, axis=2)


def _random_state(problem, seed):
    rng = np.random.default_rng(seed)
    q = problem.neutral_qpos()
    q[3:7] = turn(q[3:7], rng.normal(0, 1, 3))
    q[7:] += rng.normal(0, 0.4, len(q) - 7)
    q[2] = 0.3
    return q, rng


def test_forward_kinematics_and_jacobian_are_mujocos(moving):
    body, qpos = moving
    problem, m = FrameProblem(body), body.model
    data = mujoco.MjData(m)
    data.qpos[:], _ = _random_state(problem, 0)
    mujoco.mj_forward(m, data)
    points = problem.points_of(data.qpos)
    t = problem.tree
    jac, mine = np.empty((3, m.nv)), np.zeros((3, t.chain.shape[1]))
    dof_axis = np.empty((m.nv, 3))
    for d in range(m.nv):
        dof_axis[d] = (
            data.xaxis[m.dof_jntid[d]]
            if d > 5
            else (np.eye(3), data.xmat[1].reshape(3, 3).T)[d // 3][d % 3]
        )
    for k, b in enumerate(t.point_body):
        np.testing.assert_allclose(
            points[k], data.xpos[b] + data.xmat[b].reshape(3, 3) @ t.point_pos[k], atol=1e-12
        )
        mujoco.mj_jac(m, data, jac, None, points[k], b)
        point_jacobian(
            b,
            points[k],
            t.chain,
            t.chain_length,
            problem.constants.dof_body,
            data.xpos,
            dof_axis,
            mine,
        )
        dense = np.zeros((3, m.nv))
        dense[:, t.chain[b, : t.chain_length[b]]] = mine[:, : t.chain_length[b]]
        np.testing.assert_allclose(dense, jac, atol=1e-12)


def test_retract_and_difference_are_mujocos(moving):
    body, _ = moving
    problem, m = FrameProblem(body), body.model
    q, rng = _random_state(problem, 1)
    v = rng.normal(0, 0.5, m.nv)
    expected = q.copy()
    mujoco.mj_integratePos(m, expected, v, 1.0)
    np.testing.assert_allclose(retract(q, v), expected, atol=1e-12)
    np.testing.assert_allclose(turned_by(q[3:7], expected[3:7]), v[3:6], atol=1e-12)


def test_right_jacobian_inverse_by_differences():
    rng = np.random.default_rng(2)
    unit = np.array([1.0, 0, 0, 0])
    for size in (1e-6, 0.1, 2.0):
        v = size * rng.normal(0, 1, 3)
        jac = np.empty((3, 3))
        right_jacobian_inverse(v, 1.0, jac)
        h = 1e-6
        for i, e in enumerate(np.eye(3)):
            plus, minus = (turned_by(unit, turn(turn(unit, v), s * h * e)) for s in (1, -1))
            np.testing.assert_allclose(jac[:, i], (plus - minus) / (2 * h), atol=1e-6)


def test_frame_gradient_by_differences(moving):
    body, _ = moving
    p = FrameProblem(body)
    q, rng = _random_state(p, 3)
    target = p.points_of(q) + rng.normal(0, 0.05, (len(p.names), 3))
    weight = rng.uniform(100, 1000, len(p.names))
    weight[2] = 0.0
    scale2 = np.full(len(p.names), 0.03**2)
    floor = np.column_stack(
        [np.full(len(p.no_floor), 1e4), rng.uniform(0, 1e4, p.no_floor[:, 1:].shape)]
    )

    def cost(x, grad=None, hess=None):
        g = np.zeros(p.tree.nv) if grad is None else grad
        h = np.zeros((p.tree.nv, p.tree.nv)) if hess is None else hess
        return frame_terms(x, target, weight, scale2, p.constants, floor, h, g)[0]

    grad, hess = np.zeros(p.tree.nv), np.zeros((p.tree.nv, p.tree.nv))
    assert cost(q, grad, hess) > 0
    h = 1e-6
    numeric = np.array(
        [(cost(retract(q, h * e)) - cost(retract(q, -h * e))) / (2 * h) for e in np.eye(p.tree.nv)]
    )
    np.testing.assert_allclose(grad, numeric, rtol=1e-5, atol=1e-5 * np.abs(numeric).max())
    full = np.tril(hess) + np.tril(hess, -1).T
    assert np.linalg.eigvalsh(full).min() > -1e-8 * np.abs(full).max()


@pytest.mark.parametrize("tail", [np.inf, 10.0])
def test_trajectory_gradient_by_differences(moving, tail):
    body, qpos = moving
    p = FrameProblem(body)
    rng = np.random.default_rng(4)
    q, nv = qpos[:4].copy(), p.tree.nv
    for t in range(4):
        q[t] = retract(q[t], rng.normal(0, 0.2, nv))
    target = p.points_of(qpos[:4])
    weight, scale2 = np.full(target.shape[:2], 10.0), np.full(target.shape[1], 0.1)
    stiff = rng.uniform(50, 100, nv)
    stiff[3:6] = stiff[3]
    floor = rng.uniform(0, 100, (4, *p.no_floor.shape))

    def cost(x, band, grad):
        data = (target, weight, scale2, p.constants, floor)
        return assemble_trajectory(x, *data, stiff, tail, band, grad)

    band, grad = np.empty((4 * nv, 2 * nv + 3)), np.empty(4 * nv)
    spare_band, spare = band.copy(), grad.copy()
    cost(q, band, grad)
    numeric = np.empty(4 * nv)
    h = 1e-6
    for i in range(4 * nv):
        values = []
        for sign in (1, -1):
            x = q.copy()
            x[i // nv] = retract(q[i // nv], sign * h * np.eye(nv)[i % nv])
            values.append(cost(x, spare_band, spare))
        numeric[i] = (values[0] - values[1]) / (2 * h)
    np.testing.assert_allclose(grad, numeric, rtol=1e-5, atol=2e-6 * np.abs(numeric).max())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_known_motion_comes_back(seed):
    body, qpos = motion(45, FPS, seed=seed)
    clip = clip_of(body, qpos, FPS)
    result = solve_ik(body, clip)
    assert _error_mm(result, clip).max() < 3.0 and _error_mm(result, clip).mean() < 0.5
    turn_error = [
        np.linalg.norm(turned_by(a[3:7], b[3:7])) for a, b in zip(qpos, result.qpos, strict=True)
    ]
    assert max(turn_error) < 0.05
    assert np.median(np.abs(result.qpos[:, 7:] - qpos[:, 7:])) < 0.02


def test_upside_down_and_spinning():
    body, qpos = motion(60, FPS, spin=6.0)
    qpos[:, 3:7] = [turn(q, np.array([np.pi, 0, 0])) for q in qpos[:, 3:7]]
    clip = clip_of(body, qpos, FPS)
    assert _error_mm(solve_ik(body, clip), clip).mean() < 1.0


def test_missing_keypoints(moving):
    body, qpos = moving
    clip = clip_of(body, qpos, FPS)
    keypoints = clip.keypoints.copy()
    gone = np.random.default_rng(5).random(keypoints.shape[:2]) < 0.1
    gone[10:20, clip.index("l_wrist")] = True
    gone[:, clip.index("head")] = True
    keypoints[gone] = np.nan
    result = solve_ik(body, replace(clip, keypoints=keypoints, confidence=np.where(gone, 0.0, 1.0)))
    assert np.isfinite(result.qpos).all()
    error = _error_mm(result, clip)
    assert error[~gone].mean() < 1.0
    scattered = gone.copy()
    scattered[:, clip.index("head")] = False
    scattered[8:22, clip.index("l_wrist")] = False
    assert error[scattered].mean() < 6.0
    assert error[10:20, clip.index("l_wrist")].max() < 250.0


def test_outliers_are_left_out(moving):
    body, qpos = moving
    clip = clip_of(body, qpos, FPS)
    rng = np.random.default_rng(6)
    keypoints = clip.keypoints.copy()
    wild = rng.random(keypoints.shape[:2]) < 0.04
    keypoints[wild] += rng.normal(0, 0.5, (wild.sum(), 3))
    result = solve_ik(body, replace(clip, keypoints=keypoints))
    assert _error_mm(result, clip).mean() < 4.0
    assert any("outliers" in w for w in result.warnings)


def test_noise_is_smoothed_as_much_as_it_is_declared(moving):
    body, qpos = moving
    clip = clip_of(body, qpos, FPS)
    noise = np.random.default_rng(7).normal(0, 0.03, clip.keypoints.shape)
    noisy = replace(clip, keypoints=clip.keypoints + noise)
    blind, told = (_error_mm(solve_ik(body, noisy, noise_m=n), clip).mean() for n in (0.0, 0.03))
    own = 1000 * np.linalg.norm(noise, axis=2).mean()
    assert told < 0.55 * own and told < 0.9 * blind


def test_floor_keeps_spheres_up(moving):
    body, qpos = moving
    sunk = qpos.copy()
    sunk[:, 2] -= 0.6
    clip = clip_of(body, sunk, FPS)
    p = FrameProblem(body)

    def deepest(result):
        data, out = mujoco.MjData(body.model), 0.0
        for q in result.qpos:
            data.qpos[:] = q
            mujoco.mj_kinematics(body.model, data)
            geoms = np.flatnonzero(body.model.geom_conaffinity > 0)
            out = min(out, (data.geom_xpos[geoms, 2] - body.model.geom_size[geoms, 0]).min())
        return -out

    free, kept = solve_ik(body, clip, options=IkOptions(floor_spread=0.0)), solve_ik(body, clip)
    assert len(p.no_floor) == (body.model.geom_conaffinity > 0).sum()
    assert deepest(kept) < 0.6 * deepest(free)


def test_pieces_solved_apart_agree_with_the_whole():
    body, qpos = motion(150, FPS)
    clip = clip_of(body, qpos, FPS)
    noisy = replace(
        clip,
        keypoints=clip.keypoints + np.random.default_rng(8).normal(0, 0.02, clip.keypoints.shape),
    )
    whole = solve_ik(body, noisy, noise_m=0.02)
    parts = solve_ik(body, noisy, noise_m=0.02, options=IkOptions(chunk=70, overlap=30))
    assert np.abs(whole.keypoints - parts.keypoints).max() < 0.01


@pytest.mark.parametrize(
    "frames, chunk, overlap", [(1, 600, 40), (600, 600, 40), (601, 600, 40), (5000, 600, 40)]
)
def test_pieces_cover_everything(frames, chunk, overlap):
    ranges = pieces(frames, chunk, overlap)
    assert ranges[0][0] == 0 and ranges[-1][1] == frames
    assert all(b - a <= chunk for a, b in ranges)
    assert all(
        second[0] == first[1] - overlap for first, second in zip(ranges, ranges[1:], strict=False)
    )


def test_short_clips(moving):
    body, qpos = moving
    for frames in (1, 2, 3):
        result = solve_ik(body, clip_of(body, qpos[:frames], FPS))
        assert result.qpos.shape == (frames, body.model.nq)
        assert _error_mm(result, clip_of(body, qpos[:frames], FPS)).mean() < 2.0


def test_gaps_are_bridged_and_leaps_seen():
    target = np.zeros((30, 1, 3))
    target[:, 0, 0] = np.linspace(0, 2, 30)
    holed = target.copy()
    holed[10:15] = np.nan
    np.testing.assert_allclose(fill(holed), target, atol=1e-12)
    assert np.isnan(fill(np.full((4, 1, 3), np.nan))).all()
    leapt = target.copy()
    leapt[7, 0, 1] += 0.6
    assert list(np.flatnonzero(leaps(leapt, FPS)[:, 0])) == [7]


def test_calibration_keeps_what_is_right(moving):
    body, qpos = moving
    keypoints = clip_of(body, qpos, FPS).keypoints
    got = calibrate(body, keypoints, np.ones(keypoints.shape[:2]))
    moved = np.linalg.norm(got - body.keypoint_pos, axis=1)
    joints = body.keypoint_spread <= 0.01
    assert moved[joints].max() < 0.004 and moved.max() < 0.025


def test_velocities_are_mujocos(moving):
    body, qpos = moving
    dt = 1e-3
    rng = np.random.default_rng(9)
    v = rng.normal(0, 1, body.model.nv)
    states = [qpos[0].copy()]
    for _ in range(4):
        q = states[-1].copy()
        mujoco.mj_integratePos(body.model, q, v, dt)
        states.append(q)
    np.testing.assert_allclose(qvel_from(np.array(states), dt), np.tile(v, (5, 1)), atol=1e-8)
    assert not qvel_from(qpos[:1], dt).any()


def test_other_models_are_refused(moving):
    body, _ = moving
    ball = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><joint type='ball'/><geom size='.1'/></body></worldbody></mujoco>"
    )
    with pytest.raises(BodyError, match="free root"):
        tree_of(replace(body, model=ball))


@pytest.mark.parametrize(
    "name, limit_mm",
    [
        ("deepmimic_pybullet__cartwheel", 5),
        ("deepmimic_pybullet__roll", 6),
        ("rajagopal_walk__walk_free", 5),
    ],
)
def test_real_clips_without_noise(shared_clips, name, limit_mm):
    clip = load_clip(shared_clips / f"{name}.npz")
    body = build_body(clip)
    columns = [clip.index(n) for n in body.keypoint_names]
    assert (
        _error_mm(solve_ik(body, clip), clip.replace(keypoints=clip.keypoints[:, columns])).mean()
        < limit_mm
    )


@pytest.mark.parametrize(
    "name", ["deepmimic_pybullet__walk", "deepmimic_pybullet__spinkick", "cmu_amp_isaacgym__run"]
)
def test_real_clips_with_noise_and_gaps(shared_clips, name):
    clip = load_clip(shared_clips / f"{name}.npz")
    rng = np.random.default_rng(10)
    gone = rng.random(clip.confidence.shape) < 0.1
    keypoints = clip.keypoints + rng.normal(0, 0.03, clip.keypoints.shape)
    own = 1000 * np.linalg.norm(keypoints - clip.keypoints, axis=2).mean()
    keypoints[gone] = np.nan
    noisy = replace(clip, keypoints=keypoints, confidence=np.where(gone, 0.0, 1.0))
    body = build_body(noisy, noise_m=0.03)
    result = solve_ik(body, noisy, noise_m=0.03)
    clean = clip.keypoints[:, [clip.index(n) for n in body.keypoint_names]]
    assert 1000 * np.linalg.norm(result.keypoints - clean, axis=2).mean() < 0.58 * own

    def acceleration(x):
        return (x[2:] - 2 * x[1:-1] + x[:-2]) * clip.fps**2

    error = np.linalg.norm(acceleration(result.keypoints) - acceleration(clean), axis=2).mean()
    noise = acceleration(clip.keypoints + rng.normal(0, 0.03, clip.keypoints.shape)) - acceleration(
        clip.keypoints
    )
    assert error < 0.2 * np.linalg.norm(noise, axis=2).mean()
