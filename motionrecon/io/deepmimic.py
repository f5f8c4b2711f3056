"""DeepMimic motions (joint rotations in JSON): keypoints by forward kinematics of the DeepMimic
humanoid.

Source of the humanoid: pybullet_data/humanoid/humanoid.urdf of pybullet 3.2.7 (zlib licence),
scaled by 0.25 as pybullet loads it; from DeepMimic (Peng et al. 2018).
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE, Raw, check_count

# A frame: duration s, root position m, then the rotations in this order; 4 numbers are a quaternion
# w, x, y, z, 1 is the angle in rad of a hinge about z (DeepMimic: y up, x forward, z to the
# person's right).
ROTATIONS = (
    ("root", 4),
    ("chest", 4),
    ("neck", 4),
    ("right_hip", 4),
    ("right_knee", 1),
    ("right_ankle", 4),
    ("right_shoulder", 4),
    ("right_elbow", 1),
    ("left_hip", 4),
    ("left_knee", 1),
    ("left_ankle", 4),
    ("left_shoulder", 4),
    ("left_elbow", 1),
)
WIDTH = 4 + sum(width for _, width in ROTATIONS)

# Link -> (parent, offset in the parent's frame, m), parents before children.
OFFSETS = {
    "chest": ("root", (0.0, 0.236151, 0.0)),
    "neck": ("chest", (0.0, 0.223894, 0.0)),
    "right_hip": ("root", (0.0, 0.0, 0.084887)),
    "right_knee": ("right_hip", (0.0, -0.421546, 0.0)),
    "right_ankle": ("right_knee", (0.0, -0.409870, 0.0)),
    "right_shoulder": ("chest", (-0.02405, 0.24350, 0.18311)),
    "right_elbow": ("right_shoulder", (0.0, -0.274788, 0.0)),
    "right_wrist": ("right_elbow", (0.0, -0.258947, 0.0)),
    "left_hip": ("root", (0.0, 0.0, -0.084887)),
    "left_knee": ("left_hip", (0.0, -0.421546, 0.0)),
    "left_ankle": ("left_knee", (0.0, -0.409870, 0.0)),
    "left_shoulder": ("chest", (-0.02405, 0.24350, -0.18311)),
    "left_elbow": ("left_shoulder", (0.0, -0.274788, 0.0)),
    "left_wrist": ("left_elbow", (0.0, -0.258947, 0.0)),
}

# Keypoint -> link, or (link, point in the link's frame, m). DeepMimic has no joint at toes or head:
# the toe is the middle of the front of the foot's box, as high as a toe marker, the head its
# sphere's centre.
KEYPOINTS: dict[str, str | tuple[str, tuple[float, float, float]]] = {
    "pelvis": "root",
    "spine": "chest",
    "neck": "neck",
    "head": ("neck", (0.0, 0.175, 0.0)),
    "l_hip": "left_hip",
    "l_knee": "left_knee",
    "l_ankle": "left_ankle",
    "l_toe": ("left_ankle", (0.1335, -0.0225, 0.0)),
    "r_hip": "right_hip",
    "r_knee": "right_knee",
    "r_ankle": "right_ankle",
    "r_toe": ("right_ankle", (0.1335, -0.0225, 0.0)),
    "l_shoulder": "left_shoulder",
    "l_elbow": "left_elbow",
    "l_wrist": "left_wrist",
    "r_shoulder": "right_shoulder",
    "r_elbow": "right_elbow",
    "r_wrist": "right_wrist",
}

_MOST_FILLED = 100  # frames for every one of the file: only damaged durations ask for more


def from_content(path: Path, content: dict) -> Raw:
    """A parsed motion {"Frames": (T, 44)}. Raises ClipError where it is not one."""
    try:
        frames = np.array(content["Frames"], float)
    except (ValueError, TypeError, OverflowError) as error:
        raise ClipError(f"{path}: 'Frames' is not an even table of numbers ({error})") from error
    if frames.ndim != 2 or frames.shape[1] != WIDTH:
        raise ClipError(
            f"{path}: 'Frames' has shape {frames.shape}; a DeepMimic motion has {WIDTH} numbers "
            "a frame"
        )
    if not (np.abs(frames) < LARGEST_VALUE).all() or len(frames) < 2 or (frames[:-1, 0] <= 0).any():
        raise ClipError(
            f"{path}: 'Frames' holds numbers that are not finite, or durations of 0: the file is "
            "damaged"
        )
    column = 4
    for link, width in ROTATIONS:
        if (
            width == 4
            and (np.abs(np.linalg.norm(frames[:, column : column + 4], axis=1) - 1) > 0.5).any()
        ):
            raise ClipError(
                f"{path}: the rotation of '{link}' is far from a unit quaternion: the file is "
                "damaged"
            )
        column += width
    keypoints, fps = spread_over_time(path, forward_kinematics(frames), frames[:, 0])
    return Raw(
        keypoints,
        names=tuple(KEYPOINTS),
        fps=fps,
        units="m",
        up="z",
        findings=("DeepMimic motion",),
    )


def forward_kinematics(frames: np.ndarray) -> np.ndarray:
    """Keypoints (T, J, 3), m, z up, of DeepMimic frames (T, 44)."""
    local, column = {}, 4
    for link, width in ROTATIONS:
        values = frames[:, column : column + width]
        column += width
        local[link] = (
            Rotation.from_quat(values, scalar_first=True)
            if width == 4
            else Rotation.from_rotvec(values * np.array([0.0, 0.0, 1.0]))
        )
    position, rotation = {"root": frames[:, 1:4]}, {"root": local["root"]}
    for link, (parent, offset) in OFFSETS.items():
        position[link] = position[parent] + rotation[parent].apply(offset)
        rotation[link] = rotation[parent] * local[link] if link in local else rotation[parent]
    points = []
    for place in KEYPOINTS.values():
        at, point = (place, (0.0, 0.0, 0.0)) if isinstance(place, str) else place
        points.append(position[at] + rotation[at].apply(point))
    x, y, z = np.moveaxis(np.stack(points, axis=1), -1, 0)
    return np.stack([x, -z, y], axis=-1)


def spread_over_time(
    path: Path, keypoints: np.ndarray, durations: np.ndarray
) -> tuple[np.ndarray, float]:
    """Keypoints on an even clock, and its rate in Hz: a frame of twice the duration is followed by
    a missing one.
    """
    step = float(np.median(durations[:-1]))
    index = np.rint(np.concatenate([[0.0], np.cumsum(durations[:-1])]) / step)
    if index[-1] > _MOST_FILLED * len(index) or (np.diff(index) < 1).any():
        raise ClipError(
            f"{path}: durations run from {durations.min():g} to {durations.max():g} s: the file "
            "is damaged"
        )
    check_count(path, (int(index[-1]) + 1) * keypoints[0].size)
    out = np.full((int(index[-1]) + 1, *keypoints.shape[1:]), np.nan)
    out[index.astype(int)] = keypoints
    return out, float(np.round(1.0 / step, 2))
