"""Joint torques of a motion that somebody walks through: inverse dynamics, with what the floor must
give shared among the spheres that are near it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls

from motionrecon.engine import mujoco
from motionrecon.physics.rollout import Simulator

# Higher spheres give nothing; each costs exp(height / _NEAR_M) a body weight of force, so that of
# two the lower one carries more.
_HIGHEST_M, _NEAR_M = 0.03, 0.01
_COST = 0.05  # of a force of a body weight against a root wrench of the same size that is missed
_TURNS = 2.0  # weight of moments (body weights times metres) against forces


def balance(
    simulator: Simulator,
    qpos: Float[np.ndarray, "F nq"],
    qvel: Float[np.ndarray, "F nv"],
    qacc: Float[np.ndarray, "F nv"],
) -> tuple[Float[np.ndarray, "F nv"], Float[np.ndarray, "F nv"]]:
    """(forces of inverse dynamics without a floor, the same less what the floor gives), N and N m.

    The floor's forces are in the spheres' friction pyramids, by non-negative least squares on the
    root's six rows (Lawson & Hanson 1974); what they cannot give stays in those rows.
    """
    m, c = simulator.model, simulator.constants
    d = mujoco.MjData(m)
    weight = -float(m.body_subtreemass[1] * m.opt.gravity[2])
    scale = np.array([1.0, 1.0, 1.0, _TURNS, _TURNS, _TURNS]) / weight
    whole, left = np.zeros((len(qpos), m.nv)), np.zeros((len(qpos), m.nv))
    J = np.zeros((3, m.nv))
    for f, (q, v, a) in enumerate(zip(qpos, qvel, qacc, strict=True)):
        d.qpos[:], d.qvel[:], d.qacc[:] = q, v, a
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        mujoco.mj_comVel(m, d)
        mujoco.mj_rne(m, d, 1, whole[f])
        whole[f] += m.dof_armature * a
        heights = d.geom_xpos[c.sphere_geom][:, 2] - c.sphere_radius
        columns, costs = [], []
        for i in np.flatnonzero(heights < _HIGHEST_M):
            point = d.geom_xpos[c.sphere_geom[i]] - [0.0, 0.0, c.sphere_radius[i]]
            mujoco.mj_jac(m, d, J, None, point, c.sphere_body[i])
            columns.append(c.contact_rows @ J)
            costs += [_COST * np.exp(max(heights[i], 0.0) / _NEAR_M)] * len(c.contact_rows)
        left[f] = whole[f]
        if columns:
            rows = np.concatenate(columns)
            A = np.concatenate([scale[:, None] * rows[:, :6].T, np.diag(costs) / weight])
            given, _ = nnls(A, np.concatenate([scale * whole[f, :6], np.zeros(len(costs))]))
            left[f] -= given @ rows
    return whole, left
