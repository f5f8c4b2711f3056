"""Roll MuJoCo's C engine out over a sequence of controls and record what the derivatives need."""

from dataclasses import dataclass

import mujoco
import numpy as np

from motionrecon.physics.constants import Constants, read_constants

mujoco.set_mju_user_warning(
    lambda message: None
)  # divergence is reported by Rollout.diverged, not by a log file

_DIVERGED = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)


@dataclass(frozen=True)
class Rollout:
    """States 0..T of a rollout and records of its T steps; SI units, world frame, MuJoCo's
    conventions.

    qpos (T+1, nq), qvel (T+1, nv), qacc (T, nv), cdof (T+1, nv, 6) and com (T+1, 3) (motion axes
    about the whole body's centre of mass), cinert (T, nb, 10), centres (T, nc, 3) of the contact
    spheres, xpos (T+1, nb, 3), xmat (T+1, nb, 3, 3), torque (T, nu) actuator torques N m, saturated
    (T, nv) bool, constraint_force T arrays of forces of the active constraints (`floor_forces` reads
    them). diverged: MuJoCo gave up on a step; the records after it mean nothing.
    """

    qpos: np.ndarray
    qvel: np.ndarray
    qacc: np.ndarray
    cdof: np.ndarray
    com: np.ndarray
    cinert: np.ndarray
    centres: np.ndarray
    xpos: np.ndarray
    xmat: np.ndarray
    torque: np.ndarray
    saturated: np.ndarray
    constraint_force: list[np.ndarray]
    diverged: bool


class Simulator:
    """One MuJoCo model, its working memory and its derivative constants.

    Raises BodyError where the model is outside what the derivatives cover. Not safe for use by
    several threads.
    """

    def __init__(self, model: mujoco.MjModel):
        self.model = model
        self.data = mujoco.MjData(model)
        self.constants: Constants = read_constants(model)
        limited = model.actuator_forcelimited.astype(bool)
        self._low = np.where(limited, model.actuator_forcerange[:, 0], -np.inf)
        self._high = np.where(limited, model.actuator_forcerange[:, 1], np.inf)

    def rollout(self, qpos: np.ndarray, qvel: np.ndarray, ctrl: np.ndarray) -> Rollout:
        """Simulate from qpos (nq,), qvel (nv,) under ctrl (T, nu), the servos' targets in rad."""
        m, d, c = self.model, self.data, self.constants
        T = len(ctrl)
        mujoco.mj_resetData(m, d)
        d.qpos[:], d.qvel[:] = qpos, qvel
        Q, V, A = np.empty((T + 1, m.nq)), np.empty((T + 1, m.nv)), np.empty((T, m.nv))
        cdof, com, cinert = (
            np.empty((T + 1, m.nv, 6)),
            np.empty((T + 1, 3)),
            np.empty((T, m.nbody, 10)),
        )
        geoms = np.empty((T, m.ngeom, 3))
        xpos, xmat, torque = (
            np.empty((T + 1, m.nbody, 3)),
            np.empty((T + 1, m.nbody, 9)),
            np.empty((T, m.nu)),
        )
        step, d_ctrl, d_qpos, d_qvel, d_qacc, d_cdof = (
            mujoco.mj_step,
            d.ctrl,
            d.qpos,
            d.qvel,
            d.qacc,
            d.cdof,
        )
        d_com, d_cinert, d_geom, d_xpos, d_xmat, d_force = (
            d.subtree_com[1],
            d.cinert,
            d.geom_xpos,
            d.xpos,
            d.xmat,
            d.actuator_force,
        )
        constraint_force = []
        Q[0], V[0] = qpos, qvel
        # After mj_step positions and accelerations describe the state before the step; qpos and
        # qvel are new.
        for t in range(T):
            d_ctrl[:] = ctrl[t]
            step(m, d)
            A[t], cdof[t], com[t], cinert[t], geoms[t] = d_qacc, d_cdof, d_com, d_cinert, d_geom
            xpos[t], xmat[t], torque[t], Q[t + 1], V[t + 1] = (
                d_xpos,
                d_xmat,
                d_force,
                d_qpos,
                d_qvel,
            )
            constraint_force.append(d.efc_force.copy())
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        cdof[T], com[T], xpos[T], xmat[T] = d_cdof, d_com, d_xpos, d_xmat
        saturated = np.zeros((T, m.nv), bool)
        saturated[:, c.actuator_dof] = (torque <= self._low) | (torque >= self._high)
        bad = any(d.warning[w].number for w in _DIVERGED) or not np.isfinite(V[T]).all()
        return Rollout(
            Q,
            V,
            A,
            cdof,
            com,
            cinert,
            geoms[:, c.sphere_geom],
            xpos,
            xmat.reshape(T + 1, -1, 3, 3),
            torque,
            saturated,
            constraint_force,
            bool(bad),
        )
