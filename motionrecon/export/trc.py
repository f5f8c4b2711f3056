"""TRC: the body's keypoints as markers; millimetres, OpenSim's axes (y up, x forward, z right)."""

from pathlib import Path

import numpy as np

from motionrecon.export.axes import OPENSIM
from motionrecon.motion.motion import Motion


def write_trc(motion: Motion, folder: Path) -> None:
    """Writes motion.trc."""
    T, K = motion.keypoints.shape[:2]
    rate = f"{motion.fps:.9g}"
    keys = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
    keys += ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"]
    values = [rate, rate, str(T), str(K), "mm", rate, "1", str(T)]
    head = [
        ["PathFileType", "4", "(X/Y/Z)", "motion.trc"],
        keys,
        values,
        ["Frame#", "Time", *(cell for name in motion.keypoint_names for cell in (name, "", ""))],
        ["", "", *(f"{axis}{k}" for k in range(1, K + 1) for axis in "XYZ")],
        [],
    ]
    points = 1000.0 * motion.keypoints @ OPENSIM.T
    rows = np.hstack([np.arange(1, T + 1)[:, None], motion.time[:, None], points.reshape(T, -1)])
    with (folder / "motion.trc").open("w", newline="\n") as file:
        file.write("".join("\t".join(line) + "\n" for line in head))
        np.savetxt(file, rows, fmt=["%d", "%.9g"] + ["%.5f"] * (3 * K), delimiter="\t")
