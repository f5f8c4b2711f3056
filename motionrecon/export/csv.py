"""CSV: everything at the frames in one wide table; the model's own frame and units, named in every
column.
"""

import csv
from collections.abc import Callable, Sequence
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
    if motion.joint_moments is not None:
        put([f"{n}_moment_Nm" for n in hinges], motion.joint_moments)
    for side, letter in enumerate("lr"):
        put([f"{letter}_foot_force_{c}_N" for c in _AXES], motion.contact_force[:, side])
        put([f"{letter}_foot_cop_{c}_m" for c in _AXES], motion.centre_of_pressure[:, side])
        if motion.free_moment is not None:
            put([f"{letter}_foot_free_moment_Nm"], motion.free_moment[:, side])
    put([f"other_force_{c}_N" for c in _AXES], motion.contact_force_other)
    if (forces := motion.segment_contact_force) is not None and motion.segment_names is not None:
        put([f"{n}_floor_force_{c}_N" for n in motion.segment_names for c in _AXES], forces)
    _put_filtered(put, motion)
    put([f"keypoint_{n}_{c}_m" for n in motion.keypoint_names for c in _AXES], motion.keypoints)
    return out


def _put_filtered(put: Callable[[Sequence[str], np.ndarray], None], motion: Motion) -> None:
    """The columns of the low-passed arrays, where the motion has them."""
    force, centre = motion.contact_force_filtered, motion.centre_of_pressure_filtered
    free, moments = motion.free_moment_filtered, motion.joint_moments_filtered
    if force is None or centre is None or free is None or moments is None:
        return
    for side, letter in enumerate("lr"):
        put([f"{letter}_foot_force_filtered_{c}_N" for c in _AXES], force[:, side])
        put([f"{letter}_foot_cop_filtered_{c}_m" for c in _AXES], centre[:, side])
        put([f"{letter}_foot_free_moment_filtered_Nm"], free[:, side])
    put([f"{n}_moment_filtered_Nm" for n in motion.joint_names], moments)
