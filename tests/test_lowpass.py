"""The low-pass filter, and which goes with each kind of motion, on forces that are known."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon.errors import OptionError
from motionrecon.motion.kind import Kind
from motionrecon.motion.lowpass import check_filter, choose, low_pass, with_filtered

RATE, STEPS = 240.0, 720
TIME = np.arange(STEPS) / RATE
WEIGHT = 70.0 * 9.81


@pytest.fixture(scope="module")
def still():
    body, qpos = synthetic(STEPS + 1, RATE)
    return motion_of(body, qpos, RATE)


def walking(still):
    """The motion with the vertical forces of a walk on its feet."""
    force = np.zeros((STEPS, 2, 3))
    force[:, 0, 2], force[:, 1, 2] = WEIGHT * steps(1.1, 0.6), WEIGHT * steps(1.1, 0.6, 0.5)
    centre = np.where(force[..., 2:] > 1, [0.1, 0.2, 0.0], np.nan)
    return replace(
        still,
        simulation_contact_force=force,
        simulation_centre_of_pressure=centre,
        simulation_free_moment=np.where(force[..., 2] > 1, 3.0, 0.0),
        simulation_joint_moments=np.ones((STEPS, 37)),
    )


def steps(seconds, share, shift=0.0):
    """1 during a share of every stride of so many seconds."""
    return (((TIME / seconds + shift) % 1.0) < share).astype(float)


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


def test_the_usual_filter_goes_with_the_kind_unless_one_is_asked_for():
    usual = {Kind.WALK: 6.0, Kind.RUN: 20.0, Kind.SQUAT: 4.0, Kind.JUMP: None, Kind.OTHER: 20.0}
    assert usual.keys() == set(Kind)
    for kind, hz in usual.items():
        choice = choose("auto", kind, RATE)
        assert choice.hz == hz and choice.kind is kind and kind in choice.why
        assert choose("none", kind, RATE).hz is None and choose(11.0, kind, RATE).hz == 11.0
    low = choose("auto", Kind.RUN, 40.0)
    assert low.hz is None and "too low for 20 Hz" in low.why


def test_a_motion_of_an_older_version_has_nothing_to_filter(still):
    assert with_filtered(still, 6.0).contact_force_filtered is None


@pytest.mark.parametrize("given", [0.0, -1.0, np.nan, np.inf, 120.0, 1e9, "6 Hz", ""])
def test_a_filter_out_of_range_is_refused(given):
    with pytest.raises(OptionError, match="filter.*expected"):
        check_filter(given, 240.0)
    for right in ("auto", "none", 0.1, 119.9):
        check_filter(right, 240.0)
