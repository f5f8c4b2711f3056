"""OpenSim's motion files: joint angles, ground reaction forces, and the ExternalLoads that applies
them.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from motionrecon.export.axes import OPENSIM, euler, turned
from motionrecon.export.ground import Ground
from motionrecon.export.scene import model_of
from motionrecon.export.table import write_storage
from motionrecon.motion.motion import Motion

ROOT = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")
FEET = (
    (1, "", "r"),
    (0, "1_", "l"),
)  # side in our arrays, prefix of its columns (the right foot first), its letter


def write_mot(motion: Motion, folder: Path) -> None:
    """Writes motion.mot, motion_grf.mot and motion_grf.xml; y up, x forward, z right; m, degrees,
    N, N m.
    """
    model_of(motion)
    time = motion.time[:, None]
    turn = euler(turned(OPENSIM, motion.qpos[:, 3:7]), "ZXY")
    angles = np.hstack([time, turn, motion.qpos[:, :3] @ OPENSIM.T, np.rad2deg(motion.qpos[:, 7:])])
    write_storage(folder / "motion.mot", "motion", ["time", *ROOT, *motion.joint_names], angles)
    write_ground(folder, "motion_grf", motion.time, Ground.of(motion))


def write_ground(folder: Path, name: str, time: np.ndarray, ground: Ground) -> None:
    """Writes NAME.mot and NAME.xml."""
    columns, values = forces(ground)
    table = np.hstack([time[:, None], values])
    write_storage(folder / f"{name}.mot", name, ["time", *columns], table)
    _external_loads(folder / f"{name}.xml", name)


def forces(ground: Ground) -> tuple[list[str], np.ndarray]:
    """Names and values (T, 18): force, centre of pressure and free moment of the right foot, then
    the left.
    """
    moment = np.zeros_like(ground.force)
    moment[..., 2] = ground.free_moment
    names, values, torques = [], [], []
    for side, prefix, _ in FEET:
        names += [f"{prefix}ground_force_{quantity}{axis}" for quantity in "vp" for axis in "xyz"]
        values += [ground.force[:, side] @ OPENSIM.T, ground.centre[:, side] @ OPENSIM.T]
        torques.append(moment[:, side] @ OPENSIM.T)
    names += [f"{prefix}ground_torque_{axis}" for _, prefix, _ in FEET for axis in "xyz"]
    return names, np.hstack([*values, *torques])


def _external_loads(path: Path, name: str) -> None:
    root = ET.Element("OpenSimDocument", Version="40000")
    loads = ET.SubElement(root, "ExternalLoads", name=name)
    objects = ET.SubElement(loads, "objects")
    for _, prefix, letter in FEET:
        force = ET.SubElement(objects, "ExternalForce", name="right" if letter == "r" else "left")
        for tag, text in (
            ("applied_to_body", f"calcn_{letter}"),
            ("force_expressed_in_body", "ground"),
            ("point_expressed_in_body", "ground"),
            ("force_identifier", f"{prefix}ground_force_v"),
            ("point_identifier", f"{prefix}ground_force_p"),
            ("torque_identifier", f"{prefix}ground_torque_"),
        ):
            ET.SubElement(force, tag).text = text
    ET.SubElement(loads, "datafile").text = f"{name}.mot"
    ET.indent(root, "\t")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
