"""Supports that a clip shows by itself: found where somebody is on one, never else."""

import numpy as np
import pytest
from sitting import MASS, RATE, rising
from synthetic_motion import NAMES, clip_of, proportions

from motionrecon.batch.configuration import Settings
from motionrecon.body import assemble
from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import estimate_floor, level
from motionrecon.clip.load import load_clip
from motionrecon.engine import mujoco
from motionrecon.errors import OptionError
from motionrecon.kinematics import soles
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.pipeline import Options, prepare, reconstruct
from motionrecon.scene import FLOOR, Scene, Support
from motionrecon.scene.found import find_scene

SQUAT = {"hip_flexion": 1.1, "knee": 1.9, "ankle": 0.4}


def found(clip):
    return find_scene(level(clip, estimate_floor(clip)))


def standing(**angles):
    """The clip of who keeps still for 1.5 s, soles at 0; angles: rad, of joints by name."""
    body = assemble(proportions(), MASS, NAMES)
    problem = FrameProblem(body)
    q = np.repeat(problem.neutral_qpos()[None], 90, axis=0)
    q[:, 7:] = 0.0
    index = {body.model.joint(i).name: i + 6 for i in range(1, body.model.njnt)}
    for joint, angle in angles.items():
        q[:, index[joint]] = angle
    q[:, 2] -= problem.soles_of(q, soles.of(body).spheres)[..., 2].min()
    return clip_of(body, q, RATE)


def moved(clip, *places, seconds=0.4):
    """The clip at each place in turn, carried smoothly between them."""
    parts, glide = [], round(seconds * clip.fps)
    s = 0.5 * (1 - np.cos(np.pi * np.arange(1, glide) / glide))[:, None, None]
    for i, place in enumerate(places):
        here = clip.keypoints + np.array(place)
        if i:
            parts.append(parts[-1][-1] + s * (here[0] - parts[-1][-1]))
        parts.append(here)
    points = np.concatenate(parts)
    return Clip(points, clip.names, clip.fps, np.ones(points.shape[:2]))


@pytest.mark.parametrize("height", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("yaw", [0.0, 70.0])
def test_a_box_that_somebody_steps_down_from(height, yaw):
    clip = moved(standing(), (0, 0, height), (0.7, 0, 0))
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    turned = clip.replace(keypoints=clip.keypoints @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]))
    scene, said = found(turned)
    (box,) = scene.supports
    assert box.top[2] == pytest.approx(height, abs=0.02)
    assert "feet rest on it" in said[0] and "--scene none" in said[0]
    feet = [i for i, n in enumerate(clip.names) if n.endswith(("heel", "toe"))]
    inside = np.abs(box.local(turned.keypoints[0, feet])[:, :2]) < np.array(box.size) / 2
    assert inside.all()
    assert box.size[0] < 0.45 and box.size[1] < 0.45


def test_stairs_are_as_many_supports_as_steps():
    clip = moved(standing(), *[(0.35 * i, 0, 0.17 * i) for i in range(4)])
    scene, said = found(clip)
    tops = [s.top[2] for s in scene.supports]
    np.testing.assert_allclose(tops, [0.17, 0.34, 0.51], atol=0.02)
    assert len(said) == 3


@pytest.mark.parametrize(
    "angles",
    [
        {},
        {"l_hip_flexion": 1.4, "l_knee": 1.5},  # a knee held up on one leg
        {
            f"{s}_{j}": a
            for s in "lr"
            for j, a in (("hip_flexion", 1.1), ("knee", 1.9), ("ankle", 0.4))
        },
    ],
)
def test_nothing_is_found_where_somebody_stands_on_the_floor(angles):
    clip = standing(**angles)
    assert not found(moved(clip, (0, 0, 0), (0.5, 0, 0)))[0]


def test_no_clip_on_the_floor_has_a_support(shared_clips):
    for path in sorted(shared_clips.glob("*.npz")):
        assert not found(load_clip(path))[0], path.name


def test_noise_invents_nothing(bundled_clip):
    walk, rng = load_clip(bundled_clip("walk")), np.random.default_rng(0)
    for noise in (0.01, 0.03):
        at = walk.keypoints + noise * rng.standard_normal(walk.keypoints.shape)
        assert not found(walk.replace(keypoints=at))[0]


def test_nobody_is_seen(bundled_clip):
    walk = load_clip(bundled_clip("walk"))
    assert find_scene(walk.replace(keypoints=np.full_like(walk.keypoints, np.nan))) == (Scene(), ())
    assert find_scene(walk.replace(keypoints=walk.keypoints[:2])) == (Scene(), ())


def test_who_rises_from_a_seat_is_carried_by_it_first():
    """Against m (a + g) of the body that the keypoints were made of; without the seat 35 %."""
    body, qpos, clip = rising(0.6, 1.2, 0.4)
    data, centre = mujoco.MjData(body.model), []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(body.model, data)
        mujoco.mj_comPos(body.model, data)
        centre.append(data.subtree_com[1].copy())
    pull = np.gradient(np.gradient(np.array(centre)[:, 2], 1 / RATE), 1 / RATE) + 9.81
    motion = reconstruct(clip, Options(mass_kg=MASS))
    assert motion.support_names == (FLOOR, "seat1")
    total = motion.support_force.sum(axis=1)[:, 2]
    wanted = MASS * np.interp(motion.time, np.arange(len(pull)) / RATE, pull)
    assert np.abs(total - wanted).mean() < 0.04 * motion.weight
    seated, late = motion.time < 0.5, motion.time > 1.7
    assert motion.support_force[seated, 1, 2].mean() > 0.4 * motion.weight
    assert np.abs(motion.support_force[late, 1]).max() == 0.0
    report = motion.require_report().to_json()
    assert not any("carries more than the feet" in r for r in report["verdict"]["reasons"])
    assert any("support 'seat1'" in f for f in report["findings"])


def test_what_is_found_can_be_left_out_or_said_otherwise(bundled_clip):
    clip = moved(standing(), (0, 0, 0.3), (0.7, 0, 0))
    own = Scene((Support("crate", (0.05, 0.0, 0.3), (0.6, 0.6)),))
    names = [prepare(clip, Options(scene=s)).body.scene.names for s in ("auto", None, own)]
    assert names == [(FLOOR, "step1"), (FLOOR,), (FLOOR, "crate")]
    with pytest.raises(OptionError, match="scene 'boxes': expected"):
        Options(scene="boxes")
    for scene in ("auto", None, own):
        settings = Settings(Options(scene=scene))
        assert Settings.from_json(settings.to_json()) == settings
    assert Settings(Options(scene=own)).hash != Settings(Options()).hash
