import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motionrecon.clip.floor import estimate_floor, given_floor, level, tilt_rotation
from motionrecon.clip.load import load_clip
from motionrecon.clip.resample import to_rate


@pytest.fixture(scope="module")
def clips(bundled_clip):
    return {
        n: load_clip(bundled_clip(n))
        for n in ("walk", "jump", "cartwheel", "getup_facedown", "roll", "spinkick")
    }


def long_walk(clip, cycles=6):
    """The walk repeated: it loops, so each cycle starts where the last one ended."""
    step = clip.keypoints[-1, 0] - clip.keypoints[0, 0]
    keypoints = np.concatenate([clip.keypoints[:-1] + k * step * [1, 1, 0] for k in range(cycles)])
    return clip.replace(keypoints=keypoints, confidence=np.ones(keypoints.shape[:2]))


def moved(clip, shift=0.0, tilt_deg=0.0, drift=0.0):
    """The clip on a ground that is shifted (m), rises along x (degrees) and with time (m/s)."""
    a = np.radians(tilt_deg)
    turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    rise = drift * np.arange(len(clip.keypoints)) / clip.fps
    return clip.replace(
        keypoints=clip.keypoints @ turn.T
        + np.array([0, 0, shift])
        + rise[:, None, None] * [0, 0, 1]
    )


def test_a_ground_near_zero_is_moved_by_what_it_shows(clips):
    """By no more, and without a tilt or drift that is not there."""
    for name, clip in clips.items():
        floor = estimate_floor(clip)
        assert floor.drift == 0 and floor.tilt_deg == 0, (name, floor.findings)
        assert 0 <= floor.height / floor.estimate < 1 and abs(floor.estimate) < 0.08
        lowered = clip.keypoints - [0, 0, floor.height]
        np.testing.assert_allclose(level(clip, floor).keypoints, lowered, atol=1e-12)


def test_evidence_is_weighed_and_never_cut_off(clips):
    """A floor a little further away is moved a little more: no step anywhere."""
    walk = clips["walk"]
    shifts = np.linspace(-0.08, 0.08, 17)
    heights = [estimate_floor(moved(walk, s)).height for s in shifts]
    steps = np.diff(heights) / np.diff(shifts)
    assert steps.min() > 0.5 and steps.max() < 1.5


def test_a_given_floor_is_taken_as_it_is():
    floor = given_floor(-0.2)
    assert (floor.height, floor.tilt_deg, floor.drift, floor.uncertainty) == (-0.2, 0, 0, 0)
    assert "as given" in floor.findings[0]


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("shift", [-0.9, 0.2, 1.0])
def test_a_shifted_ground_is_found(clips, shift, noise):
    for seed, (name, clip) in enumerate(clips.items()):
        rng = np.random.default_rng(seed)
        keypoints = clip.keypoints + rng.normal(0, noise, clip.keypoints.shape)
        if noise:
            keypoints[rng.random(keypoints.shape[:2]) < 0.1] = np.nan
        floor = estimate_floor(moved(clip.replace(keypoints=keypoints), shift))
        # as far as placement of the keypoints on the body goes; roll has no stance and toes 6 cm
        # under the floor
        assert floor.height == pytest.approx(shift, abs=0.09 if name == "roll" else 0.05), (
            name,
            floor.findings,
        )
        assert floor.tilt_deg == 0 and floor.drift == 0, (name, floor.findings)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.15, 3.0))
def test_the_estimate_moves_with_the_clip(clips, shift):
    for name in ("walk", "jump", "roll"):
        base, lifted = estimate_floor(clips[name]), estimate_floor(moved(clips[name], shift))
        assert lifted.estimate - base.estimate == pytest.approx(shift, abs=1e-9)
        assert 0.8 < lifted.height / lifted.estimate <= 1


@pytest.mark.parametrize("tilt", [-4.0, -1.5, 2.0, 5.0])
def test_a_tilted_ground_is_levelled(clips, tilt):
    walk = long_walk(clips["walk"])
    spoiled = moved(walk, 0.3, tilt)
    floor = estimate_floor(spoiled)
    assert np.degrees(np.arctan2(-floor.normal[0], floor.normal[2])) == pytest.approx(tilt, abs=0.4)
    feet = [walk.index(f"{s}_{p}") for s in "lr" for p in ("ankle", "toe")]
    lowest = level(spoiled, floor).keypoints[:, feet, 2].min(axis=1)
    expected = walk.keypoints[:, feet, 2].min(axis=1)
    assert np.std(lowest - expected) < 0.015 and abs(np.mean(lowest - expected)) < 0.03


def test_level_ground_and_stairs_are_not_tilted(clips):
    assert estimate_floor(long_walk(clips["walk"])).tilt_deg == 0
    climbing = moved(
        long_walk(clips["walk"]), 0.0, 15.0
    )  # a ramp or stairs: too steep to be a mistake of the camera
    assert estimate_floor(climbing).tilt_deg == 0


def test_drift_is_taken_out(clips):
    jump = clips["jump"]
    keypoints = np.concatenate([jump.keypoints, jump.keypoints[::-1]] * 3)  # to and fro on one spot
    spot = jump.replace(keypoints=keypoints, confidence=np.ones(keypoints.shape[:2]))
    floor = estimate_floor(moved(spot, 0.5, drift=0.02))
    assert floor.drift == pytest.approx(0.02, abs=0.004), floor.findings
    assert floor.height == pytest.approx(0.5, abs=0.05)
    levelled = level(moved(spot, 0.5, drift=0.02), floor)
    assert (
        np.abs(np.polyfit(np.arange(len(keypoints)) / 60, levelled.keypoints[:, 0, 2], 1)[0])
        < 0.005
    )


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_tilt_rotation(x, y):
    normal = np.array([x, y, 1.0]) / np.linalg.norm([x, y, 1.0])
    turn = tilt_rotation(normal)
    np.testing.assert_allclose(turn @ normal, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_laboratories_with_a_known_ground_stay(shared_clips):
    for name in (
        "rajagopal_walk__walk_free",
        "bmc__run",
        "opensim_core_c3d__walking5",
        "opensim_core_c3d__walking2",
    ):
        clip = load_clip(shared_clips / f"{name}.npz")
        floor = estimate_floor(clip)
        # by keypoints alone within two spreads of placement; the soles of the body say the rest
        assert abs(floor.height) < 0.03 and abs(floor.height) <= abs(floor.estimate), floor.findings
        assert floor.tilt_deg == 0 and floor.drift == 0, floor.findings
        slow = estimate_floor(to_rate(clip, 25.0))
        assert slow.estimate == pytest.approx(floor.estimate, abs=0.02)


def test_known_tilt_of_a_development_clip(shared_clips):
    floor = estimate_floor(
        load_clip(shared_clips / "cmu_amp_isaacgym__walk.npz")
    )  # 3 to 8 cm over 4 m
    assert 0.5 < floor.tilt_deg < 1.7
