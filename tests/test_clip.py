import io as bytes_io
import pickle

import numpy as np
import pytest
from development_clips import whole_bodies

from motionrecon.anatomy.skeletons import SKELETONS
from motionrecon.clip.doubts import swapped
from motionrecon.clip.load import load_clip, make_clip
from motionrecon.errors import ClipError
from motionrecon.io import Raw, detect


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


def arrays_of(clip, **changes):
    content = {
        "keypoints": clip.keypoints,
        "keypoint_names": np.array(clip.names),
        "fps": clip.fps,
    } | changes
    return {k: v for k, v in content.items() if v is not None}


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def with_infinity(clip):
    keypoints = clip.keypoints.copy()
    keypoints[7, 3, 1] = np.inf
    return keypoints


def hidden(clip, name, frames):
    """The clip's keypoints with one of them missing in `frames`."""
    keypoints = clip.keypoints.copy()
    keypoints[frames, clip.index(name)] = np.nan
    return keypoints


# What is wrong -> (what the file holds, options, what the message must say).
BAD_ARRAYS = {
    "no keypoints": (
        lambda c: arrays_of(c, keypoints=None),
        {},
        "no keypoints.*'keypoints'.*holds.*fps",
    ),
    "nothing at all": (lambda c: {}, {}, "no keypoints.*nothing"),
    "flat keypoints": (
        lambda c: arrays_of(c, keypoints=c.keypoints.reshape(-1, 54)),
        {},
        r"\(39, 54\).*\(frames, joints, 3\)",
    ),
    "2D keypoints": (lambda c: arrays_of(c, keypoints=c.keypoints[..., :2]), {}, "2D"),
    "text for keypoints": (lambda c: arrays_of(c, keypoints=np.array(["a"])), {}, "type.*numbers"),
    "all NaN": (
        lambda c: arrays_of(c, keypoints=np.full_like(c.keypoints, np.nan)),
        {},
        "every keypoint.*missing",
    ),
    "no confidence in any": (
        lambda c: arrays_of(c, confidence=np.zeros((39, 18))),
        {},
        "every keypoint.*confidence",
    ),
    "infinite value": (
        lambda c: arrays_of(c, keypoints=with_infinity(c)),
        {},
        "infinite.*frame 7.*joint 3",
    ),
    "unknown names": (
        lambda c: arrays_of(c, keypoint_names=np.array([f"m{i}" for i in range(18)])),
        {},
        "no keypoint name is known.*m0",
    ),
    "too few names": (
        lambda c: arrays_of(c, keypoint_names=np.array(c.names[:5])),
        {},
        "5 keypoint names for 18",
    ),
    "a name twice": (
        lambda c: arrays_of(c, keypoint_names=np.array(["l_hip"] * 2 + list(c.names[2:]))),
        {},
        "'l_hip' stands",
    ),
    "no names": (
        lambda c: arrays_of(c, keypoint_names=None),
        {},
        "18 keypoints without names.*--skeleton",
    ),
    "unknown skeleton": (
        lambda c: arrays_of(c),
        {"skeleton": "octopus"},
        "unknown skeleton 'octopus'.*coco17",
    ),
    "skeleton of another size": (
        lambda c: arrays_of(c),
        {"skeleton": "coco17"},
        "coco17 has 17 keypoints, the clip has 18",
    ),
    "too few joints": (
        lambda c: arrays_of(c, keypoints=c.keypoints[:, :5], keypoint_names=np.array(c.names[:5])),
        {},
        "too few joints.*r_hip.*r_knee",
    ),
    "a knee never seen": (
        lambda c: arrays_of(c, keypoints=hidden(c, "l_knee", slice(None))),
        {},
        "too few joints.*missing l_knee;",
    ),
    "a hip seen once": (
        lambda c: arrays_of(c, keypoints=hidden(c, "l_hip", slice(1, None))),
        {},
        "fewer than 3 frames: l_hip",
    ),
    "no fps": (lambda c: arrays_of(c, fps=None), {}, "no frame rate.*--fps"),
    "fps zero": (lambda c: arrays_of(c, fps=0.0), {}, "0 frames per second"),
    "fps negative": (lambda c: arrays_of(c, fps=-30.0), {}, "-30 frames per second"),
    "fps NaN": (lambda c: arrays_of(c, fps=np.nan), {}, "nan frames per second"),
    "fps too low": (lambda c: arrays_of(c, fps=5.0), {}, "5 frames per second.*20 to 250"),
    "fps absurd": (lambda c: arrays_of(c, fps=1e6), {}, "1e.06 frames per second"),
    "fps of each frame": (lambda c: arrays_of(c, fps=np.full(39, 30.0)), {}, "'fps' has shape"),
    "fps in words": (lambda c: arrays_of(c, fps=np.array("thirty")), {}, "'fps' has type"),
    "time running back": (
        lambda c: arrays_of(c, time=-np.arange(39) / 30),
        {},
        "'time'.*does not rise",
    ),
    "time of other frames": (
        lambda c: arrays_of(c, time=np.arange(7) / 30),
        {},
        "'time'.*39 frames",
    ),
    "person 20 m tall": (
        lambda c: arrays_of(c, keypoints=c.keypoints * 12.0),
        {},
        "neither metres.*20.* m tall in m,",
    ),
    "units given wrong": (
        lambda c: arrays_of(c, keypoints=c.keypoints * 100),
        {"units": "mm"},
        r"in mm \(given\).*in cm it would be 1\.69",
    ),
    "unknown units": (lambda c: arrays_of(c), {"units": "feet"}, "unknown units 'feet'"),
    "unknown up axis": (lambda c: arrays_of(c), {"up": "w"}, "unknown up axis 'w'"),
    "one frame": (lambda c: arrays_of(c, keypoints=c.keypoints[:1]), {}, r"1 frame\(s\)"),
    "no frame": (lambda c: arrays_of(c, keypoints=c.keypoints[:0]), {}, r"0 frame\(s\)"),
    "confidence of another shape": (
        lambda c: arrays_of(c, confidence=np.ones(39)),
        {},
        r"confidence has shape \(39,\)",
    ),
    "confidence in percent": (
        lambda c: arrays_of(c, confidence=np.full((39, 18), 90.0)),
        {},
        "confidence runs from 90 to 90",
    ),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_content_is_one_clear_error(case, walk, tmp_path):
    make, options, says = BAD_ARRAYS[case]
    path = save(tmp_path / "bad.npz", **make(walk))
    with pytest.raises(ClipError, match=says) as caught:
        load_clip(path, **options)
    assert "bad.npz" in str(caught.value) and "\n" not in str(caught.value)


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def _pickled_npz(path):
    np.savez(path, keypoints=np.array([_Bomb()], dtype=object), fps=30.0)


def _truncated_npz(path):
    np.savez(path, keypoints=np.ones((50, 18, 3)), fps=30.0)
    path.write_bytes(path.read_bytes()[:4000])


def _broken_array(path):
    np.savez_compressed(path, keypoints=np.random.default_rng(0).normal(size=(50, 18, 3)), fps=30.0)
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(bytes(content))


def _npy(path):
    buffer = bytes_io.BytesIO()
    np.save(buffer, np.ones((50, 18, 3)))
    path.write_bytes(buffer.getvalue())


BAD_FILES = {
    "missing": (lambda p: None, "no such file"),
    "a folder": (lambda p: p.mkdir(), "folder"),
    "empty": (lambda p: p.write_bytes(b""), "not an npz"),
    "text": (lambda p: p.write_text("x,y,z"), "not an npz"),
    "a bare pickle": (
        lambda p: p.write_bytes(pickle.dumps(_Bomb())),
        "not an npz.*pickle.*never loaded",
    ),
    "pickled objects": (_pickled_npz, "'keypoints' holds pickled Python objects"),
    "cut short": (_truncated_npz, "not an npz"),
    "damaged": (_broken_array, "'keypoints' is damaged"),
    "npy": (_npy, "single npy array"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_one_clear_error(case, tmp_path):
    make, says = BAD_FILES[case]
    path = tmp_path / "bad.npz"
    make(path)
    with pytest.raises(ClipError, match=says) as caught:
        load_clip(path)
    assert "bad.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_a_clip_without_one_whole_bone_is_refused(walk):
    part = {"hip": 0, "knee": 1, "ankle": 2, "toe": 2, "shoulder": 0, "elbow": 1, "wrist": 2}
    turn = np.array([part.get(n[2:], 0) for n in walk.names])
    seen = np.arange(39)[:, None] % 3 == turn
    keypoints = np.where(seen[..., None], walk.keypoints, np.nan)
    with pytest.raises(ClipError, match="both its ends seen in one frame"):
        make_clip(Raw(keypoints, names=walk.names, fps=30.0), "scattered")


def test_unknown_extension_names_the_readers(tmp_path):
    (tmp_path / "clip.xyz").write_text("")
    with pytest.raises(ClipError, match=r"no reader for '.xyz'.*\.npz"):
        load_clip(tmp_path / "clip.xyz")


@pytest.mark.parametrize("up", detect.UP_AXES)
@pytest.mark.parametrize("units", detect.UNITS)
def test_units_and_up_axis_are_converted(walk, up, units, tmp_path):
    # UP_AXES takes file coordinates to ours, so its transpose makes such a file.
    keypoints = walk.keypoints @ detect.UP_AXES[up] / detect.UNITS[units]
    path = save(tmp_path / "clip.npz", **arrays_of(walk, keypoints=keypoints))
    for options in ({}, {"up": up, "units": units}):
        clip = load_clip(path, **options)
        if (
            up in ("z", "y", "-y") or options
        ):  # the axes in use are detected, the others may be given
            np.testing.assert_allclose(clip.keypoints, walk.keypoints, atol=1e-9)
        assert any(f.startswith(f"units {units}") for f in clip.findings)


def test_detection_on_the_development_clips(shared_clips):
    for path in whole_bodies(shared_clips):
        clip = load_clip(path)
        for axis in ("z", "y", "-y"):
            assert (
                detect.detect_up(clip.keypoints @ detect.UP_AXES[axis], clip.names).axis == axis
            ), path.name
        assert swapped(clip.keypoints, clip.names) is None, path.name
        mirrored = tuple({"l_": "r_", "r_": "l_"}.get(n[:2], n[:2]) + n[2:] for n in clip.names)
        assert swapped(clip.keypoints, mirrored) is not None, path.name


@pytest.mark.parametrize(
    "name", ["walk", "jump", "spinkick", "cartwheel", "getup_facedown", "roll"]
)
def test_bundled_clips(bundled_clip, name):
    clip = load_clip(bundled_clip(name))
    assert clip.warnings == ()
    assert (
        clip.keypoints.shape == (*clip.confidence.shape, 3) and clip.keypoints.dtype == np.float64
    )
    with np.load(bundled_clip(name)) as content:
        assert "zlib" in str(content["licence"]) and "pybullet" in str(content["source"])
        assert detect.detect_up(content["keypoints"].astype(float), clip.names).axis == "z"
    thigh = np.linalg.norm(
        clip.keypoints[:, clip.index("l_hip")] - clip.keypoints[:, clip.index("l_knee")], axis=1
    )
    np.testing.assert_allclose(thigh[np.isfinite(thigh)], 0.4215, atol=1e-4)  # the humanoid's own


@pytest.mark.parametrize(
    "parts", [("hip", "knee"), ("shoulder",), ("ankle",), ("hip", "knee", "ankle", "shoulder")]
)
def test_swapped_sides_are_a_warning(walk, parts):
    swap = {f"{a}_{p}": f"{b}_{p}" for p in parts for a, b in ("lr", "rl")}
    everything = len(parts) == 4
    names = tuple(swap.get(n, n) for n in walk.names)
    clip = make_clip(Raw(walk.keypoints, names=names, fps=30.0), "swapped")
    told = any("swapped" in w for w in clip.warnings)
    assert told == (everything or parts != ("ankle",))


def test_mirrored_clip_is_a_warning(walk):
    clip = make_clip(Raw(walk.keypoints * [1, -1, 1], names=walk.names, fps=30.0), "mirrored")
    assert any("swapped" in w for w in clip.warnings)


def test_thirteen_joints_are_enough_and_arms_are_not_needed(walk):
    for parts in ("shoulder elbow wrist hip knee ankle", "hip knee toe shoulder"):
        names = [f"{s}_{p}" for p in parts.split() for s in "lr"] + ["neck"]
        columns = [walk.index(n) for n in names]
        clip = make_clip(Raw(walk.keypoints[:, columns], names=tuple(names), fps=30.0), "few")
        np.testing.assert_allclose(clip.keypoints, walk.keypoints[:, columns])


LEGS = tuple(f"{s}_{p}" for p in ("hip", "knee", "ankle", "heel", "toe") for s in "lr")


def cut(clip, names):
    return Raw(clip.keypoints[:, [clip.index(n) for n in names]], names=tuple(names), fps=30.0)


def test_legs_alone_are_enough_and_what_is_presumed_is_said(walk):
    names = tuple(n for n in ("pelvis", *LEGS) if n in walk.names)
    clip = make_clip(cut(walk, names), "legs")
    assert clip.names == names
    assert any("trunk" in f and "presumed" in f for f in clip.findings)
    assert not any("presumed" in f for f in make_clip(cut(walk, walk.names), "whole").findings)


def test_one_shoulder_is_a_side_that_is_missing(walk):
    names = [n for n in (*LEGS, "l_shoulder") if n in walk.names]
    with pytest.raises(ClipError, match="missing r_shoulder"):
        make_clip(cut(walk, names), "lopsided")


def test_legs_alone_tell_up_sides_and_who_is_upside_down(walk):
    names = tuple(n for n in LEGS if n in walk.names)
    legs = cut(walk, names)
    y_up = legs.positions[..., [1, 2, 0]]
    assert any(
        "up axis y (detected)" in f
        for f in make_clip(Raw(y_up, names=names, fps=30.0), "y").findings
    )
    mirrored = Raw(legs.positions * [1, -1, 1], names=names, fps=30.0)
    assert any("swapped" in w for w in make_clip(mirrored, "mirrored").warnings)
    assert any("upside down" in w for w in make_clip(legs, "down", up="-z").warnings)
    assert not make_clip(legs, "legs", up="z").warnings


def test_skeleton_is_detected_from_bone_lengths(walk):
    rng = np.random.default_rng(0)
    for key, names in SKELETONS.items():
        keypoints = np.full((len(walk.keypoints), len(names), 3), np.nan)
        for i, n in enumerate(names):
            if n in walk.names:
                keypoints[:, i] = walk.keypoints[:, walk.index(n)]
        keypoints += rng.normal(0, 0.003, keypoints.shape)
        clip = make_clip(Raw(keypoints, fps=30.0), "nameless")
        assert f"skeleton {key} (detected)" in clip.findings
        assert any("no names" in w for w in clip.warnings)
        given = make_clip(Raw(keypoints, skeleton=key, fps=30.0), "named")
        assert given.names == clip.names


def test_unknown_and_doubled_names_are_left_out_with_a_warning(walk):
    names = ["MidHip" if n == "head" else "antler" if n == "neck" else n for n in walk.names]
    clip = make_clip(Raw(walk.keypoints, names=tuple(names), fps=30.0), "odd")
    assert "antler" not in clip.names and len(clip.names) == 16
    assert clip.names.count("pelvis") == 1
    np.testing.assert_array_equal(
        clip.keypoints[:, clip.index("pelvis")], walk.keypoints[:, walk.index("pelvis")]
    )
    assert any("antler" in w for w in clip.warnings) and any("MidHip" in w for w in clip.warnings)


def test_missing_points_have_no_confidence(walk):
    keypoints = walk.keypoints + [0.0, 0.0, 0.01]
    keypoints[3, 4, 1] = np.nan  # one coordinate missing is a point missing
    keypoints[5:8, 6] = 0.0  # how many tools write an unseen point
    confidence = np.full(keypoints.shape[:2], 0.8)
    confidence[10, 2], confidence[11, 2] = 0.0, np.nan
    clip = make_clip(Raw(keypoints, names=walk.names, fps=30.0, confidence=confidence), "gaps")
    missing = np.zeros(keypoints.shape[:2], bool)
    for frame, joint in ((3, 4), (5, 6), (6, 6), (7, 6), (10, 2), (11, 2)):
        missing[frame, joint] = True
    np.testing.assert_array_equal(np.isnan(clip.keypoints).all(axis=-1), missing)
    np.testing.assert_array_equal(clip.confidence, np.where(missing, 0.0, 0.8))


def test_confidence_as_fourth_number(walk, tmp_path):
    keypoints = np.concatenate([walk.keypoints, np.full((39, 18, 1), 0.5)], axis=-1)
    clip = load_clip(save(tmp_path / "c.npz", **arrays_of(walk, keypoints=keypoints)))
    np.testing.assert_array_equal(clip.keypoints, walk.keypoints)
    assert (clip.confidence == 0.5).all()


def test_time_gaps_become_missing_frames(walk):
    kept = np.r_[0:10, 22:39]
    raw = Raw(walk.keypoints[kept], names=walk.names, time=3.0 + kept / 30.0)
    clip = make_clip(raw, "gap")
    assert clip.fps == pytest.approx(30.0) and len(clip.keypoints) == 39
    np.testing.assert_array_equal(clip.keypoints[kept], walk.keypoints[kept])
    assert np.isnan(clip.keypoints[10:22]).all()
    assert any("12 frames are absent" in w for w in clip.warnings)
    assert any("frames 10 to 21" in w for w in clip.warnings)
    np.testing.assert_allclose(clip.extras["time"], 3.0 + np.arange(39) / 30.0)


def test_uneven_time_is_interpolated(walk):
    time = np.arange(39) / 30.0 + np.random.default_rng(0).uniform(-0.012, 0.012, 39)
    straight = walk.keypoints[:1] + time[:, None, None] * np.array([1.0, 0.5, 0.0])
    clip = make_clip(Raw(straight, names=walk.names, fps=30.0, time=time), "uneven")
    clock = time[0] + np.arange(len(clip.keypoints)) / 30.0
    expected = walk.keypoints[:1] + clock[:, None, None] * np.array([1.0, 0.5, 0.0])
    np.testing.assert_allclose(clip.keypoints, expected, atol=1e-12)
    assert any("uneven" in w for w in clip.warnings)


def test_fast_clips_are_decimated(walk):
    t = np.arange(1001) / 1000.0
    keypoints = walk.keypoints[:1] + t[:, None, None] ** 2
    clip = make_clip(Raw(keypoints, names=walk.names, fps=1000.0), "fast")
    assert clip.fps == 250.0 and len(clip.keypoints) == 251
    np.testing.assert_allclose(clip.keypoints, keypoints[::4], atol=1e-9)
    assert any("from 1000 to 250 Hz" in f for f in clip.findings)


@pytest.mark.parametrize("fps", [20.0, 24.99, 250.0])
def test_rates_in_range_pass(walk, fps):
    assert make_clip(Raw(walk.keypoints, names=walk.names, fps=fps), "x").fps == fps
    assert make_clip(Raw(walk.keypoints, names=walk.names, fps=1.0), "x", fps=fps).fps == fps


def test_relative_clip_is_a_warning(walk):
    clip = make_clip(
        Raw(walk.keypoints - walk.keypoints[:, :1], names=walk.names, fps=30.0),
        "relative",
        travel="none",
    )
    assert any("pelvis stays at the origin" in w for w in clip.warnings)


@pytest.mark.parametrize("up", ["z", "-z"])
def test_an_axis_that_stands_the_person_on_the_head_is_a_warning(walk, up):
    clip = make_clip(Raw(walk.keypoints, names=walk.names, fps=30.0), "walk", up=up)
    assert any("upside down" in w for w in clip.warnings) == (up == "-z")


def test_force_plates_come_along(shared_clips):
    clip = load_clip(shared_clips / "rajagopal_walk__walk_free.npz")
    assert clip.extras["grf_force"].ndim == 3 and len(clip.extras["time"]) == len(clip.keypoints)
    assert float(clip.extras["body_mass_kg"]) == pytest.approx(85.3, abs=0.1)


def test_until_cuts_all_that_has_the_clip_s_frames(walk):
    time = 2.0 + np.arange(len(walk.keypoints)) / walk.fps
    plates = np.arange(1000.0)
    clip = walk.replace(extras={"time": time, "grf_time": plates, "body_mass_kg": 70.0})
    part = clip.until(0.5)
    frames = int(round(0.5 * walk.fps)) + 1
    assert part.keypoints.shape[0] == part.confidence.shape[0] == frames
    assert part.duration == pytest.approx(0.5, abs=0.5 / walk.fps)
    np.testing.assert_array_equal(part.extras["time"], time[:frames])
    np.testing.assert_array_equal(part.extras["grf_time"], plates)  # on a clock of its own
    assert len(clip.extras["time"]) == len(walk.keypoints)  # the clip itself is as it was
    assert clip.until(None) is clip and len(clip.until(1e6).keypoints) == len(walk.keypoints)


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan, np.inf])
def test_until_refuses_seconds_that_leave_nothing(walk, seconds):
    with pytest.raises(ClipError, match="seconds .*: expected a number above 0"):
        walk.until(seconds)
