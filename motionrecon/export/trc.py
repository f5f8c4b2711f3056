"""TRC: the body's keypoints as markers; millimetres, OpenSim's axes (y up, x forward, z right)."""

from pathlib import Path

import numpy as np

from motionrecon.export.axes import OPENSIM
from motionrecon.motion.motion import Motion


def write_trc(motion: Motion, folder: Path) -> None:
    """Writes motion.trc."""
    points = motion.keypoints @ OPENSIM.T
    names = list(motion.keypoint_names)
    write_markers(folder / "motion.trc", motion.time, motion.fps, names, points)


def write_markers(
    path: Path, time: np.ndarray, fps: float, names: list[str], points: np.ndarray
) -> None:
    """A TRC file of points (T, K, 3) m, in OpenSim's axes."""
    T, K = points.shape[:2]
    rate = f"{fps:.9g}"
    keys = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
    keys += ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"]
    values = [rate, rate, str(T), str(K), "mm", rate, "1", str(T)]
    head = [
        ["PathFileType", "4", "(X/Y/Z)", path.name],
        keys,
        values,
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *(f"{axis}{k}" for k in range(1, K + 1) for axis in "XYZ")],
        [],
    ]
    rows = np.hstack([np.arange(1, T + 1)[:, None], time[:, None], 1000.0 * points.reshape(T, -1)])
    with path.open("w", newline="\n") as file:
        file.write("".join("\t".join(line) + "\n" for line in head))
        np.savetxt(file, rows, fmt=["%d", "%.9g"] + ["%.5f"] * (3 * K), delimiter="\t")
