"""Reads exported files back, each with a library that did not write it where there is one, to our
axes and units.
"""

import base64
import contextlib
import csv
import json
import pickle
import re
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from pathlib import Path

import bvhio
import ezc3d
import mujoco
import numpy as np
import pygltflib as gltf
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from motionrecon.export.rig import bone
from motionrecon.motion.motion import Motion

try:
    import opensim
except ImportError:
    opensim = None

FROM_Y_UP = np.array(
    [[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]
)  # x left, y up, z forward -> x forward, y left, z up
FROM_OPENSIM = np.array(
    [[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]
)  # x forward, y up, z right -> the same


@dataclass
class Read:
    """What a file holds: m, N, s; z up; segments in the model's order. None: the format does not
    hold it.
    """

    time: np.ndarray  # (T,)
    position: np.ndarray | None = None  # (T, B, 3)
    rotation: np.ndarray | None = None  # (T, B, 3, 3)
    keypoints: np.ndarray | None = None  # (T, K, 3)
    force: np.ndarray | None = None  # (T, 2, 3), left foot first
    centre: np.ndarray | None = None  # (T, 2, 3)
    moment: np.ndarray | None = None  # (T, 2) N m about the vertical


def segments(model: mujoco.MjModel, qpos: np.ndarray) -> dict:
    """MuJoCo's own forward kinematics."""
    data, position, rotation = mujoco.MjData(model), [], []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        position.append(data.xpos[1:].copy())
        rotation.append(data.xmat[1:].reshape(-1, 3, 3).copy())
    return {"position": np.array(position), "rotation": np.array(rotation)}


def model_of(motion: Motion) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(motion.mjcf)


def names_of(motion: Motion) -> list[str]:
    model = model_of(motion)
    return [model.body(i).name for i in range(1, model.nbody)]


def read_npz(folder: Path, motion: Motion) -> Read:
    with np.load(folder / "motion.npz", allow_pickle=False) as z:
        model = mujoco.MjModel.from_xml_string(str(z["mjcf"]))
        ground = {"force": z["contact_force"], "centre": z["centre_of_pressure"]}
        return Read(z["time"], **segments(model, z["qpos"]), keypoints=z["keypoints"], **ground)


def read_bvh(folder: Path, motion: Motion) -> Read:
    return posed(folder / "motion.bvh", motion, 0.01)


def read_bvh_m(folder: Path, motion: Motion) -> Read:
    return posed(folder / "motion_m.bvh", motion, 1.0)


LAFAN1 = {
    "Hips": "pelvis",
    "Spine": "lumbar",
    "Spine2": "thorax",
    "Neck": "head",
    **{f"{s}UpLeg": f"{k}_thigh" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Leg": f"{k}_shank" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Foot": f"{k}_foot" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Toe": f"{k}_toes" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Shoulder": f"{k}_clavicle" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Arm": f"{k}_upper_arm" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}ForeArm": f"{k}_forearm" for s, k in (("Left", "l"), ("Right", "r"))},
    **{f"{s}Hand": f"{k}_hand" for s, k in (("Left", "l"), ("Right", "r"))},
}
# What retargeting to robots takes from a LAFAN1 file: a bone's turn times this is the turn of a
# link that is upright, faces along x and has its limbs along z (arms outward).
UPRIGHT = {
    "Hips": Rotation.from_quat([0.5, 0.5, 0.5, 0.5]),
    "Spine2": Rotation.from_quat([0.5, 0.5, 0.5, 0.5]),
    "LeftUpLeg": Rotation.from_quat([0.5, 0.5, -0.5, -0.5]),
    "RightLeg": Rotation.from_quat([0.5, 0.5, -0.5, -0.5]),
    "LeftToe": Rotation.from_quat([-(0.5**0.5), 0.0, 0.0, 0.5**0.5]),
}


def read_lafan1(folder: Path, motion: Motion) -> Read:
    return by_lafan1(folder / "motion_lafan1.bvh", motion, 0.01)


def read_lafan1_m(folder: Path, motion: Motion) -> Read:
    return by_lafan1(folder / "motion_lafan1_m.bvh", motion, 1.0)


def by_lafan1(path: Path, motion: Motion, metres: float) -> Read:
    """Forward kinematics as LAFAN1's readers have it: y up turned to z up by (x, -z, y), a bone's
    turn the product of its z, y and x rotations.
    """
    file = bvhio.readAsBvh(str(path))
    layout = file.Root.layout()
    head = path.read_text().split("MOTION")[0]
    assert head.count("CHANNELS 3 Zrotation Yrotation Xrotation") == 21
    assert "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation" in head
    names = [joint.Name for joint, _, _ in layout]
    to_z_up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    rows = np.loadtxt(path.read_text().split("Frame Time:")[1].splitlines()[1:], ndmin=2)
    place, turn = {}, {}
    for i, (joint, _, depth) in enumerate(layout):
        above = next((j.Name for j, _, _ in layout[:i] if joint in j.Children), None)
        assert (above is None) == (depth == 0)
        local = Rotation.from_euler("ZYX", rows[:, 3 + 3 * i : 6 + 3 * i], degrees=True)
        if above is None:
            place[joint.Name], turn[joint.Name] = rows[:, :3], local
        else:
            place[joint.Name] = place[above] + turn[above].apply([*joint.Offset])
            turn[joint.Name] = turn[above] * local
    facing = FROM_Y_UP @ to_z_up.T  # theirs face -y, ours +x
    true = segments(model_of(motion), motion.qpos)
    for name, offset in UPRIGHT.items():
        got = Rotation.from_matrix(facing @ to_z_up) * turn[name] * offset
        ours = true["rotation"][:, names_of(motion).index(LAFAN1[name])]
        off = Rotation.from_matrix(ours.swapaxes(-1, -2) @ got.as_matrix()).magnitude()
        assert np.rad2deg(off).max() < 0.1, name
    order = {ours: theirs for theirs, ours in LAFAN1.items()}
    assert set(order) == set(names_of(motion)) and set(LAFAN1) <= set(names)
    stacked = np.stack([place[order[n]] for n in names_of(motion)], axis=1)
    return Read(
        file.FrameTime * np.arange(file.FrameCount),
        metres * stacked @ FROM_Y_UP.T,
        true["rotation"],
    )


def posed(path: Path, motion: Motion, metres: float) -> Read:
    """Positions by bvhio's forward kinematics; rotations, which it turns along the bones, from the
    file's own angles.
    """
    file = bvhio.readAsBvh(str(path))
    raw = [joint for joint, _, _ in file.Root.layout()]
    assert [j.Name for j in raw] == names_of(motion)
    root = bvhio.readAsHierarchy(str(path))
    joints = [root.filter(name)[0] for name in names_of(motion)]
    position = []
    for t in range(file.FrameCount):
        root.loadPose(t)
        position.append([[*j.PositionWorld] for j in joints])
    rotation = np.empty((file.FrameCount, len(raw), 3, 3))
    for b, (joint, parent) in enumerate(
        zip(raw, model_of(motion).body_parentid[1:] - 1, strict=True)
    ):
        local = Rotation.from_quat(
            [[q.x, q.y, q.z, q.w] for q in (key.Rotation for key in joint.Keyframes)]
        ).as_matrix()
        rotation[:, b] = rotation[:, parent] @ local if parent >= 0 else local
    return Read(
        file.FrameTime * np.arange(file.FrameCount),
        metres * np.array(position) @ FROM_Y_UP.T,
        FROM_Y_UP @ rotation @ FROM_Y_UP.T,
    )


def read_glb(folder: Path, motion: Motion) -> Read:
    return played(folder / "motion.glb", names_of(motion))


def read_mixamo(folder: Path, motion: Motion) -> Read:
    names = [bone(name, 0) for name in names_of(motion)]
    assert names[0] == "mixamorig:Hips" and "mixamorig:LeftUpLeg" in names
    return rigged(folder / "motion_mixamo.glb", names)


def read_vrm(folder: Path, motion: Motion) -> Read:
    names = [bone(name, 1) for name in names_of(motion)]
    assert names[0] == "hips" and "rightLowerArm" in names
    return rigged(folder / "motion_vrm.glb", names)


def rigged(path: Path, names: list[str]) -> Read:
    """The skin's bind pose is the nodes' own, a T-pose in metres; then as any animation."""
    root = gltf.GLTF2().load_binary(str(path))
    skin = root.skins[0]
    assert [root.nodes[j].name for j in skin.joints] == names
    inverse = array(root, skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(1, 2)
    scene = trimesh.load_scene(path)
    poses = np.array([scene.graph.get(name)[0] for name in names])
    np.testing.assert_allclose(poses @ inverse, np.tile(np.eye(4), (len(names), 1, 1)), atol=1e-5)
    parts = root.meshes[0].primitives
    points = np.concatenate([array(root, p.attributes.POSITION) for p in parts])
    weights = np.concatenate([array(root, p.attributes.WEIGHTS_0) for p in parts])
    np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-6)
    wide, high, _ = np.ptp(points, axis=0)
    assert 1.4 < high < 2.1 and 0.9 < wide / high < 1.15 and abs(points[:, 1].min()) < 0.02
    hand = poses[names.index(next(n for n in names if "eftHand" in n)), :3, 3]
    assert hand[0] > 0.5  # the left hand, to the left of who faces +z
    return played(path, names)


def array(root: gltf.GLTF2, index: int) -> np.ndarray:
    accessor = root.accessors[index]
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor.type]
    view = root.bufferViews[accessor.bufferView]
    flat = np.frombuffer(root.binary_blob(), np.float32, accessor.count * width, view.byteOffset)
    return flat.reshape(accessor.count, width)


def played(path: Path, names: list[str]) -> Read:
    """Every key of the animation is put into the nodes by pygltflib; trimesh then says where the
    nodes are.
    """
    root = gltf.GLTF2().load_binary(str(path))
    animation = root.animations[0]
    time = array(root, animation.samplers[0].input)[:, 0]
    position, rotation = [], []
    for t in range(len(time)):
        for channel in animation.channels:
            key = array(root, animation.samplers[channel.sampler].output)[t].tolist()
            setattr(root.nodes[channel.target.node], channel.target.path, key)
        scene = trimesh.load_scene(
            trimesh.util.wrap_as_stream(b"".join(root.save_to_bytes())), file_type="glb"
        )
        poses = np.array([scene.graph.get(name)[0] for name in names])
        position.append(poses[:, :3, 3])
        rotation.append(poses[:, :3, :3])
    return Read(
        time, np.array(position) @ FROM_Y_UP.T, FROM_Y_UP @ np.array(rotation) @ FROM_Y_UP.T
    )


def read_trc(folder: Path, motion: Motion) -> Read:
    """By OpenSim where it is installed, else by hand."""
    if opensim:
        table = opensim.TimeSeriesTableVec3(str(folder / "motion.trc"))
        units, names = table.getTableMetaDataString("Units"), list(table.getColumnLabels())
        time = table.getIndependentColumn()
        rows = [table.getRowAtIndex(i) for i in range(table.getNumRows())]
        points = np.array([[row[i].to_numpy() for i in range(row.size())] for row in rows])
    else:
        lines = [line.split("\t") for line in (folder / "motion.trc").read_text().splitlines()]
        units, names = lines[2][lines[1].index("Units")], lines[3][2::3]
        values = np.array(lines[6:], float)
        time, points = values[:, 1], values[:, 2:].reshape(len(values), -1, 3)
    assert units == "mm" and names == list(motion.keypoint_names)
    return Read(np.array(time), keypoints=points @ FROM_OPENSIM.T / 1000)


def storage(path: Path, degrees: str = "yes") -> tuple[list[str], np.ndarray]:
    """Column names and values (T, C), the time first, of a .mot or .sto: by OpenSim where it is
    installed, else by hand.
    """
    if opensim:
        table = opensim.TimeSeriesTable(str(path))
        assert table.getTableMetaDataString("inDegrees") == degrees
        values = np.column_stack(
            [np.array(table.getIndependentColumn()), table.getMatrix().to_numpy()]
        )
        return ["time", *table.getColumnLabels()], values
    head, body = path.read_text().split("endheader\n")
    assert f"inDegrees={degrees}" in head
    names, *rows = [line.split("\t") for line in body.splitlines()]
    return names, np.array(rows, float)


def read_mot(folder: Path, motion: Motion) -> Read:
    names, values = storage(folder / "motion.mot")
    column = dict(zip(names, values.T, strict=True))
    angles = np.stack([column[f"pelvis_{c}"] for c in ("tilt", "list", "rotation")], axis=1)
    turn = Rotation.from_euler("ZXY", angles, degrees=True)
    qpos = np.zeros_like(motion.qpos)
    qpos[:, :3] = np.stack([column[f"pelvis_t{c}"] for c in "xyz"], 1) @ FROM_OPENSIM.T
    upright = FROM_OPENSIM @ turn.as_matrix() @ FROM_OPENSIM.T
    qpos[:, 3:7] = Rotation.from_matrix(upright).as_quat(scalar_first=True)
    qpos[:, 7:] = np.deg2rad(np.stack([column[str(n)] for n in motion.joint_names], 1))
    names, values = storage(folder / "motion_grf.mot")
    if opensim:
        assert opensim.ExternalLoads(str(folder / "motion_grf.xml"), True).getSize() == 2
    loads = ET.parse(folder / "motion_grf.xml").getroot()
    assert loads.find("ExternalLoads/datafile").text == "motion_grf.mot"
    forces = {f.get("name"): f for f in loads.iter("ExternalForce")}

    def vector(side, tag):
        prefix = forces[side].find(tag).text
        return (
            np.stack([values[:, names.index(prefix + c)] for c in "xyz"], axis=1) @ FROM_OPENSIM.T
        )

    feet = {
        k: np.stack([vector(side, f"{tag}_identifier") for side in ("left", "right")], axis=1)
        for k, tag in (("force", "force"), ("centre", "point"), ("moment", "torque"))
    }
    assert not feet["moment"][..., :2].any()
    return Read(
        column["time"],
        **segments(model_of(motion), qpos),
        **{**feet, "moment": feet["moment"][..., 2]},
    )


def vec(node, tag: str) -> np.ndarray:
    return np.array(node.find(tag).text.split(), float)


def read_osim(folder: Path, motion: Motion) -> Read:
    """Forward kinematics of the XML as OpenSim's manual has it: rotations about the axes of a
    SpatialTransform in turn, translations along theirs, between two offset frames.
    """
    names, values = storage(folder / "motion_osim.mot")
    column = dict(zip(names, values.T, strict=True))
    model = ET.parse(folder / "motion.osim").getroot().find("Model")
    T = len(values)
    turns = {"/ground": np.broadcast_to(np.eye(3), (T, 3, 3))}
    places = {"/ground": np.zeros((T, 3))}
    for joint in model.iter("CustomJoint"):
        parent, child = joint.find("frames")
        assert not vec(parent, "orientation").any() and not vec(child, "translation").any()
        above = parent.find("socket_parent").text
        turn, shift = np.broadcast_to(np.eye(3), (T, 3, 3)), np.zeros((T, 3))
        axes = []
        for part in joint.find("SpatialTransform"):
            name, axis = part.find("coordinates").text, vec(part, "axis")
            axes.append(axis)
            if not name:
                continue
            if part.get("name").startswith("rotation"):
                angle = np.deg2rad(column[name])[:, None] * axis
                turn = turn @ Rotation.from_rotvec(angle).as_matrix()
            else:
                shift = shift + column[name][:, None] * axis
        assert abs(np.linalg.det(axes[:3])) > 0.1  # or OpenSim cannot invert the joint
        here = child.find("socket_parent").text
        places[here] = places[above] + np.einsum(
            "tij,tj->ti", turns[above], vec(parent, "translation") + shift
        )
        turns[here] = turns[above] @ turn
    bodies = [f"/bodyset/{b.get('name')}" for b in model.find("BodySet/objects")]
    if opensim:
        check_by_opensim(folder, motion)
    position = np.stack([places[b] for b in bodies], axis=1) @ FROM_OPENSIM.T
    rotation = FROM_OPENSIM @ np.stack([turns[b] for b in bodies], axis=1) @ FROM_OPENSIM.T
    return Read(column["time"], position, rotation)


def check_by_opensim(folder: Path, motion: Motion) -> None:
    """OpenSim's own mass, and a run of its inverse dynamics where there is more than a frame."""
    model = opensim.Model(str(folder / "motion.osim"))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(motion.mass_kg)
    if motion.frames > 8:
        with contextlib.chdir(folder):  # where its setup's files are
            assert opensim.InverseDynamicsTool("motion_id.xml").run()


def read_sto(folder: Path, motion: Motion) -> Read:
    """Moments signed as OpenSim's coordinates, and what is made of them."""
    names, moments = storage(folder / "motion_moments.sto", "no")
    ours = dict(zip(motion.joint_names, motion.joint_moments_filtered.T, strict=True))
    for theirs, own, sign in (
        ("knee_angle_r", "r_knee", 1),
        ("hip_adduction_l", "l_hip_abduction", -1),
        ("lumbar_extension", "lumbar_bend", -1),
    ):
        np.testing.assert_allclose(
            moments[:, names.index(f"{theirs}_moment")], sign * ours[own], atol=1e-6
        )
    both, normalised = storage(folder / "motion_moments_normalised.sto", "no")
    at = names.index("ankle_angle_r_moment")
    per_kg = normalised[:, both.index("ankle_angle_r_moment_per_kg")]
    np.testing.assert_allclose(per_kg * motion.mass_kg, moments[:, at], atol=1e-5)
    share = normalised[:, both.index("ankle_angle_r_moment_percent_weight_height")]
    height = 100 * moments[:, at] / np.where(share, share * motion.weight, 1)
    assert ((1.4 < height) & (height < 2.1))[np.abs(share) > 1e-3].all()
    _, powers = storage(folder / "motion_powers.sto", "no")
    speeds = motion.qvel[:, 6:] * motion.joint_moments_filtered
    np.testing.assert_allclose(powers[:, 1:], speeds, atol=1e-4)
    return Read(moments[:, 0])


def read_c3d(folder: Path, motion: Motion) -> Read:
    c3d = ezc3d.c3d(str(folder / "motion.c3d"), extract_forceplat_data=True)
    point = c3d["parameters"]["POINT"]
    assert (
        point["UNITS"]["value"] == ["mm"]
        and c3d["parameters"]["FORCE_PLATFORM"]["USED"]["value"][0] == 2
    )
    assert point["LABELS"]["value"] == list(motion.keypoint_names)
    plates = c3d["data"]["platform"]
    assert {p["unit_position"] for p in plates} == {"mm"} and {
        p["unit_moment"] for p in plates
    } == {"Nmm"}
    return Read(
        np.arange(c3d["data"]["points"].shape[2]) / point["RATE"]["value"][0],
        keypoints=c3d["data"]["points"][:3].T / 1000,
        force=np.stack([p["force"].T for p in plates], axis=1),
        centre=np.stack([p["center_of_pressure"].T / 1000 for p in plates], axis=1),
        moment=np.stack([p["Tz"][2] / 1000 for p in plates], axis=1),
    )


def read_csv(folder: Path, motion: Motion) -> Read:
    with (folder / "motion.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    def columns(names):
        return np.array([[float(row[n] or "nan") for n in names] for row in rows])

    root = [*(f"root_{c}_m" for c in "xyz"), *(f"root_q{c}" for c in "wxyz")]
    qpos = columns([*root, *(f"{n}_rad" for n in motion.joint_names)])
    points = columns([f"keypoint_{n}_{c}_m" for n in motion.keypoint_names for c in "xyz"])
    feet = {
        k: columns([f"{s}_foot_{tag}".format(c) for s in "lr" for c in "xyz"]).reshape(-1, 2, 3)
        for k, tag in (("force", "force_{}_N"), ("centre", "cop_{}_m"))
    }
    points = points.reshape(len(rows), -1, 3)
    return Read(
        columns(["time_s"])[:, 0], **segments(model_of(motion), qpos), keypoints=points, **feet
    )


def read_mjcf(folder: Path, motion: Motion) -> Read:
    model = mujoco.MjModel.from_xml_path(str(folder / "motion.xml"))
    data, qpos, time = mujoco.MjData(model), [], []
    for i in range(model.nkey):
        mujoco.mj_resetDataKeyframe(model, data, model.key(f"frame_{i}").id)
        qpos.append(data.qpos.copy())
        time.append(data.time)
        np.testing.assert_allclose(data.qvel, motion.qvel[i], atol=1e-8)
        np.testing.assert_allclose(data.ctrl, motion.ctrl[i], atol=1e-8)
    return Read(np.array(time), **segments(model, np.array(qpos)))


def read_locomujoco(folder: Path, motion: Motion) -> Read:
    with np.load(folder / "motion_locomujoco.npz", allow_pickle=False) as z:
        kinds = {3: 1, 2: 1, 0: 7}  # MuJoCo's joint types: hinge, slide, free
        assert (
            sum(kinds[k] for k in z["jnt_type"]) == z["qpos"].shape[1]
            and len(z["joint_names"]) == z["njnt"]
        )
        assert z["split_points"].tolist() == [0, len(z["qpos"])]
        assert z["body_names"].tolist() == ["world", *names_of(motion)]
        np.testing.assert_allclose(
            segments(model_of(motion), z["qpos"])["position"], z["xpos"][:, 1:], atol=1e-9
        )
        turn = Rotation.from_quat(z["xquat"][:, 1:].reshape(-1, 4), scalar_first=True).as_matrix()
        return Read(
            np.arange(len(z["qpos"])) / float(z["frequency"]),
            z["xpos"][:, 1:],
            turn.reshape(*z["xpos"][:, 1:].shape, 3),
        )


def read_gmr(folder: Path, motion: Motion) -> Read:
    with (folder / "motion_gmr.pkl").open("rb") as file:
        content = PlainArrays(file).load()
    assert content["link_body_list"] == names_of(motion)
    root, turn = content["root_pos"], Rotation.from_quat(content["root_rot"])
    qpos = np.hstack([root, turn.as_quat(scalar_first=True), content["dof_pos"]])
    out = Read(np.arange(len(root)) / content["fps"], **segments(model_of(motion), qpos))
    carried = np.einsum("tij,tbj->tbi", turn.as_matrix(), content["local_body_pos"]) + root[:, None]
    np.testing.assert_allclose(carried, out.position, atol=1e-9)
    return out


def read_beyondmimic(folder: Path, motion: Motion) -> Read:
    """As csv_to_npz.py takes it apart: x, y, z; x, y, z, w; hinges. It is told the rate."""
    rows = np.loadtxt(folder / "motion_beyondmimic.csv", delimiter=",", ndmin=2)
    qpos = np.hstack([rows[:, :3], rows[:, [6, 3, 4, 5]], rows[:, 7:]])
    return Read(np.arange(len(rows)) / motion.fps, **segments(model_of(motion), qpos))


class PlainArrays(pickle.Unpickler):
    """Refuses whatever is not a numpy array: so the file holds nothing that could run."""

    def find_class(self, module, name):
        assert module.startswith("numpy") and name in (
            "_reconstruct",
            "ndarray",
            "dtype",
            "_frombuffer",
        ), (module, name)
        return super().find_class(module, name)


def read_usd(folder: Path, motion: Motion) -> Read:
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(folder / "motion.usdc"))
    assert UsdGeom.GetStageUpAxis(stage) == "Z" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    prims = {p.GetName(): p for p in stage.Traverse() if p.IsA(UsdGeom.Xform)}
    frames = np.arange(int(stage.GetStartTimeCode()), int(stage.GetEndTimeCode()) + 1)
    poses = []
    for t in frames:
        cache = UsdGeom.XformCache(int(t))
        poses.append(
            [np.array(cache.GetLocalToWorldTransform(prims[n])).T for n in names_of(motion)]
        )
    poses = np.array(poses)
    return Read(frames / stage.GetTimeCodesPerSecond(), poses[..., :3, 3], poses[..., :3, :3])


def read_usdskel(folder: Path, motion: Motion) -> Read:
    """By UsdSkel's own queries: what an importer sees. The bind pose is a T-pose in metres, the
    mesh skinned there is the mesh as it is written.
    """
    from pxr import Usd, UsdGeom, UsdSkel, UsdValidation

    stage = Usd.Stage.Open(str(folder / "motion_skel.usdc"))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    wrong = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [e.GetErrorAsString() for e in wrong] == [] and len(validators) > 20
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1 and UsdGeom.GetStageUpAxis(stage) == "Y"
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(binding.GetSkeleton())
    names = [bone(n, 0).removeprefix("mixamorig:") for n in names_of(motion)]
    assert [str(j).rsplit("/", 1)[-1] for j in query.GetJointOrder()] == names
    (target,) = binding.GetSkinningTargets()
    assert target.IsRigidlyDeformed() is False and target.GetNumInfluencesPerComponent() == 4
    indices, weights = target.ComputeJointInfluences()
    weights = np.array(weights).reshape(-1, 4)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    assert np.array(indices).max() < len(names)
    mesh = UsdGeom.Mesh(target.GetPrim())
    points = np.array(mesh.GetPointsAttr().Get())
    wide, high, _ = np.ptp(points, axis=0)
    assert 1.4 < high < 2.1 and 0.9 < wide / high < 1.15 and abs(points[:, 1].min()) < 1e-3
    bind = np.array(query.ComputeSkinningTransforms(Usd.TimeCode.Default()))
    np.testing.assert_allclose(bind, np.tile(np.eye(4), (len(names), 1, 1)), atol=1e-5)
    poses = np.array(
        [query.ComputeJointSkelTransforms(Usd.TimeCode(t)) for t in range(motion.frames)]
    )
    rotation = FROM_Y_UP @ poses[..., :3, :3].swapaxes(-1, -2) @ FROM_Y_UP.T
    time = np.arange(motion.frames) / stage.GetTimeCodesPerSecond()
    return Read(time, poses[..., 3, :3] @ FROM_Y_UP.T, rotation)


def read_brax(folder: Path, motion: Motion) -> Read:
    """The system as the page's own script unpacks it: base64 of zlib of JSON."""
    page = (folder / "motion_brax.html").read_text("utf-8")
    packed = re.search(r'var system = "([^"]+)"', page).group(1)
    system = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert system["link_names"] == names_of(motion) and set(system["geoms"]) >= set(
        names_of(motion)
    )
    poses = system["states"]["x"]
    quats = np.array([p["rot"] for p in poses])
    return Read(
        np.arange(len(poses)) * system["opt"]["timestep"],
        np.array([p["pos"] for p in poses]),
        Rotation.from_quat(quats.reshape(-1, 4), scalar_first=True)
        .as_matrix()
        .reshape(*quats.shape[:2], 3, 3),
    )


SEGMENTS, GROUND = {"position", "rotation"}, {"force", "centre"}


def read_rrd(folder: Path, motion: Motion) -> Read:
    from rerun.chunk import RrdReader

    chunks: dict = {}
    for chunk in RrdReader(str(folder / "motion.rrd")).store().stream():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            values = batch.column(name)
            values = values.cast("int64") if name == "time" else values  # nanoseconds
            chunks.setdefault((chunk.entity_path, name), []).extend(values.to_pylist())

    def column(path, name):
        return np.array([row[0] for row in chunks[path, name]], float)

    paths = [f"/body/{name}" for name in names_of(motion)]
    position = np.stack([column(p, "Transform3D:translation") for p in paths], axis=1)
    turn = np.stack([column(p, "Transform3D:quaternion") for p in paths], axis=1)
    time = 1e-9 * np.array(chunks["/body/pelvis", "time"])
    load = column("/vertical_force/left", "Scalars:scalars")
    np.testing.assert_allclose(load, motion.contact_force[:, 0, 2] / motion.weight, atol=1e-9)
    keypoints = np.array(chunks["/keypoints/body", "Points3D:positions"], float)
    flat = Rotation.from_quat(turn.reshape(-1, 4)).as_matrix()
    rotation = flat.reshape(*turn.shape[:2], 3, 3)
    return Read(time, position, rotation, keypoints=keypoints)


READERS = {  # format -> its reader, and what must come out of it
    "npz": (read_npz, SEGMENTS | GROUND | {"keypoints"}),
    "bvh": (read_bvh, SEGMENTS),
    "bvh-m": (read_bvh_m, SEGMENTS),
    "bvh-lafan1": (read_lafan1, SEGMENTS),
    "bvh-lafan1-m": (read_lafan1_m, SEGMENTS),
    "glb": (read_glb, SEGMENTS),
    "mixamo": (read_mixamo, SEGMENTS),
    "vrm": (read_vrm, SEGMENTS),
    "trc": (read_trc, {"keypoints"}),
    "mot": (read_mot, SEGMENTS | GROUND | {"moment"}),
    "osim": (read_osim, SEGMENTS),
    "sto": (read_sto, set()),
    "c3d": (read_c3d, GROUND | {"keypoints", "moment"}),
    "csv": (read_csv, SEGMENTS | GROUND | {"keypoints"}),
    "mjcf": (read_mjcf, SEGMENTS),
    "locomujoco": (read_locomujoco, SEGMENTS),
    "gmr": (read_gmr, SEGMENTS),
    "beyondmimic": (read_beyondmimic, SEGMENTS),
    "rrd": (read_rrd, SEGMENTS | {"keypoints"}),
    "usd": (read_usd, SEGMENTS),
    "usdskel": (read_usdskel, SEGMENTS),
    "brax": (read_brax, SEGMENTS),
}
