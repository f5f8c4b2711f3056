"""Every reader on a small file of its format: keypoints, verdicts, overrides; then the formats' own
traps.
"""

import json
import resource
import warnings

import numpy as np
import pybvh
import pytest

from motionrecon import io
from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError
from motionrecon.io import isolated
from motionrecon.io.detect import UP_AXES
from motionrecon_benchmarks import damaged
from motionrecon_benchmarks.damaged import damage
from motionrecon_benchmarks.sample_files import FPS, WRITERS


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


@pytest.fixture(scope="module")
def samples(walk, tmp_path_factory):
    """Every format's sample, written once."""
    return {name: write(tmp_path_factory.mktemp(name), walk) for name, write in WRITERS.items()}


def _pybvh_truth(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        motion = pybvh.read_bvh_file(path)
    at = dict(
        zip((n.replace("mixamorig:", "") for n in motion.joint_names), range(99), strict=False)
    )
    positions = motion.joint_positions() @ UP_AXES["y"].T * 0.01
    names = {
        "pelvis": "Hips",
        "head": "Head",
        "l_toe": "LeftToeBase",
        "r_wrist": "RightHand",
        "r_knee": "RightLeg",
    }
    return {name: positions[:, at[joint]] for name, joint in names.items()}


def _matrix(degrees):
    """Rotation about fixed axes, x first."""
    x, y, z = np.radians(degrees)
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def _amc_truth(path):
    """The left toe's chain by matrices: root, hip joint, femur, tibia, foot (see write_amc)."""
    unit, chain = 0.0254 / 0.45, []
    for name, direction, length, axis, dof in (
        ("lhipjoint", (0.6, -0.7, 0.3), 2.5, (0, 0, 0), ""),
        ("lfemur", (0.34, -0.94, 0), 7.3, (0, 0, 20), "xyz"),
        ("ltibia", (0.34, -0.94, 0), 7.2, (0, 0, 20), "x"),
        ("lfoot", (0.1, -0.25, 0.96), 2.3, (-90, 0, 20), "xz"),
    ):
        chain.append((name, np.array(direction) * length * unit, _matrix(axis), dof))
    frames = [
        block.split("\n") for block in path.read_text().split(":DEGREES\n")[1].split("root ")[1:]
    ]
    truth = {"pelvis": [], "l_hip": [], "l_knee": [], "l_ankle": [], "l_toe": []}
    for lines in frames:
        values = {
            line.split()[0]: list(map(float, line.split()[1:]))
            for line in lines[1:]
            if line and not line.isdigit()
        }
        root = list(map(float, lines[0].split()))
        place, turn = np.array(root[:3]) * unit, _matrix(root[3:])
        truth["pelvis"].append(place)
        for keypoint, (name, offset, axis, dof) in zip(list(truth)[1:], chain, strict=True):
            angles = dict(zip(dof, values.get(name, []), strict=True))
            turn = turn @ axis @ _matrix([angles.get(a, 0.0) for a in "xyz"]) @ axis.T
            place = place + turn @ offset
            truth[keypoint].append(place)
    return {name: np.array(x) @ UP_AXES["y"].T for name, x in truth.items()}


_TRUTHS = {"bvh": _pybvh_truth, "amc": _amc_truth}  # formats whose truth is computed apart


@pytest.mark.parametrize("name", WRITERS)
def test_every_reader(name, samples):
    sample = samples[name]
    clip = load_clip(sample.path, **sample.options)
    truth = sample.keypoints or _TRUTHS[name](sample.path)
    assert len(truth) >= 3 and set(truth) <= set(clip.names) | {
        n for n, x in truth.items() if np.isnan(x).all()
    }
    for keypoint, x in truth.items():
        if np.isfinite(x).any():
            np.testing.assert_allclose(
                clip.keypoints[:, clip.index(keypoint)], x, atol=1e-4, err_msg=keypoint
            )
    assert clip.fps == pytest.approx(sample.fps)
    for verdict in sample.verdicts:
        assert any(verdict in finding for finding in clip.findings), (verdict, clip.findings)


@pytest.mark.parametrize("name", WRITERS)
def test_every_verdict_is_overridden_by_an_option(name, samples):
    sample = samples[name]
    plain = load_clip(sample.path, **sample.options)
    stature = next(f for f in plain.findings if f.startswith("units "))
    clip = load_clip(sample.path, **sample.options | {"fps": 60.0, "up": "x"})
    assert clip.fps == 60.0 and any("60 Hz (given)" in f for f in clip.findings)
    assert "up axis x (given)" in clip.findings
    told = next(f for f in clip.findings if f.startswith("units "))
    assert told == stature
    wrong = {"m": "mm", "cm": "m", "mm": "m"}[stature.split()[1]]
    with pytest.raises(ClipError, match=rf"in {wrong} \(given\) the person is"):
        load_clip(sample.path, **sample.options | {"units": wrong})
    with pytest.raises(ClipError, match="unknown skeleton|has .* keypoints, the clip has"):
        load_clip(sample.path, **sample.options | {"skeleton": "octopus"})


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_give_a_clear_error_or_a_clip(name):
    """A small share of what `motionrecon benchmark damaged` does; readers that run apart take
    longer.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = damaged.run_here(
        name, 9 if name in ("c3d", "mat", "mjcf", "mjcf_keys") else 36, seed=1
    )
    assert set(result["outcomes"]) <= {"clip", "error"}, result
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB


def test_damaged_files_in_a_process_of_its_own():
    result = damaged.run_apart("trc", 9, seed=2)
    assert set(result["outcomes"]) == {"clip", "error"} and 20 < result["peak_mib"] < 1024
    crash = damaged.run_apart("no such format", 9, seed=2)
    assert list(crash["outcomes"].values()) == [9] and "no such format" in next(
        iter(crash["outcomes"])
    )


def test_damage_damages():
    content = b"HIERARCHY 12 joints\n" * 50
    for kind in (
        "cut",
        "shuffled",
        "flipped",
        "zeroed",
        "count",
        "huge",
        "repeated",
        "dropped",
        "empty",
    ):
        assert any(damage(content, kind, np.random.default_rng(s)) != content for s in range(5)), (
            kind
        )


def test_what_must_not_happen_is_told(monkeypatch):
    """The benchmark sees other exceptions, messages of several lines and broken clips."""

    def sick(path, **options):
        if "whole" in path.parts or path == damaged.WALK:
            return load_clip(path, **options)
        raise [KeyError("x"), ClipError("elsewhere"), ClipError(f"{path}\nmore")][next(turns)]

    turns = iter(range(3))
    monkeypatch.setattr(damaged, "load_clip", sick)
    outcomes = " ".join(damaged.run_here("npz", 3, 0)["outcomes"])
    assert (
        "KeyError" in outcomes
        and "error without the name" in outcomes
        and "several lines" in outcomes
    )


def test_every_registered_reader_has_a_sample(samples):
    covered = {"folder" if s.path.is_dir() else s.path.suffix for s in samples.values()}
    assert set(io.READERS) - covered <= {
        ".asf",
        ".mjcf",
        ".tsv",
    }  # the same readers under other names


# A question names the choices and the option.
def test_several_subjects_are_a_question(samples):
    path = samples["c3d"].path
    with pytest.raises(ClipError, match="2 subjects: which one.*--subject.*Ann, Bob"):
        load_clip(path)
    with pytest.raises(ClipError, match="none is 'Eve'.*Ann, Bob"):
        load_clip(path, subject="Eve")
    ann, bob = load_clip(path, subject="1"), load_clip(path, subject="bob")
    np.testing.assert_allclose(
        bob.keypoints - ann.keypoints, np.broadcast_to([0, 5, 0], ann.keypoints.shape), atol=1e-4
    )


def test_several_persons_are_a_question(samples, tmp_path):
    path, options = samples["json_mmpose"].path, {"skeleton": "h36m", "fps": FPS}
    with pytest.raises(
        ClipError, match=r"2 persons: which one.*--person.*7 \(39 frames\), 3 \(10 frames\)"
    ):
        load_clip(path, **options)
    with pytest.raises(ClipError, match="no person 5; there are 3, 7"):
        load_clip(path, person=5, **options)
    assert len(load_clip(path, person=3, **options).keypoints) == 10
    content = json.loads(path.read_text())
    for frame in content["instance_info"]:
        for person in frame["instances"]:
            del person["track_id"]
    other = tmp_path / "untracked.json"
    other.write_text(json.dumps(content))
    with pytest.raises(ClipError, match="up to 2 persons in a frame.*0 to 1"):
        load_clip(other, **options)
    assert any("no number" in w for w in load_clip(other, person=0, **options).warnings)


def test_takes_of_an_archive_are_a_question(samples):
    with pytest.raises(ClipError, match="3 takes: which one.*--subject.*S1/Walking, S1/Eating"):
        load_clip(samples["npz_videopose"].path, allow_pickle=True)
    with pytest.raises(ClipError, match="--allow-pickle"):
        load_clip(samples["npz_videopose"].path, subject="S1/Walking")


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def test_a_pickle_that_runs_code_is_refused_even_when_allowed(tmp_path):
    np.savez(tmp_path / "bomb.npz", positions_3d=np.array([_Bomb()], dtype=object))
    with pytest.raises(ClipError, match="not plain data"):
        load_clip(tmp_path / "bomb.npz", allow_pickle=True)


def test_amass_says_what_to_do(tmp_path):
    np.savez(
        tmp_path / "amass.npz",
        poses=np.zeros((9, 156)),
        trans=np.zeros((9, 3)),
        betas=np.zeros(16),
        mocap_framerate=120.0,
    )
    with pytest.raises(ClipError, match="AMASS.*smplx.*smpl24"):
        load_clip(tmp_path / "amass.npz")


def test_image_keypoints_say_what_to_do(tmp_path):
    person = {"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.9] * 25}]}
    for t in range(6):
        (tmp_path / f"{t}.json").write_text(json.dumps(person))
    with pytest.raises(ClipError, match="2D keypoints.*triangulate"):
        load_clip(tmp_path, fps=30)


def test_force_plates_come_in_our_frame(samples):
    clip = load_clip(samples["c3d"].path, subject="Ann")
    force, cop = clip.extras["grf_force"], clip.extras["grf_cop"]
    np.testing.assert_allclose(
        force.sum(axis=1), np.broadcast_to([0, 0, 700.0], (len(force), 3)), atol=1e-2
    )
    np.testing.assert_allclose(
        np.nanmax(cop, axis=1), np.broadcast_to([0.3, 0.3, 0], (len(cop), 3)), atol=1e-5
    )
    np.testing.assert_allclose(clip.extras["grf_time"], np.arange(4 * 39) / 120.0)


def test_a_contact_belongs_to_the_nearer_foot(walk, tmp_path):
    """A plate under each place where a foot stands: pressing there must be that foot's force."""
    from motionrecon.io.base import Plates
    from motionrecon.io.plates import to_extras

    time = np.arange(39 * 4) / (4 * FPS)
    force, cop = np.zeros((len(time), 2, 3)), np.full((len(time), 2, 3), np.nan)
    for p, (name, frames) in enumerate((("l_ankle", slice(20, 60)), ("r_ankle", slice(80, 120)))):
        force[frames, p] = [0, 0, 500.0 + p]
        cop[frames, p] = walk.keypoints[
            np.minimum(np.arange(len(time)) // 4, 38), walk.index(name)
        ][frames]
    turn = UP_AXES["y"]  # the file is y up, and its forces are those on the plate
    extras, found = to_extras(
        Plates(time, -force @ turn, cop @ turn), turn, walk.keypoints, walk.names, FPS
    )
    assert (
        list(extras["grf_names"]) == ["left", "right"]
        and found == "force plates: contacts 1 left, 1 right"
    )
    np.testing.assert_allclose(extras["grf_force"][30], [[0, 0, 500], [0, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(extras["grf_force"][100], [[0, 0, 0], [0, 0, 501]], atol=1e-9)
    np.testing.assert_allclose(
        extras["grf_cop"][30, 0], walk.keypoints[7, walk.index("l_ankle")], atol=1e-9
    )


def test_c3d_without_markers(samples, monkeypatch):
    nothing = {
        "points": np.zeros((9, 0, 3)),
        "labels": np.array([], str),
        "rate": np.array(0.0),
        "units": np.array(""),
        "mass": np.array(np.nan),
    }
    monkeypatch.setattr(isolated, "run", lambda *a: nothing)
    with pytest.raises(ClipError, match="no markers.*analog"):
        load_clip(samples["c3d"].path)


def test_amc_needs_its_skeleton(samples, tmp_path):
    path = tmp_path / "07_01.amc"
    path.write_bytes(samples["amc"].path.read_bytes())
    with pytest.raises(ClipError, match="needs its ASF skeleton.*--model"):
        load_clip(path)
    asf = samples["amc"].path.with_name("07.asf")
    assert load_clip(path, model=asf).fps == 120.0
    with pytest.raises(ClipError, match="skeleton without motion"):
        load_clip(asf)


def test_bvh_of_another_scale(samples, tmp_path):
    text = samples["bvh"].path.read_text()
    truth = load_clip(samples["bvh"].path).keypoints
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if words[:1] == ["OFFSET"]:
            line = f"OFFSET {' '.join(str(float(w) / 5.644444) for w in words[1:])}"
        elif len(words) > 40:
            line = " ".join([*(str(float(w) / 5.644444) for w in words[:3]), *words[3:]])
        lines.append(line)
    path = tmp_path / "cmu_unit.bvh"
    path.write_text("\n".join(lines))
    clip = load_clip(path)
    assert any(f.startswith("units cmu (detected)") for f in clip.findings)
    np.testing.assert_allclose(clip.keypoints, truth, atol=1e-6)
    np.testing.assert_allclose(load_clip(path, units="0.05644444").keypoints, truth, atol=1e-6)


def test_bvh_with_positions_at_every_joint_and_spaces_in_names(tmp_path):
    """What pybvh refuses: position channels stand in place of the offset."""
    path = tmp_path / "odd.bvh"
    lines = [
        "HIERARCHY",
        "ROOT Bip01 Pelvis",
        "{",
        "OFFSET 0 0 0",
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation",
        "JOINT Bip01 L Thigh",
        "{",
        "OFFSET 9 9 9",
        "CHANNELS 4 Xposition Yposition Zposition Zrotation",
        "End Site",
        "{",
        "OFFSET 0 -2 0",
        "}",
        "}",
        "}",
        "MOTION",
        "Frames: 1",
        "Frame Time: 0.02",
        "1 2 3 90 0 0 1 0 0 90",
    ]
    path.write_text("\n".join(lines))
    raw = io.read(path)
    assert raw.names == ("Bip01 Pelvis", "Bip01 L Thigh", "Bip01 L Thigh_end") and raw.fps == 50.0
    np.testing.assert_allclose(raw.positions[0], [[1, 2, 3], [1, 3, 3], [1, 5, 3]], atol=1e-12)


def test_tables_of_motion_capture_programs(walk, tmp_path):
    """Headers of several lines: DeepLabCut's, Qualisys's (Motive's is a sample)."""
    names, rows = walk.names, walk.keypoints.reshape(len(walk.keypoints), -1)
    lab = [["scorer", *["net"] * 3 * len(names)], ["bodyparts", *[n for n in names for _ in "xyz"]]]
    lab += [["coords", *"xyz" * len(names)], *([t, *r] for t, r in enumerate(rows))]
    track = [
        ["NO_OF_FRAMES", len(rows)],
        ["FREQUENCY", 30],
        ["MARKER_NAMES", *names],
        *(list(1e3 * r) for r in rows),
    ]
    for name, content, separator, options in (
        ("dlc.csv", lab, ",", {"fps": FPS}),
        ("qtm.tsv", track, "\t", {}),
    ):
        (tmp_path / name).write_text("\n".join(separator.join(map(str, r)) for r in content))
        clip = load_clip(tmp_path / name, **options)
        assert clip.names == walk.names and clip.fps == FPS, name
        np.testing.assert_allclose(clip.keypoints, walk.keypoints, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "-9e99"])
@pytest.mark.parametrize("name", ["bvh", "amc"])
def test_numbers_that_are_none(name, value, samples, tmp_path):
    """What rotations make of them would be another exception."""
    source = samples[name].path
    (tmp_path / "07.asf").write_bytes(samples["amc"].path.with_name("07.asf").read_bytes())
    lines = source.read_text().rstrip().split("\n")
    words = lines[-1].split()
    lines[-1] = " ".join([*words[:-1], value])
    (tmp_path / source.name).write_text("\n".join(lines))
    with pytest.raises(ClipError, match="finite|number"):
        load_clip(tmp_path / source.name)


def test_headers_that_numpy_chokes_on(walk, tmp_path):
    """numpy parses a header as Python, which raises what it likes; a joint's channels may stand
    twice.
    """
    np.save(tmp_path / "x.npy", walk.keypoints)
    content = (tmp_path / "x.npy").read_bytes()
    for new in (b"{'descr': (((((", b"{'descr': '<f8'\n", b"\xff\xfe", b"{'shape': 'a'}  "):
        (tmp_path / "x.npy").write_bytes(content[:10] + new + content[10 + len(new) :])
        with pytest.raises(ClipError, match="x.npy: the array is damaged .its header"):
            load_clip(tmp_path / "x.npy", fps=30)
    lines = (
        WRITERS["bvh"](tmp_path, walk)
        .path.read_text()
        .replace("  CHANNELS 3", "  CHANNELS 1 Xrotation\nCHANNELS 3", 1)
    )
    (tmp_path / "twice.bvh").write_text(lines)
    with pytest.raises(ClipError, match="channels twice"):
        load_clip(tmp_path / "twice.bvh")


def test_names_that_are_no_text(walk, tmp_path):
    names = np.array(walk.names, dtype="<U12")
    arrays = {"keypoints": walk.keypoints, "fps": FPS}
    np.savez(tmp_path / "bytes.npz", keypoint_names=names.astype("S12"), **arrays)
    assert load_clip(tmp_path / "bytes.npz").names == walk.names
    names.view(np.uint32)[3] = 0x7FFFFFFF
    np.savez(tmp_path / "letters.npz", keypoint_names=names, **arrays)
    with pytest.raises(ClipError, match="letters that do not exist"):
        load_clip(tmp_path / "letters.npz")
    np.savez(tmp_path / "half.npz", keypoint_names=np.array(["\ud800", *walk.names[1:]]), **arrays)
    with pytest.raises(ClipError, match="letters that do not exist"):
        load_clip(tmp_path / "half.npz")
    odd = ("two\nlines", *walk.names[1:])
    np.savez(tmp_path / "odd.npz", keypoint_names=np.array(odd), **arrays)
    assert any("two?lines" in w for w in load_clip(tmp_path / "odd.npz").warnings)


def test_tables_spell_columns_in_many_ways(walk, tmp_path):
    for i, (pattern, separator) in enumerate(
        (("{} X", "\t"), ("{}.x", ","), ("{}_x (mm)", ";"), ("{}:X", ","), ("{}x", ","))
    ):
        if pattern == "{}x":
            continue  # a letter at the end of a name is no axis: "toex"
        scale = 1000.0 if "mm" in pattern else 1.0
        upper = "X" in pattern
        header = [
            pattern.format(n).replace("X" if upper else "_x", a.upper() if upper else f"_{a}")
            for n in walk.names
            for a in "xyz"
        ]
        if pattern == "{}.x":
            header = [f"{n}.{a}" for n in walk.names for a in "xyz"]
        rows = [[f"{v * scale:.6f}" for v in p.ravel()] for p in walk.keypoints]
        path = tmp_path / f"{i}.{'tsv' if separator == chr(9) else 'csv'}"
        path.write_text("\n".join(separator.join(r) for r in [header, *rows]))
        clip = load_clip(path, fps=FPS)
        assert clip.names == walk.names, (pattern, clip.names)
        np.testing.assert_allclose(clip.keypoints, walk.keypoints, atol=1e-5)


def test_a_parser_that_crashes_or_hangs_is_an_error(tmp_path, monkeypatch):
    file = tmp_path / "x.c3d"
    file.write_bytes(b"x")
    for body, says in (
        ("import os; os.abort()", "parser crashed"),
        ("bytearray(4_000_000_000)", "cannot be read: MemoryError"),
        ("print('noise'); raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("import time; time.sleep(60)", "not read after"),
    ):
        child = tmp_path / "child.py"
        child.write_text(f"def parse():\n    {body}\n")
        with pytest.raises(ClipError, match=says):
            isolated.run(file, str(child), timeout_s=3.0)


def _zip_bomb(path):
    """An archive whose directory says that an array unpacks to 400 MiB."""
    np.savez_compressed(path.with_suffix(".npz"), keypoints=np.zeros((40, 18, 3)))
    content = path.with_suffix(".npz").read_bytes()
    size = (40 * 18 * 3 * 8 + 128).to_bytes(4, "little")
    assert content.count(size) >= 1
    path.with_suffix(".npz").write_bytes(content.replace(size, (400 * 2**20).to_bytes(4, "little")))


def _npy_of_any_size(path):
    with path.with_suffix(".npy").open("wb") as f:
        np.lib.format.write_array_header_1_0(
            f, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 33, 3)}
        )


def _c3d_of_any_size(path):
    """Intel floats, 65,000 points in 65,000 frames, no data."""
    head = bytearray(1024)
    head[0:2], head[2:4], head[6:10] = b"\2\x50", b"\xe8\xfd", b"\1\0\xe8\xfd"
    head[12:16], head[16:18] = b"\0\0\x80\xbf", b"\3\0"
    head[512:516] = b"\1\x50\1\x54"
    path.with_suffix(".c3d").write_bytes(head)


def _trc_of_any_size(path):
    names = "\t\t\t".join(map(str, range(100_000)))
    head = f"PathFileType\nDataRate\tUnits\n100\tmm\nFrame#\tTime\t{names}\n"
    path.with_suffix(".trc").write_text(head + "X1\n" + "1\t2\n" * 100_000)


def _json_too_deep(path):
    path.with_suffix(".json").write_text("[" * 200_000)


def _xml_of_any_size(path):
    path.with_suffix(".xml").write_text(
        '<mujoco><size memory="900G"/><worldbody/><keyframe><key/></keyframe></mujoco>'
    )


@pytest.mark.parametrize(
    "make",
    [
        _zip_bomb,
        _npy_of_any_size,
        _c3d_of_any_size,
        _trc_of_any_size,
        _json_too_deep,
        _xml_of_any_size,
    ],
)
def test_files_that_announce_any_size(make, tmp_path):
    make(tmp_path / "huge")
    path = next(tmp_path.iterdir())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ClipError, match=r"huge\.") as caught:
        load_clip(path, fps=30)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB
