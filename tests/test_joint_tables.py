"""Dictionaries of joints: pickled in an npy, and arrays of a MATLAB file."""

import numpy as np
import pytest
from scipy.io import savemat

from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


def save(path, table):
    np.save(path, table, allow_pickle=True)
    return path


@pytest.mark.parametrize("key", ["joints", "keypoints_3d", "positions"])
def test_a_dictionary_of_joints(key, walk, tmp_path):
    table = {key: walk.keypoints, "joint_names": list(walk.names), "fps": 30, "betas": np.ones(10)}
    path = save(tmp_path / "motion.npy", table | {"gender": "neutral", "odd": object})
    with pytest.raises(ClipError, match="pickled Python objects, which are never loaded unasked"):
        load_clip(path)
    with pytest.raises(ClipError, match="asks for builtins.object"):
        load_clip(path, allow_pickle=True)
    clip = load_clip(save(path, table | {"gender": "neutral"}), allow_pickle=True)
    np.testing.assert_allclose(clip.keypoints, walk.keypoints)
    assert clip.names == walk.names and clip.fps == 30


def test_a_dictionary_without_joints_says_what_it_holds(tmp_path):
    path = save(tmp_path / "motion.npy", {"poses_aa": np.ones((9, 72)), "fps": 30})
    with pytest.raises(ClipError, match="no keypoints: .* the file holds fps, poses_aa"):
        load_clip(path, allow_pickle=True)


def test_people_in_a_dictionary(walk, tmp_path):
    both = np.stack([walk.keypoints, walk.keypoints + [0, 1, 0]])
    path = save(tmp_path / "two.npy", {"joints": both, "names": list(walk.names), "fps": 30.0})
    clip = load_clip(path, allow_pickle=True, person=1)
    np.testing.assert_allclose(clip.keypoints, both[1])


def test_arrays_of_a_matlab_file(walk, tmp_path):
    path = tmp_path / "walk.mat"
    names = np.array(walk.names, dtype=object)
    savemat(path, {"keypoints": walk.keypoints, "keypoint_names": list(names), "fps": 30.0})
    clip = load_clip(path)
    np.testing.assert_allclose(clip.keypoints, walk.keypoints)
    assert clip.names == walk.names and clip.fps == 30


@pytest.mark.parametrize(
    "held, told",
    [
        ({"x": 1.0}, "no keypoints: expected an array 'keypoints'"),
        (
            {"d": {"data": np.ones((9, 8)), "markerName": ["a", "b"], "freq": 30.0}},
            r"shape \(9, 8\) for 2 names",
        ),
        (
            {"d": {"data": "none", "markerName": ["a", "b"], "freq": 30.0}},
            "in place of numbers",
        ),
    ],
)
def test_what_is_no_motion_in_a_matlab_file(held, told, tmp_path):
    path = tmp_path / "other.mat"
    savemat(path, held)
    with pytest.raises(ClipError, match=f"^{path}: .*{told}"):
        load_clip(path)


def test_a_matlab_file_of_version_7_3_says_how_to_save_it(tmp_path):
    """Its header, as MATLAB writes it; HDF5 follows."""
    path = tmp_path / "new.mat"
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(512))
    with pytest.raises(ClipError, match="MATLAB 7.3 file: save it with -v7"):
        load_clip(path)
