"""Velocities of a configuration trajectory in MuJoCo's tangent convention."""

import numpy as np
from jaxtyping import Float

from motionrecon.kinematics.rotation import turned_by


def qvel_from(qpos: Float[np.ndarray, "T nq"], dt: float) -> Float[np.ndarray, "T nv"]:
    """qvel (T, nv) of qpos (T, nq) at dt s by central differences, one-sided at the ends.

    Root: linear velocity in the world frame (m/s), angular in the body's (rad/s), as
    mj_differentiatePos; hinges rad/s.
    """
    frames = len(qpos)
    out = np.zeros((frames, qpos.shape[1] - 1))
    if frames < 2:
        return out
    index = np.arange(frames)
    low, high = np.maximum(index - 1, 0), np.minimum(index + 1, frames - 1)
    span = ((high - low) * dt)[:, None]
    out[:, :3] = (qpos[high, :3] - qpos[low, :3]) / span
    out[:, 6:] = (qpos[high, 7:] - qpos[low, 7:]) / span
    for t in range(frames):
        turn = turned_by(qpos[low[t], 3:7], qpos[high[t], 3:7]) / span[t]
        # from the frame of the earlier pose into that of the middle one
        half = turned_by(qpos[t, 3:7], qpos[low[t], 3:7])
        out[t, 3:6] = _rotate(half, turn)
    return out


def _rotate(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Exp(v) x, Rodrigues."""
    angle = np.linalg.norm(v)
    if angle < 1e-12:
        return x
    k = v / angle
    return x * np.cos(angle) + np.cross(k, x) * np.sin(angle) + k * (k @ x) * (1 - np.cos(angle))
