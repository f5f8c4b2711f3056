"""An OpenSim model of the motion's own body, the motion in its coordinates, and what its
InverseDynamicsTool needs to run.

Format: OpenSim 4's XML (Delp et al. 2007; Seth et al. 2018). Axes: x forward, y up, z right.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.sides import side_of
from motionrecon.engine import mujoco
from motionrecon.export.axes import OPENSIM, euler, turned
from motionrecon.export.ground import Ground
from motionrecon.export.mot import ROOT, write_ground
from motionrecon.export.opensim_names import body, hinge
from motionrecon.export.scene import COLOURS, Capsule, Scene
from motionrecon.export.table import write_storage
from motionrecon.motion.motion import Motion

_ROOT_AXES = {"pelvis_tilt": "0 0 1", "pelvis_list": "1 0 0", "pelvis_rotation": "0 1 0"}
_CREDITS = (
    "The body that motionrecon built from a person's keypoints: hinges at joint centres, masses "
    "and inertias of its segments as it simulates them. Apache-2.0."
)
# Hz, of the angles where the motion names no filter: what OpenSim's examples filter gait with.
CUTOFF_HZ = 6.0
_GROUND = "motion_osim_grf"


def write_osim(motion: Motion, folder: Path) -> None:
    """Writes motion.osim, motion_osim.mot, motion_osim_grf.mot and .xml and motion_id.xml; y up, x
    forward, z right; m, degrees, N, N m.

    Forces are low-passed as the motion's moments are: the tool filters the angles alone.
    """
    write_model(motion.model, folder / "motion.osim")
    turn = euler(turned(OPENSIM, motion.qpos[:, 3:7]), "ZXY")
    names, signs = zip(*map(hinge, motion.joint_names), strict=True)
    hinges = np.rad2deg(motion.qpos[:, 7:]) * signs
    angles = np.hstack([motion.time[:, None], turn, motion.qpos[:, :3] @ OPENSIM.T, hinges])
    write_storage(folder / "motion_osim.mot", "motion_osim", ["time", *ROOT, *names], angles)
    write_ground(folder, _GROUND, motion.time, Ground.filtered(motion))
    _save(_tool(motion), folder / "motion_id.xml")


def write_model(model: mujoco.MjModel, path: Path) -> None:
    """Writes a body of motionrecon.body as an OpenSim model."""
    _save(_model(Scene.posed(model, model.qpos0[None])), path)


def _model(scene: Scene) -> ET.Element:
    root, model = _document("Model", "motionrecon")
    _leaf(model, "credits", _CREDITS)
    _leaf(model, "length_units", "meters")
    _leaf(model, "force_units", "N")
    ground = ET.SubElement(model, "Ground", name="ground")
    ET.SubElement(ground, "FrameGeometry", name="frame_geometry")
    _leaf(model, "gravity", _numbers(OPENSIM @ scene.model.opt.gravity))
    bodies = ET.SubElement(ET.SubElement(model, "BodySet", name="bodyset"), "objects")
    joints = ET.SubElement(ET.SubElement(model, "JointSet", name="jointset"), "objects")
    for b, name in enumerate(scene.names):
        drawn = [c for c in scene.capsules if c.body == b]
        bodies.append(_body(scene.model, b + 1, body(name), side_of(name), drawn))
        parent = scene.parents[b]
        joints.append(
            _root(body(name))
            if parent < 0
            else _joint(scene.model, b + 1, body(name), body(scene.names[parent]))
        )
    return root


def _body(
    model: mujoco.MjModel, b: int, name: str, side: str, capsules: list[Capsule]
) -> ET.Element:
    """Mass, centre and inertia about it in the segment's axes; capsules to look at."""
    out = ET.Element("Body", name=name)
    parts = ET.SubElement(out, "components")
    for i, capsule in enumerate(capsules):
        parts.append(_drawn(capsule, f"{name}_geometry_{i}", name, COLOURS[side]))
    _leaf(out, "mass", _numbers(model.body_mass[b : b + 1]))
    _leaf(out, "mass_center", _numbers(OPENSIM @ model.body_ipos[b]))
    axes = OPENSIM @ Rotation.from_quat(model.body_iquat[b], scalar_first=True).as_matrix()
    inertia = axes @ np.diag(model.body_inertia[b]) @ axes.T
    _leaf(out, "inertia", _numbers(inertia[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]))
    return out


def _drawn(capsule: Capsule, name: str, of: str, colour: tuple[float, ...]) -> ET.Element:
    """A cylinder about the frame's y axis with a ball at either end."""
    own = Rotation.from_quat(capsule.quat, scalar_first=True).as_matrix()
    turn = OPENSIM @ own @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # its z is OpenSim's y
    frame = _offset(name, f"/bodyset/{of}", OPENSIM @ capsule.centre, turn)
    shapes = ET.SubElement(frame, "attached_geometry")
    half = capsule.half_length
    _shape(shapes, "Cylinder", f"{name}_shaft", colour, radius=capsule.radius, half_height=half)
    for end, place in (("top", half), ("bottom", -half)):
        inner = ET.SubElement(frame, "components") if end == "top" else frame.find("components")
        assert inner is not None
        cap = _offset(f"{name}_{end}", "..", np.array([0.0, place, 0.0]), np.eye(3))
        ball = ET.SubElement(cap, "attached_geometry")
        _shape(ball, "Sphere", f"{name}_{end}_ball", colour, radius=capsule.radius)
        inner.append(cap)
    return frame


def _shape(into: ET.Element, kind: str, name: str, colour: tuple, **sizes: float) -> None:
    shape = ET.SubElement(into, kind, name=name)
    _leaf(shape, "socket_frame", "..")
    look = ET.SubElement(shape, "Appearance")
    _leaf(look, "color", _numbers(colour))
    for tag, value in sizes.items():
        _leaf(shape, tag, _numbers([value]))


def _offset(name: str, parent: str, place: np.ndarray, turn: np.ndarray) -> ET.Element:
    frame = ET.Element("PhysicalOffsetFrame", name=name)
    _leaf(frame, "socket_parent", parent)
    _leaf(frame, "translation", _numbers(place))
    _leaf(frame, "orientation", _numbers(Rotation.from_matrix(turn).as_euler("XYZ")))
    return frame


def _root(name: str) -> ET.Element:
    """The pelvis, free in the ground."""
    joint, coordinates, transform = _custom("ground_pelvis", "/ground", name, np.zeros(3))
    for kind in ROOT:
        turns = kind in _ROOT_AXES
        _coordinate(coordinates, kind, (-10.0, 10.0) if turns else (-100.0, 100.0))
    for i, kind in enumerate(_ROOT_AXES, 1):
        _axis(transform, f"rotation{i}", kind, _ROOT_AXES[kind])
    for i, axis in enumerate(("1 0 0", "0 1 0", "0 0 1"), 1):
        _axis(transform, f"translation{i}", ROOT[2 + i], axis)
    return joint


def _joint(model: mujoco.MjModel, b: int, name: str, parent: str) -> ET.Element:
    """Up to three hinges at a segment's origin, in their order."""
    place = OPENSIM @ model.body_pos[b]
    joint, coordinates, transform = _custom(f"{name}_joint", f"/bodyset/{parent}", name, place)
    axes: list[np.ndarray] = []
    first = int(model.body_jntadr[b])
    for i, j in enumerate(range(first, first + int(model.body_jntnum[b])), 1):
        coordinate, sign = hinge(model.joint(j).name)
        low, high = np.sort(sign * model.jnt_range[j])
        _coordinate(coordinates, coordinate, (low, high))
        axes.append(sign * (OPENSIM @ model.jnt_axis[j]))
        _axis(transform, f"rotation{i}", coordinate, _numbers(axes[-1]))
    while len(axes) < 3:  # OpenSim wants three independent ones: those that nothing turns
        left = np.linalg.svd(np.array(axes))[2][len(axes)]
        axes.append(left)
        _axis(transform, f"rotation{len(axes)}", "", _numbers(left))
    for i, axis in enumerate(("1 0 0", "0 1 0", "0 0 1"), 1):
        _axis(transform, f"translation{i}", "", axis)
    return joint


def _custom(
    name: str, parent: str, child: str, place: np.ndarray
) -> tuple[ET.Element, ET.Element, ET.Element]:
    """(joint, where its coordinates go, its transform)."""
    joint = ET.Element("CustomJoint", name=name)
    _leaf(joint, "socket_parent_frame", f"{name}_parent")
    _leaf(joint, "socket_child_frame", f"{name}_child")
    coordinates = ET.SubElement(joint, "coordinates")
    frames = ET.SubElement(joint, "frames")
    frames.append(_offset(f"{name}_parent", parent, place, np.eye(3)))
    frames.append(_offset(f"{name}_child", f"/bodyset/{child}", np.zeros(3), np.eye(3)))
    return joint, coordinates, ET.SubElement(joint, "SpatialTransform")


def _coordinate(into: ET.Element, name: str, limits: tuple[float, float]) -> None:
    coordinate = ET.SubElement(into, "Coordinate", name=name)
    _leaf(coordinate, "default_value", "0")
    _leaf(coordinate, "range", _numbers(limits))
    _leaf(coordinate, "clamped", "false")


def _axis(into: ET.Element, place: str, coordinate: str, axis: str) -> None:
    part = ET.SubElement(into, "TransformAxis", name=place)
    _leaf(part, "coordinates", coordinate)
    _leaf(part, "axis", axis)
    if coordinate:
        _leaf(ET.SubElement(part, "LinearFunction", name="function"), "coefficients", "1 0")
    else:
        _leaf(ET.SubElement(part, "Constant", name="function"), "value", "0")


def _tool(motion: Motion) -> ET.Element:
    """A setup of InverseDynamicsTool."""
    root, tool = _document("InverseDynamicsTool", "motionrecon")
    _leaf(tool, "results_directory", ".")
    _leaf(tool, "model_file", "motion.osim")
    _leaf(tool, "time_range", _numbers(motion.time[[0, -1]]))
    _leaf(tool, "forces_to_exclude", "Muscles")
    _leaf(tool, "external_loads_file", f"{_GROUND}.xml")
    _leaf(tool, "coordinates_file", "motion_osim.mot")
    hz = motion.report.filter_hz if motion.report else None
    _leaf(tool, "lowpass_cutoff_frequency_for_coordinates", _numbers([hz or CUTOFF_HZ]))
    _leaf(tool, "output_gen_force_file", "motion_inverse_dynamics.sto")
    return root


def _document(kind: str, name: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("OpenSimDocument", Version="40000")
    return root, ET.SubElement(root, kind, name=name)


def _leaf(into: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(into, tag).text = text


def _numbers(values: object) -> str:
    return " ".join(f"{float(v):.9g}" for v in np.asarray(values, float).ravel())


def _save(root: ET.Element, path: Path) -> None:
    ET.indent(root, "\t")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
