"""Momentum of the whole body, whose rate of change is what gravity and the floor give."""

import numpy as np
from jaxtyping import Float, Int

from motionrecon.engine import mujoco
from motionrecon.physics import kernels
from motionrecon.physics.constants import Constants
from motionrecon.physics.derivatives import records
from motionrecon.physics.rollout import Rollout, Simulator


def momenta(c: Constants, rollout: Rollout, at: Int[np.ndarray, "n"]) -> kernels.Momentum:
    """Momentum about the centre of mass at the states `at` of a rollout: angular (kg m^2/s), then
    linear (kg m/s), world frame; its derivatives by the configuration's tangent and by qvel.
    """
    n, nv = len(at), rollout.qvel.shape[1]
    out = kernels.Momentum(np.empty((n, 6)), np.empty((n, nv, 6)), np.empty((n, nv, 6)))
    kernels.momenta(c, records(rollout), at, out)
    return out


def momentum_of(
    simulator: Simulator, qpos: Float[np.ndarray, "n nq"], qvel: Float[np.ndarray, "n nv"]
) -> Float[np.ndarray, "n 6"]:
    """The same momentum of given states."""
    m, d = simulator.model, simulator.data
    out = np.empty((len(qpos), 6))
    for t in range(len(qpos)):
        d.qpos[:], d.qvel[:] = qpos[t], qvel[t]
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        mujoco.mj_comVel(m, d)
        mujoco.mj_subtreeVel(m, d)
        out[t, :3], out[t, 3:] = d.subtree_angmom[1], m.body_subtreemass[1] * d.subtree_linvel[1]
    return out
