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
    a = motion.arrays
    root = ET.fromstring(str(a["mjcf"]))
    keyframe = ET.SubElement(root, "keyframe")
    for i, time in enumerate(a["time"]):
        values = {k: " ".join(f"{v:.12g}" for v in a[k][i]) for k in ("qpos", "qvel", "ctrl")}
        ET.SubElement(keyframe, "key", name=f"frame_{i}", time=f"{time:.12g}", **values)
    ET.indent(root)
    ET.ElementTree(root).write(folder / "motion.xml", encoding="utf-8")
