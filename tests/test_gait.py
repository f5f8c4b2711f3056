"""Gait events of motions whose steps are known."""

from dataclasses import replace

import numpy as np
import pytest

from motionrecon import load_clip, reconstruct
from motionrecon.motion.gait import gait
from motionrecon.pipeline import Options


@pytest.fixture(scope="module")
def walk(bundled_clip):
    clip = load_clip(bundled_clip("walk"))
    return reconstruct(clip, Options(max_evaluations=10, start="grown"))


def stepping(motion, stride_s=0.8, stance=0.6):
    """The motion with forces of an even walk: a foot stands for `stance` of a stride, the other
    half a stride later, with chatter that a person cannot do.
    """
    time = motion.timestep * np.arange(len(motion.simulation_contact_force))
    force = np.zeros((len(time), 2, 3))
    for side in (0, 1):
        phase = (time / stride_s + 0.5 * side + 0.3) % 1
        force[:, side, 2] = np.where(phase < stance, motion.weight, 0.0)
    force[len(time) // 2 : len(time) // 2 + 2, :, 2] = 0.0  # shorter than a lift
    return replace(motion, simulation_contact_force=force)


def test_an_even_walk_has_its_cadence_and_phases(walk):
    found = gait(stepping(walk, stride_s=0.4, stance=0.6))
    assert found is not None
    assert found.cadence == pytest.approx(300, rel=0.02)
    assert found.stance == (pytest.approx(0.6, abs=0.03), pytest.approx(0.6, abs=0.03))
    assert found.double == pytest.approx(0.2, abs=0.03)
    left, right = found.strikes
    np.testing.assert_allclose(np.diff(left), 0.4, atol=2 * walk.timestep)
    assert all(np.abs(np.array(right) - t).min() == pytest.approx(0.2, abs=0.01) for t in left[:1])


def test_steps_and_speed_of_a_walk_go_together(walk):
    found = gait(walk)
    assert found is not None and found.cadence is not None
    way = np.linalg.norm(walk.qpos[-1, :2] - walk.qpos[0, :2])
    assert found.speed == pytest.approx(way / walk.time[-1], rel=0.02)
    steps = [s for s in found.step_m if s is not None]
    assert all(0.3 < s < 0.9 for s in steps)
    assert np.mean(steps) * found.cadence / 60 == pytest.approx(found.speed, rel=0.2)


def test_who_stays_has_no_gait(walk):
    force = np.zeros_like(walk.simulation_contact_force)
    force[..., 2] = 0.5 * walk.weight
    assert gait(replace(walk, simulation_contact_force=force)) is None
