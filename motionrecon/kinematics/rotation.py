"""Rotations for compiled loops: quaternions w, x, y, z; rotation vectors; matrices.

numba's cache on disk notices changes of the file that a function is in, not of the functions that
it calls: after a change here, in forward.py or in frame.py, remove the folder's __pycache__, or
callers in other files keep the old code.
"""

import numpy as np

from motionrecon.compiled import njit


@njit
def quat_to_mat(q: np.ndarray, out: np.ndarray) -> None:
    """Unit quaternion q (4,) -> rotation matrix out (3, 3)."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    out[0, 0], out[0, 1], out[0, 2] = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
    )
    out[1, 0], out[1, 1], out[1, 2] = (
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
    )
    out[2, 0], out[2, 1], out[2, 2] = (
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )


@njit
def turn(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """q * Exp(v), normalised: the rotation vector v (3,) is in the body's frame, as MuJoCo's free
    joint has it.
    """
    angle = np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    s = 0.5 - angle * angle / 48 if angle < 1e-4 else np.sin(angle / 2) / angle
    w, x, y, z = np.cos(angle / 2), s * v[0], s * v[1], s * v[2]
    out = np.empty(4)
    out[0] = q[0] * w - q[1] * x - q[2] * y - q[3] * z
    out[1] = q[0] * x + q[1] * w + q[2] * z - q[3] * y
    out[2] = q[0] * y - q[1] * z + q[2] * w + q[3] * x
    out[3] = q[0] * z + q[1] * y - q[2] * x + q[3] * w
    n = np.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2] + out[3] * out[3])
    for i in range(4):
        out[i] /= n
    return out


@njit
def turned_by(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rotation vector (3,) from quaternion a to b in a's frame: b = a * Exp(v), |v| <= pi."""
    w = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
    v = np.empty(3)
    v[0] = a[0] * b[1] - a[1] * b[0] - a[2] * b[3] + a[3] * b[2]
    v[1] = a[0] * b[2] - a[2] * b[0] - a[3] * b[1] + a[1] * b[3]
    v[2] = a[0] * b[3] - a[3] * b[0] - a[1] * b[2] + a[2] * b[1]
    n = np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    scale = 2.0 if n < 1e-9 else 2 * np.arctan2(n, abs(w)) / n
    if w < 0:
        scale = -scale
    for i in range(3):
        v[i] *= scale
    return v


@njit
def right_jacobian_inverse(v: np.ndarray, sign: float, out: np.ndarray) -> None:
    """out (3, 3) <- Jr(sign v)^-1, where Log(Exp(v) Exp(d)) = v + Jr(v)^-1 d; sign -1 is for a turn
    of the start.

    J. Sola et al., "A micro Lie theory for state estimation in robotics", 2018, eq. 144.
    """
    x, y, z = sign * v[0], sign * v[1], sign * v[2]
    a2 = x * x + y * y + z * z
    a = np.sqrt(a2)
    c = 1 / 12 + a2 / 720 if a < 1e-3 else 1 / a2 - (1 + np.cos(a)) / (2 * a * np.sin(a))
    out[0, 0], out[0, 1], out[0, 2] = (
        1 - c * (y * y + z * z),
        -0.5 * z + c * x * y,
        0.5 * y + c * x * z,
    )
    out[1, 0], out[1, 1], out[1, 2] = (
        0.5 * z + c * x * y,
        1 - c * (x * x + z * z),
        -0.5 * x + c * y * z,
    )
    out[2, 0], out[2, 1], out[2, 2] = (
        -0.5 * y + c * x * z,
        0.5 * x + c * y * z,
        1 - c * (x * x + y * y),
    )
