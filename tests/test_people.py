"""Several people in a file: one of them, or all on one floor and in one scale."""

import json
import re

import numpy as np
import pytest

from motionrecon.anatomy.skeletons import SKELETONS
from motionrecon.cli.main import main
from motionrecon.clip.load import load_clip, load_people
from motionrecon.errors import ClipError
from motionrecon.motion.motion import Motion
from motionrecon.view.pack import unpack

BESIDE = np.array([0.3, 1.0, 0.0])  # m, of the second from the first
LATE = 6  # frames by which the second comes later


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk")).until(0.8)


@pytest.fixture
def two(walk):
    """(2, T, J, 3) m: the walk twice, 50 mm above its ground, the second late."""
    both = np.stack([walk.keypoints, walk.keypoints + BESIDE]) + [0, 0, 0.05]
    both[1, :LATE] = np.nan
    return both


def save(path, walk, keypoints, **more):
    names = np.array(walk.names)
    np.savez(path, keypoints=keypoints, keypoint_names=names, fps=walk.fps, **more)
    return path


def as_json(path, walk, two, tracks):
    """MMPose's frames, with track numbers or without."""
    frames = [
        {
            "frame_id": t,
            "instances": [
                {"keypoints": np.round(two[p, t], 6).tolist()}
                | ({"track_id": 7 + p} if tracks else {})
                for p in range(2)
                if np.isfinite(two[p, t]).all()
            ],
        }
        for t in range(two.shape[1])
    ]
    names = {str(i): n for i, n in enumerate(walk.names)}
    meta = {"keypoint_id2name": names, "fps": walk.fps}
    path.write_text(json.dumps({"meta_info": meta, "instance_info": frames}))
    return path


@pytest.mark.parametrize("order", ["PTJ3", "TPJ3", "time", "confidence", "npy"])
def test_arrays_of_people(order, walk, two, tmp_path):
    path, options = tmp_path / "two.npz", {}
    seen = np.isfinite(two[..., 0]).astype(float)
    if order == "PTJ3":
        save(path, walk, two)
    elif order == "TPJ3":
        save(path, walk, two.transpose(1, 0, 2, 3), confidence=seen.transpose(1, 0, 2))
    elif order == "time":  # it tells the axis where people outnumber the frames
        crowd = np.repeat(two[:, :6], 4, axis=0)
        save(path, walk, crowd, time=np.arange(6) / walk.fps)
        assert len(load_people(path)[0]) == 4
        assert load_clip(path, person=3).keypoints.shape[0] == 6
        return
    elif order == "confidence":
        save(path, walk, np.concatenate([two, seen[..., None]], axis=-1))
    else:
        path, options = tmp_path / "two.npy", {"fps": walk.fps, "skeleton": "coco17"}
        coco = np.full((*two.shape[:2], 17, 3), np.nan)
        for k, name in enumerate(SKELETONS["coco17"]):
            if name in walk.names:
                coco[:, :, k] = two[:, :, walk.names.index(name)]
        np.save(path, coco)
    for person in (0, 1):
        clip = load_clip(path, person=person, **options)
        truth = two[person, LATE * person :][:, [walk.names.index(n) for n in clip.names]]
        np.testing.assert_allclose(clip.keypoints, truth, atol=1e-5)
        assert f"person {person} of 2" in clip.findings
    people, left_out = load_people(path, **options)
    assert list(people) == [0, 1] and not left_out
    np.testing.assert_allclose(people[1].keypoints, clip.keypoints)
    with pytest.raises(ClipError, match="2 persons: which one"):
        load_clip(path, **options)


@pytest.mark.parametrize("tracks", [True, False])
def test_files_with_tracks(walk, two, tmp_path, tracks):
    path = as_json(tmp_path / "two.json", walk, two, tracks)
    people, _ = load_people(path)
    numbers = [7, 8] if tracks else [0, 1]
    assert list(people) == numbers
    for number in numbers if tracks else []:
        one = load_clip(path, person=number)
        np.testing.assert_allclose(people[number].keypoints, one.keypoints)
    np.testing.assert_allclose(people[numbers[0]].keypoints[-1], two[0, -1], atol=1e-5)


def test_one_scale_and_axis_for_all(walk, two, tmp_path):
    """A child among them does not change how the file is read."""
    crowd = np.concatenate([two, two[:1] * 0.6, np.full_like(two[:1], np.nan)])
    path = save(tmp_path / "four.npz", walk, crowd * 100)
    people, left_out = load_people(path)
    assert list(people) == [0, 1, 2] and not left_out
    assert all("units cm" in " ".join(c.findings) for c in people.values())
    np.testing.assert_allclose(people[2].keypoints, two[0] * 0.6, atol=1e-5)


def test_who_cannot_be_read_is_left_out_and_said(walk, two, tmp_path):
    crowd = two.copy()
    crowd[1, :-3] = np.nan
    people, left_out = load_people(save(tmp_path / "two.npz", walk, crowd))
    assert list(people) == [0]
    assert len(left_out) == 1 and left_out[0].startswith("person 1 is left out: ")
    with pytest.raises(ClipError, match="3 frame"):
        load_people(save(tmp_path / "none.npz", walk, crowd[1:]))


@pytest.mark.parametrize(
    "command, words, told",
    [
        ("reconstruct", ["--person", "2"], "no person 2; there are 0, 1"),
        ("reconstruct", ["--person", "-1"], "no person -1; there are 0, 1"),
        ("reconstruct", [], "2 persons: which one"),
        ("reconstruct", ["--person", "all", "--forces", "a.mot"], "--forces belongs to one"),
        ("reconstruct", ["--person", "all", "--reference", "a.npz"], "--reference belongs to one"),
        ("inspect", ["--person", "2"], "no person 2"),
        ("batch", ["--person", "all"], "--person all: expected a number"),
        ("compare", ["--person", "all", "--with", "bfgs"], "--person all: expected a number"),
    ],
)
def test_out_of_range_is_one_line(walk, two, tmp_path, capsys, command, words, told):
    path = save(tmp_path / "two.npz", walk, two)
    out = [] if command == "inspect" else ["--out", str(tmp_path / "out")]
    assert main([command, str(path), *words, *out]) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said
    assert not (tmp_path / "out").exists()


def test_as_many_people_as_frames_is_a_question(walk, tmp_path):
    path = save(tmp_path / "six.npz", walk, np.repeat(walk.keypoints[None, :6], 6, axis=0))
    with pytest.raises(ClipError, match="as many persons as frames"):
        load_clip(path, person=0)


def test_a_file_of_one_has_no_other(walk, tmp_path):
    path = save(tmp_path / "one.npz", walk, walk.keypoints)
    assert load_clip(path, person=0).keypoints.shape == walk.keypoints.shape
    with pytest.raises(ClipError, match="no person 1; it shows one"):
        load_clip(path, person=1)
    assert list(load_people(path)[0]) == [0]


def test_inspect_all(walk, two, tmp_path, capsys):
    path = save(tmp_path / "two.npz", walk, two)
    assert main(["inspect", str(path), "--person", "all", "--json"]) == 0
    people = json.loads(capsys.readouterr().out)["people"]
    assert [people[p]["frames"] for p in "01"] == [two.shape[1], two.shape[1] - LATE]


def test_all_are_reconstructed_on_one_floor_and_shown_together(walk, two, tmp_path, capsys):
    path, out = save(tmp_path / "two.npz", walk, two), tmp_path / "out"
    words = ["--person", "all", "--page", "--max-evaluations", "4", "--out", str(out)]
    assert main(["reconstruct", str(path), *words]) == 0
    assert "person 1" in capsys.readouterr().out
    motions = [Motion.load(out / f"person_{p}") for p in (0, 1)]
    shift = [two[p, LATE * p :][: m.frames] - m.input_keypoints for p, m in enumerate(motions)]
    moved = np.nanmedian(shift[0], axis=(0, 1))
    np.testing.assert_allclose(moved[:2], 0, atol=1e-6)
    assert 0.02 < moved[2] < 0.08  # most of the 50 mm
    for s in shift:  # the same for both, in all frames
        np.testing.assert_allclose(s, np.broadcast_to(moved, s.shape), atol=2e-4)
    assert not list(out.glob("person_*/view.html"))
    text = (out / "view.html").read_text()
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.S)[1])
    assert data["together"] and [t["label"] for t in data["takes"]] == ["person 0", "person 1"]
    assert [t["first"] for t in data["takes"]] == [0, LATE]
    late = unpack(data["takes"][1]["keypoints"])
    assert np.isnan(late[:LATE]).all() and np.isfinite(late[LATE]).any()
    assert data["reach"][0] > np.linalg.norm(BESIDE)
