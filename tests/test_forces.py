"""Ground forces in a file beside a clip: read, laid under the feet, refused where they differ."""

from pathlib import Path

import numpy as np
import pytest

from motionrecon.cli.main import main
from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError
from motionrecon.io.detect import UP_AXES
from motionrecon.io.forces import read_forces

RATE = 300.0
BEGIN = 2.0  # s, of the clip's first frame on its own clock
# the clip's frames in which a foot carries, by its ankle's rest
STANCES = {"r": (4, 16), "l": (20, 34)}


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


@pytest.fixture
def clip_file(walk, tmp_path):
    """The walk in a file whose clock begins at 2 s."""
    path = tmp_path / "walk.npz"
    time = BEGIN + np.arange(len(walk.keypoints)) / walk.fps
    np.savez(path, keypoints=walk.keypoints, keypoint_names=walk.names, time=time, up="z")
    return path


def plates(walk):
    """(time (G,) s; force, cop (G, 2, 3) N, m, z up): a plate under each foot's stance, right
    first.
    """
    time = np.arange(round(RATE * walk.duration)) / RATE
    force, cop = np.zeros((len(time), 2, 3)), np.zeros((len(time), 2, 3))
    frames = np.arange(len(walk.keypoints)) / walk.fps
    for k, (side, (first, after)) in enumerate(STANCES.items()):
        at = (time >= frames[first]) & (time < frames[after])
        force[at, k] = [-20.0, 5.0, 650.0 + k]
        ankle = walk.keypoints[:, walk.index(f"{side}_ankle")]
        for axis in range(2):
            cop[at, k, axis] = np.interp(time[at], frames, ankle[:, axis])
    return time + BEGIN, force, cop


def write_mot(path: Path, time, force, cop, names=("ground_force_{}", "1_ground_force_{}")) -> Path:
    columns = [n.format(w) + a for n in names for w in "vp" for a in "xyz"]
    rows = np.concatenate([force, cop], axis=2).reshape(len(time), -1)
    lines = ["grf", "version=1", f"nRows={len(time)}", "endheader", "\t".join(["time", *columns])]
    lines += ["\t".join(f"{v:.6f}" for v in (t, *row)) for t, row in zip(time, rows, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def y_up(a, quarters=0):
    turn = np.eye(3)
    for _ in range(quarters):
        turn = turn @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    return a @ turn @ UP_AXES["y"]


@pytest.mark.parametrize("unit, scale", [("m", 1.0), ("cm", 100.0), ("mm", 1000.0)])
@pytest.mark.parametrize("quarters", [0, 1, 3])
def test_a_mot_comes_in_our_axes_each_contact_with_its_foot(
    walk, clip_file, tmp_path, unit, scale, quarters
):
    time, force, cop = plates(walk)
    path = write_mot(tmp_path / "a.mot", time, y_up(force, quarters), y_up(scale * cop, quarters))
    clip = load_clip(clip_file, forces=path)
    found = next(f for f in clip.findings if f.startswith("forces of a.mot"))
    assert f", {unit}, at most 0 mm" in found and ("turned" in found) == bool(quarters)
    assert list(clip.extras["grf_names"]) == ["left", "right"]
    assert "force plates: contacts 1 left, 1 right" in clip.findings
    np.testing.assert_allclose(clip.extras["grf_time"], time, atol=1e-6)
    np.testing.assert_allclose(clip.extras["grf_force"], force[:, ::-1], atol=1e-4)
    loaded = force[:, ::-1, 2] > 0
    np.testing.assert_allclose(clip.extras["grf_cop"][loaded], cop[:, ::-1][loaded], atol=1e-5)
    assert np.isnan(clip.extras["grf_cop"][~loaded]).all()


def test_forces_on_the_plate_are_turned_into_those_on_the_person(walk, clip_file, tmp_path):
    time, force, cop = plates(walk)
    clip = load_clip(clip_file, forces=write_mot(tmp_path / "a.sto", time, -y_up(force), y_up(cop)))
    np.testing.assert_allclose(clip.extras["grf_force"], force[:, ::-1], atol=1e-4)


def test_the_names_that_the_tools_of_opensim_use(walk, tmp_path):
    time, force, cop = plates(walk)
    for names in (
        ("R_ground_force_{}", "L_ground_force_{}"),
        ("ground_force_r_{}", "ground_force_l_{}"),
        ("ground_force1_{}", "ground_force2_{}"),
        ("{}", "other_{}"),
    ):
        file = read_forces(write_mot(tmp_path / "a.mot", time, force, cop, names))
        np.testing.assert_allclose(file.plates.force, force, atol=1e-6)
        np.testing.assert_allclose(file.plates.cop, cop, atol=1e-6)
    text = (tmp_path / "a.mot").read_text().split("\n")
    number = dict(zip("xyz", "123", strict=True))
    adapter = [f"{w}{k}_{number[a]}" for k in (1, 2) for w in "fp" for a in "xyz"]
    text[4] = "\t".join(["time", *adapter])
    (tmp_path / "b.mot").write_text("\n".join(text))
    np.testing.assert_allclose(read_forces(tmp_path / "b.mot").plates.force, force, atol=1e-6)


def test_a_cortex_file(walk, tmp_path):
    """Its clock begins with the clip's first frame, its columns hold moments too."""
    time, force, cop = plates(walk)
    names = [f"{n}{k}" for k in (1, 2) for n in ("FX", "FY", "FZ", "X", "Y", "Z", "MZ")]
    lines = ["[Force Data]", "NumberOfForcePlates=2", f"SampleRate={RATE}"]
    lines.append("\t".join(["#Sample", *names]))
    values = np.concatenate([y_up(force), 1e3 * y_up(cop), np.ones((len(time), 2, 1))], axis=2)
    lines += [f"{i}\t" + "\t".join(f"{v:.4f}" for v in v.ravel()) for i, v in enumerate(values, 1)]
    (tmp_path / "a.forces").write_text("\n".join(lines))
    np.savez(tmp_path / "w.npz", keypoints=walk.keypoints, keypoint_names=walk.names, fps=walk.fps)
    clip = load_clip(tmp_path / "w.npz", forces=tmp_path / "a.forces")
    np.testing.assert_allclose(clip.extras["grf_time"], np.arange(len(time)) / RATE)
    np.testing.assert_allclose(clip.extras["grf_force"], force[:, ::-1], atol=1e-3)


def _late(time, force, cop):
    return time + 0.3, force, cop


def _elsewhere(time, force, cop):
    return time, force, cop + [0, 1.0, 0]


def _one_elsewhere(time, force, cop):
    return time, force, cop + np.array([[0, 0, 0], [0.5, 0.5, 0]])


def _another_clock(time, force, cop):
    return time + 100, force, cop


def _unloaded(time, force, cop):
    return time, 0.01 * force, cop


@pytest.mark.parametrize(
    "change, told",
    [
        (_late, "loaded where no foot is"),
        (_elsewhere, "loaded where no foot is"),
        (_one_elsewhere, "plate 2 .*'1_ground_force_'.* is loaded where no foot is"),
        (_another_clock, "run from 102 to .* the clip from 2 to .* another clock"),
        (_unloaded, "no plate carries more than 50 N"),
    ],
)
def test_forces_that_are_no_pair_are_refused(walk, clip_file, tmp_path, change, told):
    time, force, cop = change(*plates(walk))
    path = write_mot(tmp_path / "other_grf.mot", time, y_up(force), y_up(cop))
    with pytest.raises(ClipError, match=f"^{path}: .*{told}"):
        load_clip(clip_file, forces=path)


@pytest.mark.parametrize(
    "name, old, new, told",
    [
        ("a.mot", "endheader", "the end", "no line 'endheader'"),
        ("a.mot", "time\t", "clock\t", "no line of names"),
        ("a.mot", "ground_force_p", "ground_torque_", "no force plate: expected columns"),
        ("a.mot", "650.000000", "heavy", "line .* not a number"),
        ("a.mot", "650.000000\t", "", "values, the line of names asks for 13"),
        ("a.mot", "\n2.003333", "\n1.003333", "times rise"),
        ("a.mot", "650.000000", "inf", "numbers beyond"),
        ("a.xlsx", "", "", "no reader for forces in '.xlsx' files; .* .mot, .sto, .forces"),
        ("a.forces", "", "", "no line of names begins with '#Sample'"),
    ],
)
def test_what_is_no_file_of_forces(walk, tmp_path, name, old, new, told):
    time, force, cop = plates(walk)
    text = write_mot(tmp_path / "whole.mot", time, y_up(force), y_up(cop)).read_text()
    path = tmp_path / name
    path.write_text(text.replace(old, new))
    with pytest.raises(ClipError, match=f"^{path}: .*{told}"):
        read_forces(path)


@pytest.mark.parametrize("command", ["reconstruct", "inspect", "batch"])
def test_the_command_refuses_in_one_line_and_writes_nothing(
    walk, clip_file, tmp_path, capsys, command
):
    path = write_mot(tmp_path / "a.mot", *_another_clock(*plates(walk)))
    out = [] if command == "inspect" else ["--out", str(tmp_path / "out")]
    assert main([command, str(clip_file), "--forces", str(path), *out]) == 2
    told = capsys.readouterr().err.strip()
    assert "\n" not in told and ("forces" in told)
    assert not (tmp_path / "out").exists()


def test_feet_that_are_not_seen_meet_nothing(walk, tmp_path):
    hidden = walk.keypoints.copy()
    hidden[3:, [i for i, n in enumerate(walk.names) if n[2:] in ("ankle", "toe", "heel")]] = np.nan
    np.savez(tmp_path / "w.npz", keypoints=hidden, keypoint_names=walk.names, fps=walk.fps)
    time, force, cop = plates(walk)
    path = write_mot(tmp_path / "a.mot", time - BEGIN, y_up(force), y_up(cop))
    with pytest.raises(ClipError, match="no foot is seen while plates are loaded"):
        load_clip(tmp_path / "w.npz", forces=path)


@pytest.mark.parametrize(
    "markers, forces, clip",
    [
        ("trc_bmc/motion_capture_run.trc", "trc_bmc/grf_run.mot", "bmc__run"),
        (
            "trc_c3d_opensim/markers_walk.trc",
            "trc_c3d_opensim/grf_walk.mot",
            "rajagopal_walk__walk_free",
        ),
    ],
)
def test_pairs_as_laboratories_wrote_them(markers, forces, clip, shared_clips):
    """The same forces as in the clips that others converted, but for what is below 20 N."""
    originals = shared_clips.parent / "originals"
    ours = load_clip(originals / markers, forces=originals / forces).extras
    theirs = load_clip(shared_clips / f"{clip}.npz").extras
    assert list(ours["grf_names"]) == ["left", "right"]
    for k, name in enumerate(theirs["grf_names"]):
        mine = ours["grf_force"][:, list(ours["grf_names"]).index(name), 2]
        mine = np.interp(theirs["grf_time"], ours["grf_time"], mine)
        np.testing.assert_allclose(mine, theirs["grf_force"][:, k, 2], atol=20)
    with pytest.raises(ClipError, match="loaded where no foot is"):
        load_clip(
            originals / "trc_bmc/motion_capture_run.trc",
            forces=originals / "trc_c3d_opensim/grf_walk.mot",
        )
