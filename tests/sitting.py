"""A person of known mass who sits on a seat and stands up, as keypoints."""

import numpy as np
from synthetic_motion import NAMES, clip_of, proportions

from motionrecon.body import assemble
from motionrecon.kinematics import soles
from motionrecon.kinematics.problem import FrameProblem

MASS, RATE = 70.0, 60.0


def rising(sits: float = 1.0, rises: float = 1.4, stands: float = 0.8):
    """(body, qpos (T, nq), clip): so many seconds each; thighs level at first, the trunk ahead
    while the person rises.
    """
    body = assemble(proportions(), MASS, NAMES)
    time = np.arange(round((sits + rises + stands) * RATE)) / RATE
    s = np.clip((time - sits) / rises, 0, 1)
    s = s**3 * (10 - 15 * s + 6 * s**2)  # least jerk (Flash & Hogan 1985)
    thigh = np.radians(88) * (1 - s)
    shank = np.radians(12) * (1 - s) + np.radians(10) * np.sin(np.pi * s)
    lean = np.radians(8) * (1 - s) + np.radians(38) * np.sin(np.pi * s)
    problem = FrameProblem(body)
    qpos = np.repeat(problem.neutral_qpos()[None], len(time), axis=0)
    qpos[:, 7:] = 0.0
    qpos[:, 3], qpos[:, 5] = np.cos(lean / 2), np.sin(lean / 2)
    index = {body.model.joint(i).name: i + 6 for i in range(1, body.model.njnt)}
    for side in ("l_", "r_"):
        qpos[:, index[side + "hip_flexion"]] = thigh + lean
        qpos[:, index[side + "knee"]] = thigh + shank
        qpos[:, index[side + "ankle"]] = shank
    points = problem.soles_of(qpos, soles.of(body).spheres)
    qpos[:, :2] -= points[..., :2].mean(axis=1)
    qpos[:, 2] -= points[..., 2].min(axis=1)
    return body, qpos, clip_of(body, qpos, RATE)
