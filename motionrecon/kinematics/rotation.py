"""Rotations for compiled loops: quaternions w, x, y, z; rotation vectors; matrices."""
import numpy as np
from numba import njit


@njit(cache=True)
def quat_to_mat(q, out):
    """Unit quaternion q (4,) -> rotation matrix out (3, 3)."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)


@njit(cache=True)
def turn(q, v):
    """q * Exp(v), normalised: the rotation vector v (3,) is in the body's frame, as MuJoCo's free joint has it."""
    angle = np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    s = 0.5 - angle * angle / 48 if angle < 1e-4 else np.sin(angle / 2) / angle
    w, x, y, z = np.cos(angle / 2), s * v[0], s * v[1], s * v[2]
    out = np.empty(4)
    out[0] = q[0] * w - q[1] * x - q[2] * y - q[3] * z
    out[1] = q[0] * x + q[1] * w + q[2] * z - q[3] * y
    out[2] = q[0] * y - q[1] * z + q[2] * w + q[3] * x
    out[3] = q[0] * z + q[1] * y - q[2] * x + q[3] * w
    return out / np.sqrt((out * out).sum())


@njit(cache=True)
def turned_by(a, b):
    """Rotation vector (3,) from quaternion a to b in a's frame: b = a * Exp(v), |v| <= pi."""
    w = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
    v = np.empty(3)
    v[0] = a[0] * b[1] - a[1] * b[0] - a[2] * b[3] + a[3] * b[2]
    v[1] = a[0] * b[2] - a[2] * b[0] - a[3] * b[1] + a[1] * b[3]
    v[2] = a[0] * b[3] - a[3] * b[0] - a[1] * b[2] + a[2] * b[1]
    if w < 0:
        w, v = -w, -v
    n = np.sqrt((v * v).sum())
    return v * (2.0 if n < 1e-9 else 2 * np.arctan2(n, w) / n)


@njit(cache=True)
def right_jacobian_inverse(v):
    """Jr(v)^-1 (3, 3): Log(Exp(v) Exp(d)) = v + Jr^-1 d; that of -v belongs to a turn of the start. (Solà 2018, eq. 144)"""
    a2 = (v * v).sum()
    a = np.sqrt(a2)
    c = 1 / 12 + a2 / 720 if a < 1e-3 else 1 / a2 - (1 + np.cos(a)) / (2 * a * np.sin(a))
    k = np.zeros((3, 3))
    k[0, 1], k[0, 2], k[1, 2] = -v[2], v[1], -v[0]
    k[1, 0], k[2, 0], k[2, 1] = v[2], -v[1], v[0]
    return np.eye(3) + 0.5 * k + c * (k @ k)
