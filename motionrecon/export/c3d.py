"""C3D: keypoints as points, and one force plate a foot; millimetres, N, N mm, z up."""

from pathlib import Path

import ezc3d
import numpy as np

from motionrecon.errors import ExportError
from motionrecon.export.ground import Ground
from motionrecon.motion.motion import Motion

_MM = 1000.0  # in a metre
_MOST_FRAMES = 65535  # the header counts them in 16 bits; readers drop what comes after
_MARGIN_M = 1.0  # the plates reach this far beyond the keypoints
_DOWN = np.diag(
    [-1.0, 1.0, -1.0]
)  # rows: the plates' x, y, z axes in the world; z points down, as in real plates
PLATES = ("left", "right")


def write_c3d(motion: Motion, folder: Path) -> None:
    """Writes motion.c3d.

    Both plates (type 2: Fx Fy Fz Mx My Mz in the plate's frame, about the centre of its surface)
    cover the whole walked area: plate 1 feels only the left foot, plate 2 only the right. One
    analog sample a frame. Signs are those of recorded files: what the plate does to the foot, so
    with z down a loaded plate reads negative Fz. Raises ExportError for more than 65535 frames.
    """
    T = motion.frames
    if T > _MOST_FRAMES:
        raise ExportError(
            f"a C3D file holds {_MOST_FRAMES} frames, the motion has {T}; leave c3d out, or cut "
            "the clip"
        )
    c3d = ezc3d.c3d()
    points = np.ones((4, motion.keypoints.shape[1], T))
    points[:3] = _MM * motion.keypoints.transpose(2, 1, 0)
    p = c3d["parameters"]
    p["POINT"]["RATE"]["value"] = [motion.fps]
    p["POINT"]["UNITS"]["value"] = ["mm"]
    p["POINT"]["LABELS"]["value"] = list(motion.keypoint_names)
    c3d.add_parameter("POINT", "X_SCREEN", ["+X"])
    c3d.add_parameter("POINT", "Y_SCREEN", ["+Z"])
    corners, analogs = _plates(motion)
    p["ANALOG"]["RATE"]["value"] = [motion.fps]
    p["ANALOG"]["LABELS"]["value"] = [
        f"{q}{i}" for i in (1, 2) for q in ("Fx", "Fy", "Fz", "Mx", "My", "Mz")
    ]
    p["ANALOG"]["UNITS"]["value"] = ["N", "N", "N", "Nmm", "Nmm", "Nmm"] * 2
    p["ANALOG"]["SCALE"]["value"] = [1.0] * 12
    p["ANALOG"]["OFFSET"]["value"] = [0] * 12
    for name, value in (
        ("USED", [2]),
        ("TYPE", [2, 2]),
        ("ZERO", [1, 0]),
        ("CORNERS", np.stack([corners, corners], axis=-1)),
        ("ORIGIN", np.zeros((3, 2))),
        ("CHANNEL", np.arange(1, 13).reshape(2, 6).T),
    ):
        p["FORCE_PLATFORM"][name]["value"] = np.asarray(
            value
        )  # keeps the integers integers, as add_parameter does not
    c3d.add_parameter("FORCE_PLATFORM", "DESCRIPTIONS", [f"{side} foot" for side in PLATES])
    c3d["data"]["points"] = points
    c3d["data"]["analogs"] = analogs[None]
    c3d.write(str(folder / "motion.c3d"))


def _plates(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """The plates' corners (3, 4) mm in the world and their channels (12, T) N, N mm."""
    ground = Ground.of(motion)
    floor = motion.keypoints[..., :2].reshape(-1, 2)
    low, high = floor.min(0) - _MARGIN_M, floor.max(0) + _MARGIN_M
    # as the plate's own +x +y, -x +y, -x -y, +x -y quadrants, with its x axis against the world's
    corners = np.array(
        [[low[0], high[1], 0], [high[0], high[1], 0], [high[0], low[1], 0], [low[0], low[1], 0]]
    ).T
    centre = corners.mean(1)
    moment = np.cross(ground.centre - centre, ground.force)
    moment[..., 2] += ground.free_moment
    wrench = np.concatenate([ground.force @ _DOWN.T, _MM * moment @ _DOWN.T], axis=-1)
    return _MM * corners, wrench.reshape(len(wrench), 12).T
