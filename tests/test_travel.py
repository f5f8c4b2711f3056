"""Keypoints relative to the root: the travel that feet which stand give back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.points import Points
from motionrecon.clip.doubts import held_root
from motionrecon.clip.load import load_clip, make_clip
from motionrecon.clip.travel import Travel, recover
from motionrecon.errors import ClipError
from motionrecon.io import Raw


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


def root_of(clip):
    return Points(clip.keypoints, clip.names).trunk_bottom()


def relative(clip, euler=(0, 0, 0)):
    """(T, J, 3) m: from the middle of the hips, turned by degrees about x, y and z."""
    turned = Rotation.from_euler("xyz", euler, degrees=True).as_matrix()
    return (clip.keypoints - root_of(clip)[:, None]) @ turned.T


def length(path, stride=3):
    return np.linalg.norm(np.diff(path[::stride, :2], axis=0), axis=1).sum()


def raw(positions, walk, names=None):
    return Raw(positions, names=names or walk.names, fps=walk.fps, units="m", up="z")


@settings(max_examples=8, deadline=None)
@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(-180, 180))
def test_travel_and_level_come_back_however_the_camera_stands(walk, roll, pitch, yaw):
    turned = Rotation.from_euler("xyz", (roll, pitch, yaw), degrees=True).as_matrix()
    found = recover(relative(walk, (roll, pitch, yaw)), walk.names, walk.fps)
    assert isinstance(found, Travel)
    root = root_of(walk)
    assert length(found.path) == pytest.approx(length(root), rel=0.05)
    assert np.degrees(np.arccos((found.rotation @ turned)[2, 2])) < 2.5
    assert np.std(found.path[:, 2] - root[:, 2]) < 0.01
    assert abs(np.mean(found.path[:, 2] - root[:, 2])) < 0.05
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-12)
    assert found.standing.min() >= 0 and found.standing.max() <= 1


def test_noise_and_gaps(walk):
    rng = np.random.default_rng(0)
    at = relative(walk, (0, 10, 0)) + 0.01 * rng.standard_normal(walk.keypoints.shape)
    at[rng.random(at.shape[:2]) < 0.1] = np.nan
    found = recover(at, walk.names, walk.fps)
    assert length(found.path) == pytest.approx(length(root_of(walk)), rel=0.12)
    assert np.isfinite(found.path).all()


def test_a_clip_is_moved_where_it_is_relative_and_says_so(walk):
    clip = make_clip(raw(relative(walk, (0, 8, 0)), walk), "x.npz")
    assert any("relative to the root" in f and "goes 1." in f for f in clip.findings)
    assert held_root(clip.keypoints, clip.names) is None
    assert not any("travel" in w for w in clip.warnings)


def test_what_travels_is_left_alone(walk):
    one = make_clip(raw(walk.keypoints, walk), "x.npz")
    two = make_clip(raw(walk.keypoints, walk), "x.npz", travel="none")
    np.testing.assert_array_equal(one.keypoints, two.keypoints)
    assert one.findings == two.findings


def test_it_can_be_left_out(walk):
    clip = make_clip(raw(relative(walk), walk), "x.npz", travel="none")
    assert held_root(clip.keypoints, clip.names) is not None
    assert any("travel is lost" in w for w in clip.warnings)
    with pytest.raises(ClipError, match=r"x.npz: unknown travel 'some': expected auto or none"):
        make_clip(raw(relative(walk), walk), "x.npz", travel="some")


def test_who_shows_one_foot_or_lies_stays_in_place(walk):
    at = relative(walk)
    left = [i for i, n in enumerate(walk.names) if n in ("l_ankle", "l_heel", "l_toe", "l_big_toe")]
    at[:, left] = np.nan
    assert recover(at, walk.names, walk.fps) == "both feet must be seen"
    lying = relative(walk, (90, 0, 0))
    assert recover(lying, walk.names, walk.fps) == "the body is not upright"
    assert recover(relative(walk)[:4], walk.names, walk.fps).startswith("5 frames")


def test_clips_on_the_floor_are_never_taken_for_relative(shared_clips):
    for path in sorted(shared_clips.glob("*.npz")):
        assert not any("relative to the root" in f for f in load_clip(path).findings), path.name
