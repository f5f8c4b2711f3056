"""Kinds of motion and the filter that goes with each, on motions whose forces are known."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon.errors import OptionError
from motionrecon.motion.kind import Kind, joined, kind_of
from motionrecon.motion.lowpass import check_filter, choose, low_pass, with_filtered

RATE, STEPS = 240.0, 720
TIME = np.arange(STEPS) / RATE
WEIGHT = 70.0 * 9.81


@pytest.fixture(scope="module")
def still():
    body, qpos = synthetic(STEPS + 1, RATE)
    return motion_of(body, qpos, RATE, simulation_qpos=np.repeat(qpos[:1], STEPS + 1, axis=0))


def loaded(still, left, right, other=None, **more):
    """The motion with vertical forces (N,) in body weights on its feet and elsewhere."""
    force, rest = np.zeros((STEPS, 2, 3)), np.zeros((STEPS, 3))
    force[:, 0, 2], force[:, 1, 2] = WEIGHT * left, WEIGHT * right
    if other is not None:
        rest[:, 2] = WEIGHT * other
    centre = np.where(force[..., 2:] > 1, [0.1, 0.2, 0.0], np.nan)
    return replace(
        still,
        simulation_contact_force=force,
        simulation_contact_force_other=rest,
        simulation_centre_of_pressure=centre,
        simulation_free_moment=np.where(force[..., 2] > 1, 3.0, 0.0),
        simulation_joint_moments=np.ones((STEPS, 37)),
        **more,
    )


def steps(seconds, share, shift=0.0):
    """1 during a share of every stride of so many seconds."""
    return (((TIME / seconds + shift) % 1.0) < share).astype(float)


def walking(still):
    return loaded(still, steps(1.1, 0.6), steps(1.1, 0.6, 0.5))


def test_kinds_by_their_contacts(still):
    both = np.full(STEPS, 0.5)
    jump = np.where((TIME > 1.0) & (TIME < 1.4), 0.0, 0.5)
    for kind, motion in {
        Kind.WALKING: walking(still),
        Kind.RUNNING: loaded(still, 2 * steps(0.7, 0.35), 2 * steps(0.7, 0.35, 0.5)),
        Kind.SQUATS: loaded(still, both, both),
        Kind.JUMPS: loaded(still, jump, jump),
        Kind.UNSURE: loaded(still, 0.8 * both, 0.8 * both, 0.2 * np.ones(STEPS)),
    }.items():
        assert kind_of(motion)[0] is kind


def test_what_moves_fast_on_both_feet_is_no_squat(still):
    both = np.full(STEPS, 0.5)
    fast = still.simulation_qvel.copy()
    fast[:, 2] = 2.0 * np.sin(9.0 * np.linspace(0, 3, len(fast)))
    assert kind_of(loaded(still, both, both, simulation_qvel=fast))[0] is Kind.UNSURE


def test_a_short_gap_does_not_end_a_contact():
    on = np.array([0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0], bool)
    np.testing.assert_array_equal(joined(on, 1), [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(joined(on, 0), on)


def test_the_filter_has_no_lag_keeps_what_is_slow_and_halves_what_has_its_frequency():
    for frequency, gain in ((0.5, 1.0), (6.0, 0.5), (60.0, 0.0)):
        wave = np.sin(2 * np.pi * frequency * TIME)
        inside = slice(120, -120)
        np.testing.assert_allclose(
            low_pass(wave, RATE, 6.0)[inside], gain * wave[inside], atol=0.01
        )
    np.testing.assert_allclose(low_pass(np.full((5, 2), 3.0), RATE, 6.0), 3.0)
    assert low_pass(np.ones((1, 2)), RATE, 6.0).tolist() == [[1.0, 1.0]]


def test_filtered_centre_and_free_moment_are_those_of_the_filtered_wrench(still):
    motion = with_filtered(walking(still), 6.0)
    force = motion.contact_force_filtered
    stands = motion.contact_force_filtered[..., 2] > 200
    assert stands.any()
    place = motion.centre_of_pressure_filtered[stands]
    np.testing.assert_allclose(place, np.broadcast_to([0.1, 0.2, 0.0], place.shape), atol=1e-9)
    # nothing pushes sideways, so the wrench's turn is the free moment itself
    inside = slice(100, -100)
    turn = low_pass(motion.simulation_free_moment, RATE, 6.0)[inside]
    given = motion.free_moment_filtered[:STEPS][inside]
    on = force[:STEPS][inside][..., 2] >= 20
    np.testing.assert_allclose(given[on], turn[on], atol=1e-9)
    assert not given[~on].any()
    np.testing.assert_allclose(motion.joint_moments_filtered, 1.0)
    assert with_filtered(motion, None).contact_force_filtered is None


def test_the_usual_filter_goes_with_the_kind_unless_one_is_asked_for(still):
    walk = walking(still)
    assert choose(walk, "auto").hz == 6.0 and "walking" in choose(walk, "auto").why
    assert choose(walk, "none").hz is None and choose(walk, 11.0).hz == 11.0
    jump = np.where((TIME > 1.0) & (TIME < 1.4), 0.0, 0.5)
    assert choose(loaded(still, jump, jump), "auto").hz is None


def test_a_motion_of_an_older_version_has_nothing_to_filter(still):
    assert with_filtered(still, 6.0).contact_force_filtered is None


@pytest.mark.parametrize("given", [0.0, -1.0, np.nan, np.inf, 120.0, 1e9, "6 Hz", ""])
def test_a_filter_out_of_range_is_refused(given):
    with pytest.raises(OptionError, match="filter.*expected"):
        check_filter(given, 240.0)
    for right in ("auto", "none", 0.1, 119.9):
        check_filter(right, 240.0)
