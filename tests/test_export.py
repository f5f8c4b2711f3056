"""Every exporter, read back by a library that is not ours where there is one."""

import shutil
import sys
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from export_readers import READERS, model_of, segments
from scipy.spatial.transform import Rotation

from motionrecon import load_clip, reconstruct
from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.cli.main import main
from motionrecon.errors import ExportError, MotionError, OutputError
from motionrecon.export import FORMATS, missing, resolve, write
from motionrecon.export.axes import OPENSIM, Y_UP, euler
from motionrecon.export.csv import table
from motionrecon.export.ground import Ground, of_steps
from motionrecon.export.scene import Scene
from motionrecon.motion import Motion, schema
from motionrecon.pipeline import Options

WRITABLE = [f for f in FORMATS if not missing(f)]


@pytest.fixture(scope="module")
def walk(bundled_clip):
    clip = load_clip(bundled_clip("walk")).until(0.7)
    return reconstruct(clip, Options(max_evaluations=3, grow_evaluations=1))


def tumbling(motion: Motion) -> Motion:
    """Any orientation of the root, among them those where Euler angles are singular; joints
    anywhere in their ranges.
    """
    rng = np.random.default_rng(0)
    T, model = motion.frames, model_of(motion)
    qpos = motion.qpos.copy()
    turns = Rotation.random(T, random_state=rng).as_quat(scalar_first=True)
    turns[1] = Rotation.from_euler("x", 90, degrees=True).as_quat(scalar_first=True)
    turns[2] = Rotation.from_euler("y", 90, degrees=True).as_quat(scalar_first=True)
    qpos[:, :3], qpos[:, 3:7] = rng.uniform(-20, 20, (T, 3)), turns
    qpos[:, 7:] = rng.uniform(*model.jnt_range[1:].T, (T, model.njnt - 1))
    return replace(motion, qpos=qpos)


def one_frame(motion: Motion) -> Motion:
    """Frame 0 alone; no foot is loaded and the centre of pressure is NaN."""
    frames = {
        a.name: getattr(motion, a.name)[:1]
        for a in schema.arrays(Motion)
        if a.shape[:1] == ("T",)
        if getattr(motion, a.name) is not None
    }
    frames["contact_force"] = np.zeros((1, 2, 3))
    frames["centre_of_pressure"] = np.full((1, 2, 3), np.nan)
    return replace(motion, **frames)


VARIANTS = {"walk": lambda m: m, "tumbling": tumbling, "one frame": one_frame}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "name", [f for f in FORMATS if f != "mp4"]
)  # a picture cannot be read back into a motion
def test_what_is_written_is_read_back(walk, tmp_path, monkeypatch, name, variant):
    if remedy := missing(name):
        pytest.skip(remedy)
    monkeypatch.chdir(tmp_path)  # OpenSim logs where it runs
    motion = VARIANTS[variant](walk)
    a = motion
    paths = write(motion, tmp_path / "out", name)
    assert (
        {p.name for p in paths}
        == {p.name for p in (tmp_path / "out").iterdir()}
        == set(FORMATS[name].files)
    )
    assert motion.model.opt.timestep == motion.timestep  # the shared model is left as it was
    reader, holds = READERS[name]
    read = reader(tmp_path / "out", motion)
    assert {k for k, v in vars(read).items() if v is not None} == {"time"} | holds
    np.testing.assert_allclose(read.time, a.time, atol=1e-6)
    if read.position is not None:
        true = segments(model_of(motion), a.qpos)
        assert np.abs(read.position - true["position"]).max() < 1e-4
        between = Rotation.from_matrix(
            (read.rotation.swapaxes(-1, -2) @ true["rotation"]).reshape(-1, 3, 3)
        )
        assert np.rad2deg(between.magnitude()).max() < 0.1
    if read.keypoints is not None:
        assert np.abs(read.keypoints - a.keypoints).max() < 1e-4
    if read.force is not None:
        assert np.abs(read.force - a.contact_force).max() < 0.1
        loaded = np.isfinite(a.centre_of_pressure).all(-1) & (a.contact_force[..., 2] > 1)
        assert np.abs(read.centre - a.centre_of_pressure)[loaded].max(initial=0) < 1e-4
    if read.moment is not None:
        assert np.abs(read.moment - Ground.of(motion).free_moment)[loaded].max(initial=0) < 1e-3


def test_the_video_is_as_long_as_the_motion(walk, tmp_path):
    (path,) = write(walk, tmp_path / "out", "mp4")
    movie = cv2.VideoCapture(str(path))
    seconds = movie.get(cv2.CAP_PROP_FRAME_COUNT) / movie.get(cv2.CAP_PROP_FPS)
    assert abs(seconds - (walk.time[-1] - walk.time[0])) < 0.11
    assert np.std(movie.read()[1]) > 5  # something is drawn


def test_the_walk_loads_both_feet_and_leaves_gaps(walk):
    """Otherwise the comparisons above would compare nothing."""
    centre, force = walk.centre_of_pressure, walk.contact_force
    assert (np.isfinite(centre[..., 0]) & (force[..., 2] > 100)).any(0).all() and np.isnan(
        centre
    ).any()


def test_free_moments_belong_to_the_motions_own_forces(walk):
    """The contacts at the saved states are those of the simulation: the same centres and moments.
    That nothing but them turns the body is tested with the joint moments.
    """
    centres, moments = of_steps(walk)
    np.testing.assert_allclose(moments, walk.simulation_free_moment, atol=1e-3)
    a = walk
    loaded = np.isfinite(centres[..., 0])
    assert (loaded == (a.simulation_contact_force[..., 2] > 1)).all() and np.abs(
        moments[loaded]
    ).max() > 0.1
    assert not moments[~loaded].any()
    nearest = np.clip(np.round(a.time / a.timestep).astype(int), 0, len(centres) - 1)
    np.testing.assert_allclose(centres[nearest], a.centre_of_pressure, atol=1e-6)
    assert not a.simulation_contact_force_other.any()


def test_all_leaves_out_what_an_older_motion_does_not_hold(walk, tmp_path, capsys):
    older = replace(walk, joint_moments=None, joint_moments_filtered=None)
    with pytest.raises(ExportError, match="no joint moments"):
        write(older, tmp_path, "sto")
    assert "motion_moments.sto" not in {p.name for p in write(older, tmp_path / "all", "all")}
    older.save(tmp_path / "saved")
    folder = str(tmp_path / "saved")
    assert main(["export", folder, "--formats", "all", "--out", str(tmp_path / "there")]) == 0
    assert "sto left out: the motion holds no joint moments" in capsys.readouterr().out
    assert main(["export", folder, "--formats", "sto", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()


def test_a_motion_of_an_older_version_has_the_same_forces(walk):
    older = replace(
        walk,
        simulation_centre_of_pressure=None,
        simulation_free_moment=None,
        free_moment=None,
        joint_moments=None,
        segment_names=None,
        segment_contact_force=None,
        contact_force_filtered=None,
    )
    for ours, theirs in zip(
        vars(Ground.of(walk)).values(), vars(Ground.of(older)).values(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    columns, more = table(older), table(walk)
    assert set(columns) < set(more)
    assert {"l_knee_moment_filtered_Nm", "l_toes_floor_force_z_N"} <= set(more) - set(columns)


def test_centres_of_pressure_have_no_gaps_while_a_foot_is_loaded(walk):
    """A frame between an unloaded and a loaded step has a force and no centre: it takes the nearest
    step's.
    """
    a = walk
    t, side = np.argwhere(
        np.isfinite(a.centre_of_pressure[..., 0]) & (a.contact_force[..., 2] > 100)
    )[0]
    centre = a.centre_of_pressure.copy()
    centre[t, side] = np.nan
    filled = Ground.of(replace(walk, centre_of_pressure=centre)).centre
    assert np.isfinite(filled).all()
    assert np.abs(filled[t, side] - a.centre_of_pressure[t, side]).max() < 0.01


@pytest.mark.parametrize(
    "axes, forward, left, up",
    [(Y_UP, (0, 0, 1), (1, 0, 0), (0, 1, 0)), (OPENSIM, (1, 0, 0), (0, 0, -1), (0, 1, 0))],
)
def test_axes_keep_left_left(axes, forward, left, up):
    np.testing.assert_array_equal(axes, np.transpose([forward, left, up]))
    assert np.linalg.det(axes) == pytest.approx(1)


def test_angles_and_quaternions_do_not_jump():
    """A body that somersaults and twists twice: no step between frames is larger than the rotation
    allows.
    """
    t = np.linspace(0, 1, 200)
    rotation = Rotation.from_euler(
        "ZXY", np.stack([720 * t, 80 * np.sin(9 * t), -720 * t], 1), degrees=True
    )
    quat = rotation.as_quat(scalar_first=True)
    quat[::3] *= -1
    angles = euler(quat[:, None], "ZXY")[:, 0]
    assert np.abs(np.diff(angles, axis=0)).max() < 8
    back = Rotation.from_euler("ZXY", angles, degrees=True)
    assert np.rad2deg((back.inv() * rotation).magnitude()).max() < 1e-6
    assert (
        np.einsum("ti,ti->t", *(one_hemisphere(quat)[s] for s in (slice(1, None), slice(-1)))) > 0
    ).all()


def test_a_motion_saved_and_loaded_is_the_same(walk, tmp_path):
    walk.save(tmp_path)
    for path in (tmp_path, tmp_path / "motion.npz"):
        loaded = Motion.load(path)
        assert loaded.report == walk.report and set(loaded.arrays()) == set(walk.arrays())
        for k, v in walk.arrays().items():
            np.testing.assert_array_equal(loaded.arrays()[k], v)
    (tmp_path / "report.json").unlink()
    assert Motion.load(tmp_path).report is None


def without(key):
    def spoil(path):
        with np.load(path) as z:
            np.savez(path, **{k: z[k] for k in z.files if k != key})

    return spoil


def shorter(path):
    with np.load(path) as z:
        np.savez(path, **{k: z[k][:-1] if k == "qvel" else z[k] for k in z.files})


def no_rate(path):
    with np.load(path) as z:
        np.savez(path, **{k: z[k] * 0 if k == "fps" else z[k] for k in z.files})


def changed(path, key, change):
    with np.load(path) as z:
        np.savez(path, **{k: change(z[k].copy()) if k == key else z[k] for k in z.files})


def not_finite(path):
    def spoil(values):
        values[3, 5] = np.nan
        return values

    changed(path, "qvel", spoil)


def integers(path):
    changed(path, "ctrl", lambda values: values.astype(int))


def nameless(path):
    changed(path, "joint_names", lambda values: values[1:])


def pickled(path):
    with np.load(path) as z:
        np.savez(path, **{k: z[k].astype(object) if k == "qpos" else z[k] for k in z.files})


def huge(path):
    """An array that declares terabytes must not take memory for them."""
    with zipfile.ZipFile(path, "w") as z, z.open("time.npy", "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        )
        file.write(bytes(8))


SPOILT = {
    "no such file": (lambda p: p.unlink(), "no such file"),
    "cut short": (lambda p: p.write_bytes(p.read_bytes()[:4000]), "damaged"),
    "text": (lambda p: p.write_text("not an npz"), "not an npz"),
    "no qpos": (without("qpos"), "no array qpos"),
    "a frame short": (shorter, "'qvel'"),
    "no rate": (no_rate, "'fps' is 0.0"),
    "not finite": (not_finite, r"'qvel' is not finite at \(3, 5\)"),
    "integers": (integers, "'ctrl' has type int64"),
    "one joint name less": (nameless, "'joint_names' has type"),
    "pickled": (pickled, "pickled"),
    "huge": (huge, "declared"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_damaged_motions_are_refused(walk, tmp_path, how):
    path = walk.save(tmp_path)[0]
    spoil, message = SPOILT[how]
    spoil(path)
    with pytest.raises(MotionError, match=message) as error:
        Motion.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_motion_that_is_not_finite_is_refused(walk, tmp_path):
    for key, frame in (("qpos", 3), ("contact_force", 2)):
        values = getattr(walk, key).copy()
        values[frame] = np.nan
        with pytest.raises(ExportError, match=f"'{key}' is not finite in frame {frame}"):
            write(replace(walk, **{key: values}), tmp_path, "bvh,mot")
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_the_motions_is_refused(walk, tmp_path):
    other = "<mujoco><worldbody><body><geom size='1'/></body></worldbody></mujoco>"
    for change, message in (
        ({"mjcf": "<mujoco"}, "cannot be loaded"),
        ({"mjcf": other}, "not a humanoid"),
        ({"joint_names": walk.joint_names[::-1]}, "joint_names"),
        ({"qpos": walk.qpos[:, :-1]}, "'qpos' has shape"),
    ):
        with pytest.raises(ExportError, match=message):
            write(replace(walk, **change), tmp_path, "csv")
    assert not list(tmp_path.iterdir())


def test_a_c3d_too_long_for_its_header_is_refused(walk, tmp_path):
    """Readers would drop the frames after the 65535th without a word."""
    longer = {k: np.resize(getattr(walk, k), (65536, 18, 3)) for k in ("keypoints",)}
    longer["time"] = np.resize(walk.time, 65536)
    with pytest.raises(ExportError, match="65535 frames, the motion has 65536"):
        write(replace(walk, **longer), tmp_path, "c3d")


def test_formats_are_named_once_and_known():
    assert (
        resolve(" BVH,trc,bvh") == ["bvh", "trc"]
        and resolve("all") == resolve(["all", "csv"]) == WRITABLE
    )
    with pytest.raises(ExportError, match="unknown output format fbx, obj: choose from npz, bvh"):
        resolve("csv,fbx,obj")
    with pytest.raises(ExportError, match="no output format"):
        resolve(" , ")


def test_a_missing_package_is_named_and_all_goes_without(walk, tmp_path, monkeypatch):
    find = "motionrecon.export.registry.find_spec"
    monkeypatch.setattr(find, lambda name: None if name in ("pxr", "ezc3d") else object())
    with pytest.raises(
        ExportError, match=r"usd needs the package pxr: pip install 'motionrecon\[usd\]'"
    ):
        write(walk, tmp_path, "bvh,usd")
    with pytest.raises(ExportError, match="c3d needs the package ezc3d: pip install ezc3d"):
        resolve("c3d")
    assert not list(tmp_path.iterdir())
    assert "usd" not in resolve("all") and "bvh" in resolve("all")


def test_nothing_is_half_written(walk, tmp_path, monkeypatch):
    (tmp_path / "motion.trc").write_text("older")

    def full(*a, **k):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("motionrecon.export.csv.csv.writer", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write(walk, tmp_path, "trc,csv")
    assert [p.name for p in tmp_path.iterdir()] == ["motion.trc"] and (
        tmp_path / "motion.trc"
    ).read_text() == "older"
    monkeypatch.setattr("ezc3d.c3d.write", lambda *a, **k: None)  # as a full disk looks from Python
    with pytest.raises(OutputError, match="motion.c3d could not be written in full"):
        write(walk, tmp_path, "c3d")
    assert [p.name for p in tmp_path.iterdir()] == ["motion.trc"]


def test_a_folder_that_cannot_be_made(walk, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="--out"):
        write(walk, tmp_path / "file" / "out", "csv")


def test_the_figure_faces_forward_with_its_left_on_the_left(walk, tmp_path):
    """By trimesh: the drawn body is upright in y, its left (orange) at +x, it walks along +z."""
    import trimesh

    write(walk, tmp_path, "glb")
    drawn = trimesh.load_scene(tmp_path / "motion.glb")
    place = {
        n: drawn.graph.get(n)[0][:3, 3]
        for n in ("head", "l_hand", "r_hand", "l_toes", "r_toes", "l_foot", "pelvis")
    }
    assert place["head"][1] > 1.2 and place["head"][1] > place["pelvis"][1] > place["l_foot"][1] > 0
    assert place["l_hand"][0] > place["r_hand"][0] and place["l_toes"][2] > place["l_foot"][2]
    colour = drawn.geometry[
        next(g for g in drawn.geometry if g.startswith("l_thigh"))
    ].visual.material.baseColorFactor
    assert colour[0] > colour[2]
    scene = Scene.of(walk)
    assert (scene.position[-1, 0] @ Y_UP.T)[2] > (scene.position[0, 0] @ Y_UP.T)[2] + 0.2


def run(script: str, *arguments) -> int:
    from motionrecon.cli.main import main

    return main([script, *map(str, arguments)])


def test_export_by_the_command_line(walk, tmp_path, capsys):
    walk.save(tmp_path / "a")
    assert run("export", tmp_path / "a" / "motion.npz", "--formats", "bvh,trc") == 0
    assert {"motion.bvh", "motion.trc"} < {p.name for p in (tmp_path / "a").iterdir()}
    assert run("export", tmp_path / "a", "--formats", "all", "--out", tmp_path / "b") == 0
    assert {f for n in WRITABLE for f in FORMATS[n].files} == {
        p.name for p in (tmp_path / "b").iterdir()
    }
    capsys.readouterr()
    shutil.rmtree(tmp_path / "b")
    assert run("export", tmp_path / "a", "--formats", "fbx", "--out", tmp_path / "b") == 2
    assert run("export", tmp_path / "none.npz", "--formats", "bvh", "--out", tmp_path / "b") == 2
    lines = capsys.readouterr().err.splitlines()
    assert (
        len(lines) == 2
        and "fbx" in lines[0]
        and "none.npz" in lines[1]
        and not (tmp_path / "b").exists()
    )


def test_an_unknown_format_is_refused_before_the_work(tmp_path, bundled_clip, capsys, monkeypatch):
    monkeypatch.setattr(
        "motionrecon.clip.load.load_clip", lambda *a, **k: pytest.fail("began to work")
    )
    assert (
        run("reconstruct", bundled_clip("walk"), "--out", tmp_path / "out", "--export", "bvh,fbx")
        == 2
    )
    assert (
        "unknown output format fbx" in capsys.readouterr().err and not (tmp_path / "out").exists()
    )


def test_reconstruct_exports_what_it_is_asked_for(
    walk, tmp_path, bundled_clip, monkeypatch, capsys
):
    monkeypatch.setattr(sys.modules["motionrecon.pipeline"], "reconstruct", lambda *a, **k: walk)
    assert (
        run("reconstruct", bundled_clip("walk"), "--out", tmp_path / "out", "--export", "bvh,mot")
        == 0
    )
    made = {p.name for p in (tmp_path / "out").iterdir()}
    assert made == {
        "motion.npz",
        "report.json",
        "motion.bvh",
        "motion.mot",
        "motion_grf.mot",
        "motion_grf.xml",
    }
    out = capsys.readouterr().out
    assert all(name in out for name in made)
