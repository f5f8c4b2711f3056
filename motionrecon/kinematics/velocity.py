"""Velocities of a configuration trajectory in MuJoCo's tangent convention."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline


def qvel_from(qpos: Float[np.ndarray, "T nq"], dt: float) -> Float[np.ndarray, "T nv"]:
    """qvel of qpos at dt s: derivatives of the cubic splines through them.

    Root: linear velocity in the world frame (m/s), angular in the body's (rad/s), as
    mj_differentiatePos; hinges rad/s. Differences of neighbouring frames would lose a tenth of a
    walk's 4 Hz at 30 frames a second, and that much of the floor's force with it.
    """
    out = np.zeros((len(qpos), qpos.shape[1] - 1))
    if len(qpos) < 2:
        return out
    time = dt * np.arange(len(qpos))
    out[:, :3] = CubicSpline(time, qpos[:, :3])(time, 1)
    out[:, 6:] = CubicSpline(time, qpos[:, 7:])(time, 1)
    turns = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    out[:, 3:6] = RotationSpline(time, turns)(time, 1)
    return out
