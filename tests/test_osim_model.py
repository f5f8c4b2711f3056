"""A motion on an OpenSim model of somebody: OpenSim is the judge, where it is installed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from export_readers import storage

from motionrecon import assets, load_clip, reconstruct
from motionrecon.cli.main import main
from motionrecon.errors import ExportError
from motionrecon.export import write
from motionrecon.export.osim_model import FILES, write_on_model
from motionrecon.pipeline import Options


@pytest.fixture(scope="module")
def opensim():
    return pytest.importorskip("opensim")


@pytest.fixture(scope="module")
def walk(bundled_clip, tmp_path_factory):
    """A motion saved in a folder with its own body's model."""
    clip = load_clip(bundled_clip("walk")).until(0.7)
    motion = reconstruct(clip, Options(max_evaluations=3, grow_evaluations=1))
    folder = tmp_path_factory.mktemp("walk")
    motion.save(folder)
    write(motion, folder, "osim")
    return motion, folder


def changed(opensim, source, path, change):
    """The model after `change`, saved."""
    model = opensim.Model(str(source))
    change(model, model.initSystem())
    model.printToXML(str(path))
    return path


def test_its_own_body_gets_its_own_angles_back(opensim, walk, tmp_path):
    motion, folder = walk
    made = write_on_model(motion, tmp_path / "out", folder / "motion.osim")
    assert {p.name for p in made.paths} == {p.name for p in (tmp_path / "out").iterdir()}
    # The clavicles bear no marker, so that the arms' joints are not exactly ours.
    assert made.error_mm < 10 and not made.notes
    names, found = storage(tmp_path / "out" / "model_ik.mot")
    known, true = storage(folder / "motion_osim.mot")
    for name in ("hip_flexion_r", "hip_rotation_l", "knee_angle_r", "ankle_angle_l", "pelvis_tilt"):
        off = found[:, names.index(name)] - true[:, known.index(name)]
        assert np.abs(off).max() < 1.0, name
    moments, values = storage(tmp_path / "out" / "model_id.sto", "no")
    own = motion.joint_moments_filtered[:, list(motion.joint_names).index("r_ankle")]
    assert np.corrcoef(values[:, moments.index("ankle_angle_r_moment")], own)[0, 1] > 0.95


def test_the_bundled_model_is_what_its_maker_makes(tmp_path):
    path = tmp_path / "made.osim"
    maker = Path(__file__).resolve().parents[1] / "scripts" / "make_osim.py"
    subprocess.run([sys.executable, str(maker), str(path)], check=True)
    assert path.read_bytes() == assets.osim_path().read_bytes()


def test_the_bundled_model_takes_a_motion(opensim, walk, tmp_path):
    motion, _ = walk
    made = write_on_model(motion, tmp_path / "out", assets.osim_path(), scale=True)
    assert made.error_mm < 10
    model = opensim.Model(str(assets.osim_path()))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(75, abs=0.01)


def test_a_model_of_another_size_is_told_and_scaled(opensim, walk, tmp_path):
    motion, folder = walk

    def larger(model, state):
        scales = opensim.ScaleSet()
        for i in range(model.getBodySet().getSize()):
            one = opensim.Scale()
            one.setSegmentName(model.getBodySet().get(i).getName())
            one.setScaleFactors(opensim.Vec3(1.3))
            one.setApply(True)
            scales.cloneAndAppend(one)
        model.scale(state, scales, True, 120.0)

    theirs = changed(opensim, folder / "motion.osim", tmp_path / "large.osim", larger)
    made = write_on_model(motion, tmp_path / "as_it_is", theirs)
    assert made.error_mm > 20 and "another size" in made.notes[0]
    scaled = write_on_model(motion, tmp_path / "scaled", theirs, scale=True)
    assert scaled.error_mm < 15 and not scaled.notes
    model = opensim.Model(str(tmp_path / "scaled" / "model_markers.osim"))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(motion.mass_kg)


def test_models_that_cannot_follow_are_refused(opensim, walk, tmp_path):
    motion, folder = walk

    def locked(model, state):
        model.updCoordinateSet().get("knee_angle_r").set_locked(True)

    def toes(model, state):
        model.updCoordinateSet().get("mtp_angle_r").set_locked(True)

    stiff = changed(opensim, folder / "motion.osim", tmp_path / "stiff.osim", locked)
    with pytest.raises(ExportError, match="knee_angle_r locked"):
        write_on_model(motion, tmp_path / "out", stiff)
    text = (folder / "motion.osim").read_text()
    other = tmp_path / "other.osim"
    other.write_text(text.replace("femur_r", "upper_leg_r"))
    with pytest.raises(ExportError, match="no body femur_r"):
        write_on_model(motion, tmp_path / "out", other)
    other.write_text("<nothing/>")
    with pytest.raises(ExportError, match="other.osim"):
        write_on_model(motion, tmp_path / "out", other)
    with pytest.raises(ExportError, match="no such file"):
        write_on_model(motion, tmp_path / "out", tmp_path / "none.osim")
    assert not (tmp_path / "out").exists()
    made = write_on_model(
        motion,
        tmp_path / "out",
        changed(opensim, folder / "motion.osim", tmp_path / "toes.osim", toes),
    )
    assert made.notes == ("locked in the model and left so: mtp_angle_r",)


def test_on_the_command_line(opensim, walk, tmp_path, capfd):
    _, folder = walk
    osim = str(folder / "motion.osim")
    assert main(["export", str(folder), "--osim", osim, "--out", str(tmp_path), "--json"]) == 0
    said = capfd.readouterr()
    assert said.out.startswith("{") and "joint centres" in said.err  # nothing of OpenSim's own
    assert {p.name for p in tmp_path.iterdir()} == set(FILES)
    assert main(["export", str(folder), "--osim-scale", "--out", str(tmp_path)]) == 2


def test_without_opensim_it_says_what_to_install(walk, tmp_path, monkeypatch):
    motion, folder = walk
    monkeypatch.setattr("motionrecon.export.osim_model.find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r"pip install 'motionrecon\[opensim\]'"):
        write_on_model(motion, tmp_path / "out", folder / "motion.osim")
