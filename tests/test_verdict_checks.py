"""Each check of the verdict, by a small motion that trips it and one that does not."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon.clip.doubts import held_root, upside_down
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.motion import stances
from motionrecon.motion.report import (
    Judgement,
    Report,
    Scores,
    Seconds,
    Status,
    WindowReport,
    WindowStatus,
)
from motionrecon.motion.verdict import CHECKS, clip_of, forces, judge
from motionrecon.motion.verdict.evidence import Evidence

FPS, T, STEP = 60.0, 91, 1 / 240
N = 4 * (T - 1)
t = np.arange(T) / FPS
s = np.arange(N) * STEP
NOTHING = {
    "mpjpe_mm": 1.0,
    "pa_mpjpe_mm": 1.0,
    "accel_error_m_s2": 1.0,
    "accel_error_mm_frame2": 1.0,
    "jitter": 1.0,
    "foot_skate_percent": 0.0,
    "float_mm": 0.0,
}


def report(mpjpe_g_mm=4.0, ik_mm=2.0, penetration_mm=3.0, **given) -> Report:
    fields = {
        "clip": "made.npz",
        "status": Status.OK,
        "warnings": (),
        "ik": Scores(mpjpe_g_mm=ik_mm, penetration_mm=0.0, **NOTHING),
        "result": Scores(mpjpe_g_mm=mpjpe_g_mm, penetration_mm=penetration_mm, **NOTHING),
        "evaluations": 1,
        "seconds": Seconds(
            startup=0.0, ik=0.0, optimise=0.0, total=0.0, until_first_iteration=None
        ),
        "realtime_factor": 1.0,
        "frames": T,
        "mass_kg": 70.0,
        "stature_m": 1.75,
    }
    return Report(**{**fields, **given})


@pytest.fixture(scope="module")
def body():
    return synthetic(2, FPS)[0]


def standing(body, sink=0.0, report=report(), feet=None, other=0.0, **given):
    """A stiff body that stands, or sinks by `sink` (T,) m, carried by forces in body weights: feet
    (N, 2), half on each unless given, and other (N,) on the rest of the body.
    """
    qpos = np.zeros((T, body.model.nq))
    qpos[:, 2], qpos[:, 3] = 0.925 - sink, 1.0
    weight = 9.81 * body.mass_kg
    force, elsewhere = np.zeros((N, 2, 3)), np.zeros((N, 3))
    force[..., 2] = weight * (0.5 if feet is None else feet)
    elsewhere[:, 2] = weight * other
    forces = {
        "timestep": STEP,
        "simulation_contact_force": force,
        "contact_force_other": np.stack([np.interp(t, s, e) for e in elsewhere.T], axis=1),
        "simulation_contact_force_other": elsewhere,
        "report": report,
    }
    return motion_of(body, qpos, FPS, **forces | given)


def tripped(motion, clip=None) -> dict[str, str]:
    """Key -> reason of the findings that are too much."""
    evidence = Evidence(motion, motion.report, clip or clip_of(motion))
    findings = [f for check in CHECKS for f in check(evidence)]
    return {f.key: f.reason for f in findings if f.suspicious}


def test_somebody_who_stands_is_ok(body):
    verdict = judge(standing(body))
    assert verdict.verdict == Judgement.OK and not verdict.reasons, verdict.reasons
    assert set(verdict.measures) == set(verdict.limits)


def between(first: float, last: float) -> np.ndarray:
    """(N, 1): whether a step is between two moments, s."""
    return ((s >= first) & (s < last))[:, None]


def test_in_the_air_where_the_person_is_not(body):
    """5 % of the time: what may never be called ok."""
    found = tripped(standing(body, feet=np.where(between(0.5, 0.575), 0.0, 0.5)))
    assert "in the air 5" in found["air_share"] and "from 0.5 s on" in found["air_share"]


def test_a_jump_is_in_the_air_by_right(body):
    """Up and down in free fall for 0.4 s; the floor carries nothing meanwhile."""
    fall = np.clip(t - 0.5, 0, 0.4)
    fly = -(2.0 * fall - 0.5 * 9.81 * fall**2)
    found = tripped(standing(body, sink=fly, feet=np.where(between(0.5, 0.9), 0.0, 0.5)))
    assert "air_share" not in found


def test_a_peak_that_no_walk_gives(body):
    one = np.where(between(0.5, 0.51), [2.5, 0.0], 0.5)
    said = tripped(standing(body, feet=one))["foot_peak_bw"]
    assert "left foot" in said and "2.5" in said and "0.5 s" in said
    assert "foot_peak_bw" not in tripped(standing(body, feet=np.where(one > 1, 1.5, one)))


def test_a_blow_on_all_parts_at_once(body):
    """Each below its own limit, and together more than the motion can give."""
    blow = between(0.5, 0.51)
    motion = standing(body, feet=np.where(blow, 1.2, 0.5), other=np.where(blow[:, 0], 0.9, 0.0))
    found = tripped(motion)
    assert "the whole body with 3.30 body weights at 0.5 s" in found["total_peak_bw"]
    assert not {"foot_peak_bw", "other_peak_bw"} & set(found)
    assert "total_peak_bw" not in tripped(standing(body, feet=np.where(blow, 0.95, 0.5)))


def test_contacts_in_pieces(body):
    pieces = np.where((s % 0.2 < 0.05)[:, None], [0.0, 1.0], 0.5)
    assert "less than a person can" in tripped(standing(body, feet=pieces))["contact_breaks_per_s"]
    step = np.where(between(0.4, 0.8), [0.0, 1.0], 0.5)
    assert "contact_breaks_per_s" not in tripped(standing(body, feet=step))


def test_one_break_in_a_short_clip_is_no_pattern(body):
    lifts = [0.3, 0.5]
    once, twice = (
        standing(body, feet=np.where(sum(between(a, a + 0.05) for a in some) > 0, [0, 1.0], 0.5))
        for some in (lifts[:1], lifts)
    )
    short = t / 2  # s, 0.75 in all
    assert "contact_breaks_per_s" not in tripped(replace(once, time=short))
    assert "contact_breaks_per_s" in tripped(replace(twice, time=short))


def test_breaks_touches_and_grazes():
    """One lift of 0.05 s, one touch of 0.02 s, one graze that carries nothing, one true step."""
    force = np.ones(480)
    force[48:60] = 0.0
    force[120:240] = 0.0
    force[180:185] = 0.5
    force[200:206] = 0.1
    assert stances.breaks(force, 240.0) == [(48, 60), (180, 185)]
    assert stances.switches(stances.by_force(force)) == 8


def test_a_foot_stands_from_five_percent_until_below_two():
    force = np.array([0.0, 0.04, 0.06, 0.03, 0.01, 0.03, 0.06])
    assert stances.by_force(force).tolist() == [0, 0, 1, 1, 0, 0, 1]


def test_feet_of_the_input(body):
    """A foot lifted by 0.2 m for 0.5 s, and one that stays."""
    motion = standing(body)
    clip = clip_of(motion)
    lifted = clip.keypoints.copy()
    columns = [clip.names.index(f"l_{part}") for part in ("ankle", "heel", "toe")]
    lift = 0.2 * np.clip(np.minimum(t - 0.5, 1.0 - t) / 0.1, 0, 1)
    lifted[:, columns, 2] += lift[:, None]
    left, right = stances.by_keypoints(clip.replace(keypoints=lifted), 1.75)
    assert stances.switches(left) == 2 and not left[45] and left[0] and left[-1]
    assert right.all()


def test_a_force_that_the_motion_does_not_ask_for(body):
    ripple = 0.5 + 0.4 * np.sin(2 * np.pi * 5 * s)[:, None] * np.ones(2)
    assert (
        "off what the motion asks for" in tripped(standing(body, feet=ripple))["root_residual_bw"]
    )


def test_joints_at_their_limits(body):
    limit = body.model.actuator_forcerange[:, 1]
    torques = np.zeros((T, body.model.nu))
    torques[10:40, 3] = limit[3]
    motion = standing(body, torques=torques)
    assert motion.joint_names[3] in tripped(motion)["torque_limit_s"]
    torques[:, 3] = 0.98 * limit[3]
    assert not tripped(standing(body, torques=torques))


def test_joints_beyond_their_range(body):
    motion = standing(body)
    qpos, knee = motion.qpos.copy(), motion.joint_names.index("l_knee")
    high = body.model.jnt_range[1 + knee, 1]
    qpos[20:40, 7 + knee] = high + np.radians(30)
    said = tripped(replace(motion, qpos=qpos))["beyond_range_deg"]
    assert "l_knee is 30 degrees beyond its range" in said and "0.33 s" in said
    qpos[20:40, 7 + knee] = high + np.radians(5)
    assert "beyond_range_deg" not in tripped(replace(motion, qpos=qpos))


def test_falls(body):
    motion = standing(body)
    fallen = motion.keypoints.copy()
    fallen[60:, :, 2] *= 0.5
    assert "falls where the person does not" in tripped(replace(motion, keypoints=fallen))["fall_s"]
    assert "fall_s" not in tripped(motion)


def test_the_floor_carries_more_than_feet(body):
    leaning = np.where(between(0.3, 0.8)[:, 0], 0.4, 0.0)
    motion = standing(body, other=leaning)
    assert "more than the feet from 0.3 s" in tripped(motion)["other_contact_s"]
    hand = motion.input_keypoints.copy()  # of the person too
    hand[:, motion.keypoint_names.index("l_wrist"), 2] = 0.05
    assert "other_contact_s" not in tripped(replace(motion, input_keypoints=hand))


def test_the_ends_of_a_clip(body):
    motion = standing(body)
    off = motion.keypoints + [0.004, 0.0, 0.0]
    off[-9:] += [0.05, 0.0, 0.0]
    assert "the last 0.15 s are 54 mm off" in tripped(replace(motion, keypoints=off))["ends_ratio"]
    off[-9:] = motion.keypoints[-9:] + [0.012, 0.0, 0.0]
    assert "ends_ratio" not in tripped(replace(motion, keypoints=off))


@pytest.mark.parametrize(
    "given, key, said",
    [
        ({"mpjpe_g_mm": 90.0}, "mpjpe_g_mm", "90 mm off"),
        ({"ik_mm": 60.0}, "ik_mpjpe_g_mm", "no body with fixed bones"),
        ({"penetration_mm": 40.0}, "penetration_mm", "sinks 40.0 mm"),
        ({"stature_m": 2.07}, "stature_contradiction", "the whole body 2.07 m"),
        ({"stature_m": 2.3}, "stature_m", "check --units"),
        ({"status": Status.DEGRADED}, "cut_short", "degraded"),
    ],
)
def test_what_the_report_says(body, given, key, said):
    assert said in tripped(standing(body, report=report(**given)))[key]


def test_windows_that_went_wrong(body):
    bad = WindowReport(
        start_frame=10,
        frames=20,
        kept=10,
        status=WindowStatus.DIVERGED,
        loss_start=None,
        loss_end=None,
        evaluations=1,
    )
    said = tripped(standing(body, report=report(windows=(bad,))))["bad_windows"]
    assert "diverged at frame 10" in said


def test_what_is_far_off_or_no_number_has_failed(body):
    far = judge(standing(body, report=report(mpjpe_g_mm=400.0)))
    assert far.verdict == Judgement.FAILED and any("400 mm off" in r for r in far.reasons)
    qvel = np.zeros((T, body.model.nv))
    qvel[3, 2] = np.nan
    broken = judge(standing(body, qvel=qvel))
    assert broken.verdict == Judgement.FAILED and "qvel" in broken.reasons[0]


def test_what_a_plate_did_not_see_is_no_failure(body):
    measured = np.full((T, 2, 3), np.nan)
    measured[20:40, 0] = [0.0, 0.0, 300.0]
    assert judge(standing(body, measured_contact_force=measured)).verdict == Judgement.OK


def test_half_of_the_keypoints_missing(body):
    motion = standing(body)
    clip = clip_of(motion)
    gone = np.where(np.arange(len(clip.names))[:, None] < 12, np.nan, clip.keypoints)
    said = tripped(motion, clip.replace(keypoints=gone))["missing_share"]
    assert "60% of the keypoints are missing" in said


def test_a_ground_that_is_a_guess(body):
    """Somebody who only jumps about, 0.1 m over z = 0: where the ground is nobody knows."""
    motion = standing(body)
    clip = clip_of(motion)
    jumping = clip.keypoints + np.outer(0.1 + 0.2 * np.abs(np.sin(9 * t)), [0, 0, 1.0])[:, None]
    said = tripped(motion, clip.replace(keypoints=jumping))["floor_guess_mm"]
    assert "the floor is uncertain: ground at" in said
    given = replace(motion.report, options={"floor_m": 0.1})
    assert not tripped(replace(motion, report=given), clip.replace(keypoints=jumping))


def walking(body, speed=1.3, cadence=0.9):
    """Keypoints (T, K, 3) of a body whose ankles pass each other as it goes along x."""
    qpos = np.zeros((T, body.model.nq))
    qpos[:, 0], qpos[:, 2], qpos[:, 3] = speed * t, 0.925, 1.0
    names = [body.model.joint(i).name for i in range(1, body.model.njnt)]
    swing = 0.4 * np.sin(2 * np.pi * cadence * t)
    for name, sign in (("l_hip_flexion", 1.0), ("r_hip_flexion", -1.0)):
        qpos[:, 7 + names.index(name)] = sign * swing
    return qpos


def following(body, qpos):
    """A motion along qpos (T, nq) that is on its input."""
    points = FrameProblem(body).points_of(qpos)
    return replace(standing(body), qpos=qpos, keypoints=points, input_keypoints=points)


def test_a_root_that_is_held(body):
    walk = FrameProblem(body).points_of(walking(body))
    names = body.keypoint_names
    assert held_root(walk, names) is None
    assert held_root(walk * 0 + walk[:1], names) is None  # somebody who stands
    hips = [names.index(f"{side}_hip") for side in "lr"]
    relative = walk - walk[:, hips].mean(axis=1, keepdims=True) + [0, 0, 0.9]
    assert "relative to its root" in held_root(relative, names)


def test_upside_down(body):
    walk = FrameProblem(body).points_of(walking(body))
    names = body.keypoint_names
    assert upside_down(walk, names) is None
    turned = walk * [1, -1, -1] + [0, 0, 1.8]
    assert "upside down 100% of the time: unless this is a handstand" in upside_down(turned, names)
    cartwheel = np.where((t > 0.5)[:, None, None] & (t < 1.0)[:, None, None], turned, walk)
    assert upside_down(cartwheel, names) is None
    motion = standing(body)
    clip = clip_of(motion).replace(keypoints=turned)
    assert "upside down" in tripped(motion, clip)["odd_clip"]


def test_kinds_of_motion(body):
    def kind(motion):
        return Evidence(motion, motion.report, clip_of(motion)).kind

    assert kind(standing(body)) == "other"
    assert kind(following(body, walking(body))) == "walk"
    run = walking(body)
    run[:, 2] += 0.12 * np.abs(np.sin(2 * np.pi * 1.8 * t))  # falls freely between steps
    assert kind(following(body, run)) == "run"
    still = standing(body)
    sunk = still.keypoints.copy()
    feet = [n.endswith(("ankle", "heel", "toe")) for n in still.keypoint_names]
    sunk[:, ~np.array(feet), 2] -= 0.2 * np.sin(np.pi * t / t[-1])[:, None] ** 2
    assert kind(replace(still, input_keypoints=sunk)) == "squat"
    jump = walking(body, speed=0.0, cadence=0.0)
    fall = np.clip(t - 0.5, 0, 0.4)
    jump[:, 2] += 2.0 * fall - 0.5 * 9.81 * fall**2
    assert kind(following(body, jump)) == "jump"


def shown(motion, change):
    """The clip of a motion with its keypoints changed: change(keypoints, names) gives new ones."""
    clip = clip_of(motion)
    return clip.replace(keypoints=change(clip.keypoints.copy(), clip.names))


def wrist_off(k, names):
    k[:, names.index("l_wrist")] += [0.9, 0.5, 0.4]  # 1.1 m
    return k


def knee_at_the_hip(k, names):
    k[:, names.index("l_knee")] = k[:, names.index("l_hip")]
    return k


def without_depth(k, names):
    k[..., 1] = 0.3
    return k


def swapped_for_three_frames(k, names):
    left = [i for i, n in enumerate(names) if n.startswith("l_")]
    right = [names.index("r_" + names[i][2:]) for i in left]
    k[40:43, left + right] = k[40:43, right + left]
    return k


def ten_kilometres_on(k, names):
    k[45:] += [1e4, 0.0, 0.0]
    return k


@pytest.mark.parametrize(
    "change, key, said",
    [
        (wrist_off, "bone_factor", "the left forearm is 1.04 m long"),
        (knee_at_the_hip, "bone_factor", "the left thigh is 0.00 m long, usual is 0.4"),
        (without_depth, "flat_share", "in one plane in 100% of the frames"),
        (swapped_for_three_frames, "side_changes", "change places 2 times, at 0.67, 0.72 s"),
        (ten_kilometres_on, "speed_m_s", "the clip jumps"),
    ],
)
def test_what_is_no_person(body, change, key, said):
    """However well a motion follows it."""
    motion = standing(body)
    judged = judge(motion, shown(motion, change))
    assert judged.verdict != Judgement.OK and any(said in r for r in judged.reasons), judged.reasons
    assert said in tripped(motion, shown(motion, change))[key]


def test_a_noise_that_excuses_anything(body):
    motion = standing(body, report=report(mpjpe_g_mm=154.0, noise_mm=1e4))
    assert "noise of 10000 mm" in tripped(motion)["noise_mm"]
    assert judge(motion).verdict == Judgement.SUSPICIOUS
    assert "noise_mm" not in tripped(standing(body, report=report(noise_mm=30.0)))


def test_noise_and_turns_are_no_change_of_sides(body):
    """A spin of two turns a second, and 30 mm of noise."""
    motion = standing(body)
    rng, turn = np.random.default_rng(0), 4 * np.pi * t

    def spun(k, names):
        x, y = k[..., 0].copy(), k[..., 1].copy()
        k[..., 0] = np.cos(turn)[:, None] * x - np.sin(turn)[:, None] * y
        k[..., 1] = np.sin(turn)[:, None] * x + np.cos(turn)[:, None] * y
        return k + 0.03 * rng.standard_normal(k.shape)

    noisy = replace(motion, report=report(noise_mm=30.0))
    keys = {"bone_factor", "flat_share", "side_changes", "speed_m_s"}
    assert not keys & set(tripped(noisy, shown(motion, spun)))


def test_surroundings_longer_than_the_motion():
    """A reconstruction of five frames broke on it."""
    assert list(forces._spread(np.array([False, True, False]), 9)) == [True] * 3
    assert list(forces._spread(np.arange(7) == 1, 2)) == [True] * 4 + [False] * 3
