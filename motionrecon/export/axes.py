"""Rotations between axes and conventions of other programs. Ours: x forward, y left, z up;
quaternions w, x, y, z.
"""

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

# A row an axis of the other program. Both are proper rotations, so left stays left.
Y_UP = np.array(
    [[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]
)  # x left, y up, z forward: glTF and most BVH rigs
OPENSIM = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # x forward, y up, z right


def turned(axes: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """Rotations quat (..., 4) seen from the axes (3, 3): the vector part turns, the angle stays."""
    return np.concatenate([quat[..., :1], quat[..., 1:] @ axes.T], axis=-1)


def euler(quat: np.ndarray, order: str) -> np.ndarray:
    """Degrees (T, ..., 3) of body-fixed rotations about the three different axes of `order`
    ("ZXY"), in that order.

    Of the ways to write a rotation, a, b, c and a + 180, 180 - b, c + 180, and whole turns, each
    frame takes the nearest to the frame before, so that readers can blend between frames. At b =
    +-90 only a + c or a - c is defined; scipy then sets c to 0, which is the same rotation.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gimbal lock")
        rotation = Rotation.from_quat(quat.reshape(-1, 4), scalar_first=True)
        angles = rotation.as_euler(order, degrees=True).reshape(*quat.shape[:-1], 3)
    for t in range(1, len(angles)):
        other = angles[t] * [1, -1, 1] + 180
        ways = np.stack([angles[t], other])
        ways += 360 * np.round((angles[t - 1] - ways) / 360)
        second = np.abs(ways[1] - angles[t - 1]).sum(-1) < np.abs(ways[0] - angles[t - 1]).sum(-1)
        angles[t] = np.where(second[..., None], ways[1], ways[0])
    return angles
