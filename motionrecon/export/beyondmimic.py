"""The table of Unitree's retargeted LAFAN1, which BeyondMimic's csv_to_npz.py and mjlab read."""

from pathlib import Path

import numpy as np

from motionrecon.export.scene import model_of
from motionrecon.motion.motion import Motion


def write_beyondmimic(motion: Motion, folder: Path) -> None:
    """Writes motion_beyondmimic.csv: a row a frame, no header; root position m, root quaternion x,
    y, z, w, hinges rad in the model's order; z up. The frame rate is not in the file:
    csv_to_npz.py takes it by --input_fps, and the report says it.
    """
    model_of(motion)
    rows = np.concatenate([motion.qpos[:, :3], motion.qpos[:, [4, 5, 6, 3]], motion.qpos[:, 7:]], 1)
    np.savetxt(folder / "motion_beyondmimic.csv", rows, fmt="%.9g", delimiter=",")
