"""What a verdict sees: motions that no floor could bring about, limits, and windows that went
wrong.
"""

from dataclasses import replace

import numpy as np
import pytest
from batch_data import WALK
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon import load_clip, reconstruct
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.motion import Motion, Status
from motionrecon.motion.report import WindowStatus
from motionrecon.motion.unexplained import _outside_cone, longest, unexplained
from motionrecon.motion.verdict import judge
from motionrecon.pipeline import Options

FPS, T = 60.0, 60
QUICK = Options(threads=1, max_evaluations=3, grow_evaluations=4)


def along(path: np.ndarray, noise_m: float = 0.0) -> Motion:
    """A stiff body whose root goes along a path (T, 3) m."""
    body, qpos = synthetic(T, FPS)
    qpos = np.repeat(qpos[:1], T, axis=0)
    qpos[:, :3] = path
    qpos[:, 3:7] = [1, 0, 0, 0]
    keypoints = FrameProblem(body).points_of(qpos)
    seen = keypoints + noise_m * np.random.default_rng(0).standard_normal(keypoints.shape)
    return motion_of(body, qpos, FPS, input_keypoints=seen)


def path(x=0.0, z=0.0) -> np.ndarray:
    return np.column_stack([np.broadcast_to(x, T), np.zeros(T), np.broadcast_to(z, T)])


t = np.arange(T) / FPS
standing = 0.96  # m, the pelvis' height with the feet on the ground


@pytest.mark.parametrize("noise_m", [0.0, 0.005, 0.03])
def test_a_fall_is_explained_and_hovering_is_not(noise_m):
    fall = unexplained(along(path(2 * t, 4.0 + 3 * t - 0.5 * 9.81 * t**2), noise_m), noise_m, 1.75)
    hover = unexplained(along(path(2 * t, 2.0), noise_m), noise_m, 1.75)
    assert fall.seconds == 0.0
    assert hover.flight.mean() > 0.75 and hover.worst == pytest.approx(
        9.81, rel=0.6 if noise_m > 0.01 else 0.2
    )


def test_what_a_floor_can_give_is_explained():
    still, braking = along(path(0.0, standing)), along(path(2 * t - 2 * t**2, standing))
    assert (
        unexplained(still, 0.0, 1.75).seconds == 0.0
        and unexplained(braking, 0.0, 1.75).seconds == 0.0
    )


def test_too_much_push_and_pull_of_the_floor_is_not():
    pushed = unexplained(along(path(10 * t**2, standing)), 0.0, 1.75)  # 20 m/s^2 along the floor
    assert pushed.contact.mean() > 0.75 and not pushed.flight.any()
    pulled = unexplained(
        along(path(0.0, standing - 10 * t**2 * (t < 0.3) - 0.9 * (t >= 0.3))), 0.0, 1.75
    )  # at 20 m/s^2
    assert pulled.contact.any() and not pulled.flight.any()


def test_distance_from_the_cone():
    mu, n = 0.9, np.hypot(1, 0.9)
    forces = np.array([[0, 0, 5.0], [4.0, 0, 5.0], [0, 0, -3.0], [10.0, 0, 0], [0, 2.0, -9.0]])
    np.testing.assert_allclose(_outside_cone(forces, mu), [0, 0, 3, 10 / n, np.hypot(2, 9)])


def test_longest_run():
    assert (
        longest(np.array([0, 1, 1, 0, 1], bool)) == 2
        and longest(np.zeros(3, bool)) == longest(np.zeros(0, bool)) == 0
    )
    assert longest(np.array([[1, 0], [1, 1], [0, 1], [0, 1]], bool)) == 3


@pytest.fixture(scope="module")
def walk():
    clip = load_clip(WALK)
    return clip, reconstruct(clip, QUICK)


def changed(motion: Motion, report=None, **new) -> Motion:
    return replace(motion, report=replace(motion.report, **(report or {})), **new)


def test_a_walk_of_few_evaluations_stays_on_the_ground(walk):
    verdict = judge(walk[1], walk[0])
    assert verdict == walk[1].report.verdict
    assert verdict.kind == "walk" and verdict.measures["air_share"] < 0.05
    report = walk[1].report
    assert report.motion_kind == "walk" and report.filter_hz == 6.0
    assert all("pushes" in r or "feet leave" in r for r in verdict.reasons), verdict.reasons
    assert verdict.measures["unexplained_s"] == 0 and verdict.measures["floor_guess_mm"] == 0


def test_values_that_are_no_numbers_fail(walk):
    qpos = walk[1].qpos.copy()
    qpos[3, 2] = np.nan
    verdict = judge(changed(walk[1], qpos=qpos), walk[0])
    assert verdict.verdict == "failed" and verdict.kind == "walk"


def test_what_is_suspicious_is_said(walk):
    clip, motion = walk
    report, names = motion.report, motion.joint_names
    torques = motion.torques.copy()
    torques[5:25, 10] = 1e4
    window = replace(report.windows[0], status=WindowStatus.DIVERGED)
    far = replace(report.result, mpjpe_g_mm=90.0)
    deep = replace(report.result, penetration_mm=19.0)
    gone = clip.replace(
        keypoints=np.where(np.arange(len(clip.names))[:, None] < 12, np.nan, clip.keypoints)
    )
    for changes, said in (
        ({"torques": torques}, f"limit of their torque without a break: {names[10]}"),
        ({"report": {"windows": (window,)}}, "diverged"),
        ({"report": {"status": Status.DEGRADED}}, "degraded"),
        ({"report": {"result": far}}, "90 mm off"),
        ({"report": {"result": deep}}, "sinks 19.0 mm"),
        ({"report": {"ik": replace(report.ik, mpjpe_g_mm=60.0)}}, "no body with fixed bones"),
    ):
        verdict = judge(changed(motion, **changes), clip)
        assert verdict.verdict == "suspicious" and any(said in r for r in verdict.reasons), (
            said,
            verdict.reasons,
        )
    assert any("missing" in r for r in judge(motion, gone).reasons)


def test_a_walk_that_is_carried_through_the_air_is_found():
    """Half a second without contact and without fall, through the whole reconstruction."""
    clip = load_clip(WALK)
    seconds = np.arange(len(clip.keypoints)) / clip.fps
    lift = 0.5 * np.clip(np.minimum(seconds - 0.25, 1.15 - seconds) / 0.2, 0, 1)
    carried = clip.replace(
        keypoints=clip.keypoints + np.stack([0 * lift, 0 * lift, lift], axis=1)[:, None]
    )
    verdict = judge(reconstruct(carried, QUICK), carried)
    assert verdict.verdict == "suspicious" and any(
        "flight without fall" in r for r in verdict.reasons
    ), verdict.reasons
