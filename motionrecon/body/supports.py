"""The scene in a model: supports to boxes fixed in the world, and back."""

import math

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.scene import Scene, Support

PREFIX = "support_"  # before a support's name: the name of its box


def scene_of(model: mujoco.MjModel) -> Scene:
    """The scene that a model was built with, in metres and degrees; empty where there is none."""
    found = []
    for g in range(model.ngeom):
        name = model.geom(g).name
        if not (name.startswith(PREFIX) and model.geom_type[g] == mujoco.mjtGeom.mjGEOM_BOX):
            continue
        axes, half = np.empty(9), model.geom_size[g]
        mujoco.mju_quat2Mat(axes, model.geom_quat[g])
        x, y, normal = axes.reshape(3, 3).T
        top = model.geom_pos[g] + half[2] * normal
        found.append(
            Support(
                name=name.removeprefix(PREFIX),
                top=(float(top[0]), float(top[1]), float(top[2])),
                size=(2 * float(half[0]), 2 * float(half[1])),
                yaw_deg=math.degrees(math.atan2(-y[0], y[1])),
                slope_deg=math.degrees(math.asin(min(1.0, max(-1.0, x[2])))),
                thickness=2 * float(half[2]),
            )
        )
    return Scene(tuple(found))
