"""What is wrong inside a file that can be read: each is one line that names the file, at once."""

import json
import signal
import struct
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from motionrecon import io
from motionrecon.body import segments
from motionrecon.body.build import measured_body
from motionrecon.body.proportions import measure
from motionrecon.clip.floor import estimate_floor
from motionrecon.clip.inspection import describe
from motionrecon.clip.load import load_clip
from motionrecon.errors import BodyError, ClipError
from motionrecon.io.mapping import load_mapping
from motionrecon_benchmarks.sample_files import WRITERS


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


@contextmanager
def within(seconds):
    """A hang is an error of this test, and not of the whole run."""

    def late(*_):
        raise TimeoutError(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def save(path, walk, **more):
    np.savez(path, **{"keypoints": walk.keypoints, "keypoint_names": walk.names, "fps": 30} | more)
    return path


def plates(**changes):
    time = np.arange(40) / 40
    return {
        "grf_time": time,
        "grf_force": np.ones((40, 2, 3)),
        "grf_cop": np.full((40, 2, 3), np.nan),
        "grf_names": np.array(["left", "right"]),
    } | changes


BAD_EXTRAS = {
    "mass as text": {"body_mass_kg": np.array("80 kg")},
    "masses": {"body_mass_kg": np.array([70.0, 80.0])},
    "no mass": {"body_mass_kg": np.array([])},
    "mass of nobody": {"body_mass_kg": 8000.0},
    "nan mass": {"body_mass_kg": np.nan},
    "force of one plate for two names": plates(grf_force=np.ones((40, 1, 3))),
    "flat force": plates(grf_force=np.ones((40, 6))),
    "short force": plates(grf_force=np.ones((39, 2, 3))),
    "infinite force": plates(grf_force=np.full((40, 2, 3), np.inf)),
    "huge force": plates(grf_force=np.full((40, 2, 3), 1e300)),
    "force as text": plates(grf_force=np.full((40, 2, 3), "1 N")),
    "scalar force": plates(grf_force=np.float64(3)),
    "no force": plates(grf_time=np.zeros(0), grf_force=np.zeros((0, 2, 3))),
    "flat centre": plates(grf_cop=np.zeros((40, 2))),
    "infinite centre": plates(grf_cop=np.full((40, 2, 3), -np.inf)),
    "time backwards": plates(grf_time=-np.arange(40.0)),
    "time stands": plates(grf_time=np.zeros(40)),
    "nan time": plates(grf_time=np.full(40, np.nan)),
    "time as text": plates(grf_time=np.full(40, "now")),
    "time of two axes": plates(grf_time=np.zeros((40, 1))),
    "names as numbers": plates(grf_names=np.array([1, 2])),
    "names in rows": plates(grf_names=np.array([["left", "right"]])),
    "moments of wrong length": {"id_time": np.arange(5.0), "id_moments": np.zeros((4, 1))},
    "moments for other names": {"id_names": np.array(["hip"]), "id_moments": np.zeros((5, 2))},
}


@pytest.mark.parametrize("what", BAD_EXTRAS)
def test_extras_are_checked_at_the_door(what, walk, tmp_path):
    path = save(tmp_path / "x.npz", walk, **BAD_EXTRAS[what])
    with pytest.raises(ClipError, match=r"x\.npz: '(body|grf|id)_\w+' (is|does|holds)") as error:
        load_clip(path)
    assert "\n" not in str(error.value)


def test_good_extras_pass(walk, tmp_path):
    force = np.ones((40, 2, 3))
    force[0] = np.nan
    more = plates(grf_force=force, body_mass_kg=np.array([70.0]), activity=np.array("walk"))
    clip = load_clip(save(tmp_path / "x.npz", walk, **more, subject=np.arange(5)))
    assert float(clip.extras["body_mass_kg"]) == 70 and clip.extras["activity"] == "walk"
    assert clip.extras["grf_force"].shape == (40, 2, 3) and "subject" not in clip.extras
    assert any("peak vertical force left 1 N" in line for line in describe(clip))
    alone = load_clip(save(tmp_path / "y.npz", walk, grf_force=np.ones((40, 2, 3))))
    assert describe(alone)  # without names there is nothing to say


@pytest.mark.parametrize("frames", [5, 6, 9, 11])
@pytest.mark.parametrize("fps", [30, 250])
def test_very_short_clips_have_a_floor(frames, fps, walk):
    short = walk.replace(
        keypoints=walk.keypoints[:frames], confidence=walk.confidence[:frames], fps=float(fps)
    )
    assert np.isfinite(estimate_floor(short).height)


def test_a_clip_of_one_frame_after_decimation(walk, tmp_path):
    more = {"keypoints": np.repeat(walk.keypoints[:30], 2, axis=0), "fps": 20_000}
    with pytest.raises(ClipError, match="60 frames at 20000 Hz are 0.0029 s, 1 frames"):
        load_clip(save(tmp_path / "x.npz", walk, **more))


def test_a_gap_of_minutes_is_two_clips(walk, tmp_path):
    time = np.arange(len(walk.keypoints)) / 30.0
    time[20:] += 600
    with pytest.raises(ClipError, match="'time' jumps by 600.033 s after frame 19.*cut the file"):
        load_clip(save(tmp_path / "x.npz", walk, time=time))
    time[20:] -= 595
    assert len(load_clip(save(tmp_path / "x.npz", walk, time=time)).keypoints) == 39 + 150


@pytest.mark.parametrize(
    "keypoint, far",
    [("l_shoulder", (-0.95, -0.15, 5.1)), ("l_ankle", (0, 0, -3)), ("r_elbow", (0, 4, 0))],
)
def test_a_keypoint_metres_away_makes_no_body(keypoint, far, walk):
    keypoints = walk.keypoints.copy()
    keypoints[:, walk.index(keypoint)] += far
    with pytest.raises(BodyError, match=r"walk\.npz: bone.*a keypoint is misplaced"):
        measured_body(walk.replace(keypoints=keypoints))


def test_inertias_that_nothing_has_are_no_body(walk):
    """A trunk so short that the shoulders' parts leave less than nothing of the thorax."""
    proportions = replace(measure(walk.keypoints, walk.names), trunk=0.15, shoulder_width=0.9)
    with pytest.raises(
        BodyError, match="the bones' lengths make no thorax: '(trunk|shoulder_width)"
    ):
        segments.build(proportions, 70.0)


def _csv(names):
    return ",".join(f"{n}_{a}" for n in names for a in "xyz") + "\n" + "1," * 90 + "\n"


@pytest.mark.parametrize("label", ["_" * 60_000, "a" + "_-. [(" * 9_000, "x " * 30_000])
def test_headers_that_take_for_ever(label, walk, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(label + "," + _csv(walk.names))
    with within(30), pytest.raises(ClipError, match="x.csv"):
        load_clip(path, fps=30)


@pytest.mark.parametrize("count, says", [(100_000, "names 100000 markers"), (9_000, "missing")])
@pytest.mark.parametrize("subject", [None, "1"])
def test_a_hundred_thousand_names(count, says, subject, tmp_path):
    path, names = tmp_path / "x.trc", "\t\t\t".join(["LASI"] * count)
    path.write_text(f"P\nDataRate\tUnits\n100\tmm\nFrame#\tTime\t{names}\nX1\n" + "1\t2\n" * 9)
    with within(60), pytest.raises(ClipError, match=rf"x.trc: .*{says}"):
        load_clip(path, subject=subject)


def test_names_are_told_apart_in_a_moment(walk, tmp_path):
    """Nine thousand labels that all stand twice."""
    keypoints = np.tile(walk.keypoints[:, :1], (1, 9_000, 1))
    names = [f"S{i % 4500}:m" for i in range(9_000)]
    path = save(tmp_path / "x.npz", walk, keypoints=keypoints, keypoint_names=np.array(names))
    with within(60), pytest.raises(ClipError, match="4500 subjects: .*S19, [.][.][.]"):
        load_clip(path)
    with within(60), pytest.raises(ClipError, match="no keypoint name is known"):
        load_clip(path, subject="S1")


@pytest.mark.parametrize("subject", ["²", "٣", "9" * 5000, "\x00", ""])
def test_subjects_that_are_nobodys(subject, walk, tmp_path):
    path = WRITERS["c3d"](tmp_path, walk).path
    with pytest.raises(ClipError, match="clip.c3d: 2 subjects: none is"):
        load_clip(path, subject=subject)


def _long_cell(path, walk):
    path.with_suffix(".csv").write_text(_csv(walk.names) + "1" * 140_000 + "\n")


def _huge_fps(path, walk):
    content = {"keypoints": walk.keypoints.tolist(), "keypoint_names": walk.names, "fps": 10**400}
    path.with_suffix(".json").write_text(json.dumps(content))


def _tiny_frame_time(path, walk):
    text = WRITERS["bvh"](path.parent, walk).path.read_text()
    (path.parent / "mixamo.bvh").unlink()
    path.with_suffix(".bvh").write_text(text.replace("0.0333333", "1e-320"))


def _sgi(path, walk):
    content = bytearray(WRITERS["c3d"](path.parent, walk).path.read_bytes())
    (path.parent / "clip.c3d").unlink()
    (at,) = struct.unpack("B", content[:1])
    content[(at - 1) * 512 + 3] = 86
    path.with_suffix(".c3d").write_bytes(content)


def _include(path, walk):
    (path.parent / "secret").write_text("<mujoco/>")
    path.with_suffix(".xml").write_text(
        '<mujoco><!-- a model --><\ninclude file="secret"/><keyframe><key/></keyframe></mujoco>'
    )


@pytest.mark.parametrize("make", [_long_cell, _huge_fps, _tiny_frame_time, _sgi, _include])
def test_once_a_traceback(make, walk, tmp_path):
    make(tmp_path / "x", walk)
    path = next(p for p in tmp_path.iterdir() if p.stem == "x")
    with pytest.raises(ClipError, match=rf"{path.name}: ") as error:
        load_clip(path, fps=None if "fps" in make.__name__ else 30)
    assert "\n" not in str(error.value) and "issue" not in str(error.value)


def test_a_damaged_pickle_is_parsed_apart(walk, tmp_path):
    """Objects that are said to be dates: their bytes are addresses, and following them crashed."""
    sample = WRITERS["npz_videopose"](tmp_path, walk)
    with zipfile.ZipFile(sample.path) as archive:
        content = archive.read("positions_3d.npy")
    header, pickled = content[:128], content[128:]
    for old, new in ((b"O8", b"M8"), (b"f8", b"O8"), (b"f8", b"U2"), (b"f8", b"V8")):
        assert old in pickled
        with zipfile.ZipFile(sample.path, "w") as archive:
            archive.writestr("positions_3d.npy", header + pickled.replace(old, new))
        with pytest.raises(ClipError, match=sample.path.name):
            load_clip(sample.path, **sample.options)


def test_names_may_be_pickled_where_that_is_allowed(walk, tmp_path):
    path = save(tmp_path / "x.npz", walk, keypoint_names=np.array(walk.names, dtype=object))
    with pytest.raises(ClipError, match="x.npz: .*--allow-pickle"):
        load_clip(path)
    assert load_clip(path, allow_pickle=True).names == walk.names


def test_a_clip_whose_name_is_no_text(walk, tmp_path):
    """Bytes that are not UTF-8: parsers in C++ cannot be told such a name."""
    for name in ("c3d", "mjcf"):
        sample = WRITERS[name](tmp_path, walk)
        odd = sample.path.with_name("\udcff" + sample.path.name)
        sample.path.rename(odd)
        assert io.read(odd).positions.shape[2] == 3


@pytest.mark.parametrize("weights", ["[.nan, 1]", "[1e300, 1]", "[.inf, 1]"])
def test_weights_of_a_mapping_are_numbers(weights, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(f"keypoints: {{neck: {{markers: [a, b], weights: {weights}}}}}")
    with pytest.raises(ClipError, match="x.yaml: keypoint 'neck': weights must be 2 numbers"):
        load_mapping(path)
