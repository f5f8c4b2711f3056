"""The study of forces on a clip whose plates are the reconstruction's own forces."""

import json

import numpy as np
import pytest

from motionrecon import load_clip, reconstruct
from motionrecon.cli.main import main
from motionrecon.errors import ClipError, OptionError
from motionrecon.motion.kind import Kind
from motionrecon.pipeline import Options
from motionrecon_benchmarks import forces
from motionrecon_benchmarks.force_scores import (
    contacts,
    direction,
    feet,
    kind_of_clip,
    scores,
    switch_errors_s,
)
from motionrecon_benchmarks.moment_scores import moment_scores

SECONDS = 0.8
QUICK = Options(max_evaluations=3)


@pytest.fixture(scope="module")
def walk(bundled_clip):
    """(clip, motion) where the plates feel what the motion's floor gave."""
    clip = load_clip(bundled_clip("walk")).until(SECONDS)
    motion = reconstruct(clip, QUICK)
    felt = motion.simulation_contact_force
    plates = {
        "grf_time": motion.timestep * np.arange(len(felt)),
        "grf_force": felt,
        "grf_cop": motion.simulation_centre_of_pressure,
        "grf_names": np.array(["left", "right"]),
        "id_time": motion.timestep * np.arange(len(felt)),
        "id_names": np.array(["l_knee", "no_such_joint"]),
        "id_moments": np.zeros((len(felt), 2)),
        "activity": "a walk",
        "body_mass_kg": motion.report.mass_kg,
    }
    return clip.replace(extras=plates), motion


def test_the_motions_own_forces_are_without_error(walk):
    clip, motion = walk
    for hz in (6.0, None):
        row = scores(motion, feet(motion, clip, hz))
        np.testing.assert_allclose(row["mae_bw_percent"], 0, atol=1e-9)
        np.testing.assert_allclose(row["rmse_bw_percent"], 0, atol=1e-9)
        assert row["correlation"] == pytest.approx(1)
        assert row["centre_of_pressure_rmse_mm"] == pytest.approx(0, abs=1e-6)
        assert row["timing_ms"] == 0 and row["contacts"] == row["plate_contacts"]
        assert row["peak_bw"] == pytest.approx(row["plate_peak_bw"])


def test_errors_are_along_and_across_the_travel_and_in_body_weights(walk):
    clip, motion = walk
    weight = 9.81 * float(motion.model.body_subtreemass[0])
    x = direction(motion)
    assert np.linalg.norm(x) == pytest.approx(1)
    force = clip.extras["grf_force"] + weight * np.array([*(0.02 * x), 0.1])
    shifted = clip.replace(extras={**clip.extras, "grf_force": force})
    row = scores(motion, feet(motion, shifted, None))
    np.testing.assert_allclose(row["mae_bw_percent"], [10, 2, 0], atol=1e-9)


def test_moments_that_a_clip_brings_are_compared_where_both_name_a_joint(walk):
    clip, motion = walk
    found = moment_scores(motion, clip, None)["joint_moment_mae_nm_kg"]
    knee = motion.simulation_joint_moments[:, motion.joint_names.index("l_knee")]
    mass = float(motion.model.body_subtreemass[0])
    assert found == {"l_knee": pytest.approx(np.abs(knee).mean() / mass)}
    assert moment_scores(motion, clip.replace(extras={}), None) == {}
    fewer = {**clip.extras, "id_names": np.array(["l_knee"])}
    with pytest.raises(ClipError, match=r"id_moments.*expected numbers .*, 1\)"):
        moment_scores(motion, clip.replace(extras=fewer), None)


def test_switches_are_found_where_they_are():
    time = np.arange(100) / 100
    plate = np.where((time > 0.295) & (time < 0.695), 700.0, 0.0)
    late = np.where((time > 0.325) & (time < 0.695), 700.0, 0.0)
    np.testing.assert_allclose(switch_errors_s(time, late, plate), [0.03, 0.0], atol=1e-9)
    np.testing.assert_allclose(switch_errors_s(time, 0 * late, plate), [0.25, 0.25])
    assert contacts(plate) == 1 and contacts(plate[40:]) == 1 and contacts(0 * plate) == 0
    broken = plate * ((np.arange(100) // 5) % 2)
    assert contacts(broken) == 4


def test_a_clips_own_words_tell_the_kind_by_whole_words(walk):
    clip, motion = walk
    for words, kind in {
        "walking trunk/toe-in": Kind.WALK,
        "treadmill run 2.0 m/s": Kind.RUN,
        "drop jump (asymmetric)": Kind.JUMP,
        "sit-to-stand": Kind.SQUAT,
    }.items():
        assert kind_of_clip(clip.replace(extras={"activity": words}), motion) is kind
    assert kind_of_clip(clip.replace(extras={}), motion) is Kind.WALK


def test_a_row_says_what_it_misses():
    good = {
        "kind": "walk",
        "mae_bw_percent": [5.0, 1.0, 1.0],
        "timing_ms": 20.0,
        "in_the_air_percent": 0.0,
        "peak_bw": 1.2,
        "correlation": 0.97,
        "contacts": [1, 2],
        "plate_contacts": [1, 2],
    }
    assert forces.missed(good) == []
    bad = {**good, "mae_bw_percent": [7.0, 1.0, 1.3], "correlation": np.nan, "contacts": [3, 2]}
    assert forces.missed(bad) == [
        "vertical 7.0 > 6",
        "across 1.3 > 1.2",
        "r nan < 0.95",
        "contacts broken up",
    ]
    assert forces.missed({**good, "kind": "jump", "peak_bw": 9.0}) == []


def test_the_study_writes_table_json_and_pictures(walk, tmp_path, bundled_clip, capsys):
    clip, _ = walk
    with np.load(bundled_clip("walk"), allow_pickle=False) as z:
        np.savez(tmp_path / "plates.npz", **{**z, **clip.extras})
    out = tmp_path / "out"
    words = ["benchmark", "forces", str(tmp_path), "--seconds", str(SECONDS), "--out", str(out)]
    assert main([*words, "--max-evaluations", "3"]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["forces.json", "forces.md", "plates.png"]
    (row,) = json.loads((out / "forces.json").read_text())
    assert row["kind"] == "walk" and row["filter_hz"] == 6.0
    # the same clip, mass and options give the same motion, whose forces the plates feel
    assert max(row["mae_bw_percent"]) < 1e-6 and row["timing_ms"] == 0
    assert set(row["joint_moment_mae_nm_kg"]) == {"l_knee"}
    text = (out / "forces.md").read_text()
    assert "| plates | walk | 6 |" in text and "| **median** | walk |" in text
    assert text in capsys.readouterr().out


def test_without_plates_there_is_nothing_to_study(bundled_clip, tmp_path, capsys):
    words = ["benchmark", "forces", str(bundled_clip("walk")), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "no clip with force plates in" in capsys.readouterr().err
    assert main([*words, "--seconds", "-1"]) == 2
    assert "--seconds -1: expected more than 0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("word", ["nosuch=1", "torque=x", "torque", "optimizer=bfgs"])
def test_a_weight_that_is_none_is_one_line(word):
    with pytest.raises(OptionError, match="--weights"):
        forces.options_of(forces.Study(weights=(word,)))


def test_weights_are_those_of_the_reconstruction():
    study = forces.Study(weights=("momentum=0", "max_evaluations=5"))
    assert forces.options_of(study) == Options(momentum=0.0, max_evaluations=5)


def test_legs_alone_keep_their_plates(walk):
    clip, _ = walk
    legs = forces.legs_of(clip)
    assert {"l_hip", "r_ankle"} <= set(legs.names) < set(clip.names)
    assert not [n for n in legs.names if "shoulder" in n or n in ("neck", "chest", "head")]
    assert legs.keypoints.shape[1] == legs.confidence.shape[1] == len(legs.names)
    np.testing.assert_array_equal(
        legs.keypoints[:, legs.index("r_ankle")], clip.keypoints[:, clip.index("r_ankle")]
    )
    assert legs.extras is clip.extras
