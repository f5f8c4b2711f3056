"""Robots: descriptions, models, targets, inverse kinematics, and a whole reconstruction."""

import json
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from export_readers import READERS, model_of, segments

from motionrecon import Motion, assets, load_clip
from motionrecon.body import ModelOptions
from motionrecon.cli.main import main
from motionrecon.errors import ExportError, OptionError, RobotError
from motionrecon.export import FORMATS, missing, write
from motionrecon.export.registry import lacks
from motionrecon.physics.constants import contact_spheres
from motionrecon.physics.floor_forces import foot_bodies
from motionrecon.physics.rollout import Simulator
from motionrecon.pipeline import Options, prepare, reconstruct
from motionrecon.robot import retarget
from motionrecon.robot.description import KNOWN, SAMPLE, described
from motionrecon.robot.find import model_file
from motionrecon.robot.model import build_robot
from motionrecon.robot.targets import leg_scale, scaled

XML = assets.robot_path(SAMPLE).read_text("utf-8")
DESCRIPTION = """\
model: robot.xml
pelvis: pelvis
torso: torso
foot: "{side}_foot"
hip: "{side}_thigh"
knee: "{side}_shank"
ankle: "{side}_foot"
shoulder: "{side}_upper_arm"
elbow: "{side}_forearm"
wrist: ["{side}_forearm", 0, 0, -0.2]
"""


def installed(name: str) -> bool:
    """Whether a known robot's files are on this machine; nothing is downloaded to find out."""
    from motionrecon.robot.find import _shipped

    return name == SAMPLE or _shipped(KNOWN[name].model) is not None


@pytest.fixture(params=sorted(KNOWN))
def robot(request):
    if not installed(request.param):
        pytest.skip(f"the model of {request.param} is not installed")
    return build_robot(KNOWN[request.param])


@pytest.fixture(scope="module")
def walk():
    return load_clip(assets.clip_path("walk")).until(0.7)


@pytest.fixture(scope="module")
def walked(walk) -> Motion:
    return reconstruct(walk, Options(robot=SAMPLE, threads=1))


def describe(folder: Path, text: str = DESCRIPTION, xml: str = XML) -> str:
    (folder / "robot.xml").write_text(xml)
    (folder / "robot.yaml").write_text(text)
    return str(folder / "robot.yaml")


def test_masses_links_and_hinges_are_the_files(robot):
    theirs = mujoco.MjModel.from_xml_path(str(model_file(robot.robot)))
    ours = robot.body.model
    assert ours.nq == theirs.nq and ours.nbody == theirs.nbody
    assert [ours.body(b).name for b in range(1, ours.nbody)] == [
        theirs.body(b).name for b in range(1, theirs.nbody)
    ]
    # text holds six digits
    np.testing.assert_allclose(ours.body_mass, theirs.body_mass, rtol=1e-5)
    np.testing.assert_allclose(ours.jnt_range[1:], theirs.jnt_range[1:], atol=1e-5)
    a, b = mujoco.MjData(ours), mujoco.MjData(theirs)
    rng = np.random.default_rng(0)
    for _ in range(3):
        q = theirs.qpos0.copy()
        q[7:] = rng.uniform(*theirs.jnt_range[1:].T)
        a.qpos[:], b.qpos[:] = q, q
        mujoco.mj_fwdPosition(ours, a)
        mujoco.mj_fwdPosition(theirs, b)
        np.testing.assert_allclose(a.xpos, b.xpos, atol=1e-5)
        np.testing.assert_allclose(a.subtree_com[1], b.subtree_com[1], atol=1e-5)


def test_the_simulator_takes_it_and_its_soles_are_flat(robot):
    model = robot.body.model
    Simulator(model)
    sides = foot_bodies(model)
    assert sorted(sides.values()) == [0, 1]
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    soles = [g for g in contact_spheres(model) if int(model.geom_bodyid[g]) in sides]
    lowest = data.geom_xpos[soles, 2] - model.geom_size[soles, 0]
    assert np.ptp(lowest) < 1e-9 and len(soles) == 12
    y = data.geom_xpos[soles, 1]
    left = np.array([sides[int(model.geom_bodyid[g])] == 0 for g in soles])
    assert y[left].min() > y[~left].max()


def test_targets_have_the_robots_bones_and_feet_on_the_floor(robot, walk):
    person = prepare(walk, Options(threads=1))
    targets = scaled(robot, person.body, person.reference.qpos)
    assert targets.scale == pytest.approx(leg_scale(robot, person.body))
    for s in "lr":
        for a, b in (("hip", "knee"), ("shoulder", "elbow"), ("elbow", "wrist")):
            length = np.linalg.norm(targets.points[f"{s}_{a}"] - targets.points[f"{s}_{b}"], axis=1)
            own = np.linalg.norm(robot.spots[f"{s}_{a}"] - robot.spots[f"{s}_{b}"])
            np.testing.assert_allclose(length, own, rtol=1e-9)
    # Nobody who walks is in the air: one sole of the robot is at the floor, too, none below.
    low = np.min([targets.points[f"{s}_{e}"][:, 2] for s in "lr" for e in ("heel", "toe")], axis=0)
    assert low.min() > -2e-3 and low.max() < 0.02


def test_kinematics_stay_in_range_and_near_the_targets(robot, walk):
    person = prepare(walk, Options(threads=1))
    targets = scaled(robot, person.body, person.reference.qpos)
    qpos = retarget.retargeted(robot, targets)
    model = robot.body.model
    low, high = model.jnt_range[1:].T
    assert (qpos[:, 7:] >= low - 1e-9).all() and (qpos[:, 7:] <= high + 1e-9).all()
    np.testing.assert_allclose(np.linalg.norm(qpos[:, 3:7], axis=1), 1, atol=1e-9)
    data = mujoco.MjData(model)
    for side in "lr":
        k = robot.body.keypoint_names.index(f"{side}_ankle")
        b, at = robot.body.keypoint_body[k], robot.body.keypoint_pos[k]
        off = []
        for q, target in zip(qpos, targets.points[f"{side}_ankle"], strict=True):
            data.qpos[:] = q
            mujoco.mj_kinematics(model, data)
            off.append(np.linalg.norm(data.xpos[b] + data.xmat[b].reshape(3, 3) @ at - target))
        assert np.mean(off) < 2e-3


def test_a_robot_walks(walked):
    report = walked.require_report()
    assert report.robot == SAMPLE
    assert report.require_verdict().verdict == "ok"
    assert report.result.mpjpe_g_mm < 15
    strength = walked.model.actuator_forcerange[:, 1]
    assert (np.abs(walked.torques) <= strength + 1e-9).all()
    weight = walked.contact_force.sum(axis=1)[:, 2].mean() / walked.weight
    assert weight == pytest.approx(1, abs=0.1)
    # mj_step replays it
    data = mujoco.MjData(walked.model)
    data.qpos[:], data.qvel[:] = walked.simulation_qpos[0], walked.simulation_qvel[0]
    for ctrl in walked.simulation_ctrl:
        data.ctrl[:] = ctrl
        mujoco.mj_step(walked.model, data)
    np.testing.assert_allclose(data.qpos, walked.simulation_qpos[-1], atol=1e-9)


def test_a_saved_robot_is_read_back(walked, tmp_path):
    walked.save(tmp_path)
    back = Motion.load(tmp_path)
    np.testing.assert_array_equal(back.qpos, walked.qpos)
    assert back.require_report().robot == SAMPLE


@pytest.mark.parametrize("name", [f for f in FORMATS if FORMATS[f].robots and f != "mp4"])
def test_formats_of_robots_hold_its_motion(name, walked, tmp_path):
    if missing(name):
        pytest.skip(f"{name} needs a package that is not installed")
    write(walked, tmp_path, name)
    reader, _ = READERS[name]
    read = reader(tmp_path, walked)
    np.testing.assert_allclose(read.time, walked.time, atol=1e-6)
    if read.position is not None:
        true = segments(model_of(walked), walked.qpos)["position"]
        np.testing.assert_allclose(read.position, true, atol=1e-4)
    if read.keypoints is not None:
        np.testing.assert_allclose(read.keypoints, walked.keypoints, atol=1e-4)


@pytest.mark.parametrize("name", [f for f in FORMATS if not FORMATS[f].robots])
def test_formats_of_people_refuse_it(name, walked, tmp_path):
    if missing(name):
        pytest.skip(f"{name} needs a package that is not installed")
    with pytest.raises(ExportError, match="not for a robot's"):
        write(walked, tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


def test_all_leaves_those_out(walked):
    assert {n for n in FORMATS if lacks(n, walked) is None} == {
        n for n in FORMATS if FORMATS[n].robots
    }


def test_a_similar_tempo_is_faster_by_the_root_of_the_legs(walk):
    same, similar = (
        prepare(walk, Options(robot=SAMPLE, tempo=tempo, threads=1))
        for tempo in ("same", "similar")
    )
    scale = float(next(f for f in same.clip.findings if "motion times" in f).split()[4].rstrip(","))
    ratio = len(similar.clip.keypoints) / len(same.clip.keypoints)
    assert ratio == pytest.approx(np.sqrt(scale), abs=0.05)
    assert similar.clip.fps == same.clip.fps
    # at the same moments of the motion it is at the same places
    at = np.arange(len(similar.clip.keypoints)) / np.sqrt(scale)
    inside = at <= len(same.clip.keypoints) - 1
    k = similar.clip.names.index("l_hip")
    for c in range(3):
        expected = np.interp(
            at[inside], np.arange(len(same.clip.keypoints)), same.clip.keypoints[:, k, c]
        )
        np.testing.assert_allclose(similar.clip.keypoints[inside, k, c], expected, atol=4e-3)


@pytest.mark.parametrize(("name", "flies"), [("walk", False), ("jump", True)])
def test_what_flies_is_played_faster_by_itself(name, flies):
    p = prepare(load_clip(assets.clip_path(name)), Options(robot=SAMPLE, threads=1))
    assert any("times as fast" in f for f in p.clip.findings) == flies


def test_a_motor_that_is_too_weak_is_named_with_what_it_lacks(walk, tmp_path):
    model = build_robot(KNOWN[SAMPLE]).body.model
    hinges = ", ".join(f"{model.joint(j).name}: 1" for j in range(1, model.njnt))
    weak = describe(tmp_path, f"{DESCRIPTION}strength: {{{hinges}}}\n")
    said = r"cannot carry.*(knee|hip|ankle).* N m at .* s, its motor gives 1 \(.* times\).*more"
    with pytest.raises(RobotError, match=said):
        reconstruct(walk, Options(robot=weak, threads=1))


BAD = {
    "unknown '": DESCRIPTION + "hands: two\n",
    "'wrist' is missing": "\n".join(DESCRIPTION.splitlines()[:-1]),
    "must be a link": DESCRIPTION.replace('hip: "{side}_thigh"', "hip: [1, 2]"),
    "not YAML": "a: [",
    "a description has keys": "3",
    "has no link": DESCRIPTION.replace("torso: torso", "torso: chest"),
    "above 0": DESCRIPTION + "strength: {left_knee: -1}\n",
    "'sides' must be": DESCRIPTION + "sides: [left]\n",
}


@pytest.mark.parametrize("said", BAD)
def test_bad_descriptions_are_refused_in_one_line(said, tmp_path):
    with pytest.raises(RobotError, match=said) as e:
        build_robot(described(describe(tmp_path, BAD[said])))
    assert "\n" not in str(e.value)


MODELS = {
    "free joint": XML.replace('<freejoint name="root"/>', ""),
    "is no hinge": XML.replace('name="waist_yaw" axis', 'name="waist_yaw" type="slide" axis'),
    "no torque limit": XML.replace(
        'joint="left_knee" ctrlrange="-130 130"', 'joint="left_knee" ctrllimited="false"'
    ),
    "MuJoCo cannot read": "<mujoco",
    "origin": XML.replace('name="waist_yaw" axis', 'name="waist_yaw" pos="0 0 0.1" axis'),
}


@pytest.mark.parametrize("said", MODELS)
def test_models_that_do_not_do_are_refused_in_one_line(said, tmp_path):
    with pytest.raises(RobotError, match=said) as e:
        build_robot(described(describe(tmp_path, xml=MODELS[said])))
    assert "\n" not in str(e.value)


def test_an_unknown_name_and_tempo():
    with pytest.raises(RobotError, match="known are"):
        described("terminator")
    with pytest.raises(OptionError, match="tempo"):
        Options(tempo="allegro")


def test_without_mink_one_line_and_nothing_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(retarget, "find_spec", lambda name: None)
    out = tmp_path / "out"
    clip = str(assets.clip_path("walk"))
    assert main(["reconstruct", clip, "--robot", SAMPLE, "--out", str(out)]) == 2
    assert "pip install 'motionrecon[robot]'" in capsys.readouterr().err
    assert not out.exists()


def test_the_command_line_writes_a_robots_motion(tmp_path, capsys):
    out, clip = tmp_path / "out", tmp_path / "short.npz"
    whole = dict(np.load(assets.clip_path("walk")))
    np.savez(clip, **whole | {"keypoints": whole["keypoints"][:12]})
    words = ["reconstruct", str(clip), "--robot", SAMPLE, "--max-evaluations", "3"]
    assert main([*words, "--out", str(out), "--export", "gmr,beyondmimic", "--page"]) == 0
    assert {p.name for p in out.iterdir()} == {
        "motion.npz",
        "report.json",
        "motion_gmr.pkl",
        "motion_beyondmimic.csv",
        "view.html",
    }
    assert json.loads((out / "report.json").read_text())["options"]["robot"] == SAMPLE


def test_supports_are_scaled_with_the_robot():
    from motionrecon.scene import Scene, Support

    scene = Scene((Support("box", (1.0, 0.5, 0.4), (0.6, 0.5), yaw_deg=30),))
    half = scene.scaled(0.5).supports[0]
    assert half.top == (0.5, 0.25, 0.2) and half.size == (0.3, 0.25) and half.yaw_deg == 30
    robot = build_robot(KNOWN[SAMPLE], replace(ModelOptions(), scene=scene.scaled(0.5)))
    assert robot.body.model.nbody == build_robot(KNOWN[SAMPLE]).body.model.nbody
