"""CSV: everything at the frames in one wide table; the model's own frame and units, named in every
column.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from motionrecon.export.scene import model_of
from motionrecon.motion.motion import Motion

_AXES = ("x", "y", "z")


def write_csv(motion: Motion, folder: Path) -> None:
    """Writes motion.csv: a row a frame, a header row, empty cells for NaN; z up."""
    columns = table(motion)
    with (folder / "motion.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            out.writerow([f"{v:.9g}" if np.isfinite(v) else "" for v in row])


def table(motion: Motion) -> dict[str, np.ndarray]:
    """Column name -> values (T,); docs/formats/out.md lists them."""
    model_of(motion)
    out = {"time_s": motion.time}

    def put(names: Sequence[str], values: np.ndarray) -> None:
        out.update(zip(names, values.reshape(len(values), -1).T, strict=True))

    hinges = motion.joint_names
    put([f"root_{c}_m" for c in _AXES], motion.qpos[:, :3])
    put([f"root_q{c}" for c in "wxyz"], motion.qpos[:, 3:7])
    put([f"root_v{c}_m_s" for c in _AXES], motion.qvel[:, :3])
    put([f"root_w{c}_rad_s" for c in _AXES], motion.qvel[:, 3:6])
    put([f"{n}_rad" for n in hinges], motion.qpos[:, 7:])
    put([f"{n}_rad_s" for n in hinges], motion.qvel[:, 6:])
    put([f"{n}_torque_Nm" for n in hinges], motion.torques)
    put([f"{n}_target_rad" for n in hinges], motion.ctrl)
    for side, letter in enumerate("lr"):
        put([f"{letter}_foot_force_{c}_N" for c in _AXES], motion.contact_force[:, side])
        put([f"{letter}_foot_cop_{c}_m" for c in _AXES], motion.centre_of_pressure[:, side])
    put([f"other_force_{c}_N" for c in _AXES], motion.contact_force_other)
    put([f"keypoint_{n}_{c}_m" for n in motion.keypoint_names for c in _AXES], motion.keypoints)
    return out
