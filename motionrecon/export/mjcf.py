"""MJCF: the motion's model with a keyframe a frame; MuJoCo's own frame and units."""

import xml.etree.ElementTree as ET
from pathlib import Path

from motionrecon.export.scene import model_of
from motionrecon.motion.motion import Motion


def write_mjcf(motion: Motion, folder: Path) -> None:
    """Writes motion.xml: key i, named frame_i, has the time, qpos, qvel and ctrl (servo targets) of
    frame i.
    """
    model_of(motion)
    root = ET.fromstring(motion.mjcf)
    keyframe = ET.SubElement(root, "keyframe")
    for i, time in enumerate(motion.time):
        key = {"name": f"frame_{i}", "time": f"{time:.12g}"}
        rows = {"qpos": motion.qpos[i], "qvel": motion.qvel[i], "ctrl": motion.ctrl[i]}
        key |= {k: " ".join(f"{v:.12g}" for v in row) for k, row in rows.items()}
        ET.SubElement(keyframe, "key", key)
    ET.indent(root)
    ET.ElementTree(root).write(folder / "motion.xml", encoding="utf-8")
