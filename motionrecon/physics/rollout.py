"""Roll MuJoCo's C engine out over a sequence of controls and record what the derivatives need."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.engine import mujoco
from motionrecon.errors import ShapeError
from motionrecon.physics.constants import Constants, read_constants
from motionrecon.physics.kernels import Touches
from motionrecon.physics.touches import Recorder

# A bad control is NaN or beyond 1e10: MuJoCo then goes on without any control, in finite states.
_DIVERGED = (
    mujoco.mjtWarning.mjWARN_BADCTRL,
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)


@dataclass(frozen=True)
class Rollout:
    """States 0..T of a rollout and records of its T steps; SI units, world frame, MuJoCo's
    conventions.
    """

    qpos: Float[np.ndarray, "T+1 nq"]
    qvel: Float[np.ndarray, "T+1 nv"]
    qacc: Float[np.ndarray, "T nv"]
    cdof: Float[np.ndarray, "T+1 nv 6"]
    """Motion axes [rotation, translation] about com."""
    com: Float[np.ndarray, "T+1 3"]
    """Centre of mass of the whole body, m."""
    cinert: Float[np.ndarray, "T+1 nb 10"]
    """Inertias of the bodies about com (Ixx, Iyy, Izz, Ixy, Ixz, Iyz, m c, m)."""
    centres: Float[np.ndarray, "T nc 3"]
    """Centres of the contact spheres, m."""
    xpos: Float[np.ndarray, "T+1 nb 3"]
    xmat: Float[np.ndarray, "T+1 nb 3 3"]
    torque: Float[np.ndarray, "T nu"]
    """Of the actuators, N m."""
    saturated: Bool[np.ndarray, "T nv"]
    """The dof's actuator is at its force range."""
    constraint_force: list[Float[np.ndarray, " rows"]]
    """MuJoCo's efc_force of every step, as many numbers as it has constraint rows: the contacts'
    in order (see floor_forces for reading them).
    """
    touches: Touches
    """Contacts with the floor and a scene's boxes; empty without a scene."""
    diverged: bool
    """MuJoCo gave up on a step, or left out a control that is no number; the records after it mean
    nothing.
    """

    def part(self, first: int, last: int) -> "Rollout":
        """Steps first..last - 1 and their states, as views."""
        steps, states = slice(first, last), slice(first, last + 1)
        by_state = ("qpos", "qvel", "cdof", "com", "cinert", "xpos", "xmat")
        by_step = ("qacc", "centres", "torque", "saturated", "constraint_force")
        taken = {name: getattr(self, name)[states] for name in by_state}
        return replace(self, **taken, **{name: getattr(self, name)[steps] for name in by_step})


class Simulator:
    """One MuJoCo model, its working memory and its derivative constants.

    Raises BodyError where the model is outside what the derivatives cover. Not safe for use by
    several threads.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self.constants: Constants = read_constants(model)
        self._recorder = Recorder(model, self.constants)
        self.supports = self._recorder.boxes  # of the scene, besides the floor
        limited = model.actuator_forcelimited.astype(bool)
        self._low = np.where(limited, model.actuator_forcerange[:, 0], -np.inf)
        self._high = np.where(limited, model.actuator_forcerange[:, 1], np.inf)

    def begin(self, qpos: Float[np.ndarray, " nq"], qvel: Float[np.ndarray, " nv"]) -> None:
        """A state from which `advance` goes on, without records."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel

    def advance(
        self, ctrl: Float[np.ndarray, "T nu"]
    ) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"]]:
        """The state after T steps from the last one: views, which the next call changes."""
        m, d, step = self.model, self.data, mujoco.mj_step
        for targets in ctrl:
            d.ctrl[:] = targets
            step(m, d)
        return d.qpos, d.qvel

    def rollout(
        self,
        qpos: Float[np.ndarray, " nq"],
        qvel: Float[np.ndarray, " nv"],
        ctrl: Float[np.ndarray, "T nu"],
    ) -> Rollout:
        """Simulate from qpos (nq,), qvel (nv,) under ctrl (T, nu), the servos' targets in rad.
        Raises ShapeError for arrays of another shape; values that are no numbers make a rollout
        that has diverged.
        """
        m, d, c = self.model, self.data, self.constants
        check_shape("qpos", qpos, (m.nq,))
        check_shape("qvel", qvel, (m.nv,))
        check_shape("ctrl", ctrl, (len(ctrl) if np.ndim(ctrl) else 0, m.nu))
        T = len(ctrl)
        mujoco.mj_resetData(m, d)
        d.qpos[:], d.qvel[:] = qpos, qvel
        Q, V, A = np.empty((T + 1, m.nq)), np.empty((T + 1, m.nv)), np.empty((T, m.nv))
        cdof, com, cinert = (
            np.empty((T + 1, m.nv, 6)),
            np.empty((T + 1, 3)),
            np.empty((T + 1, m.nbody, 10)),
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
        self._recorder.clear()
        note = self._recorder.note if self.supports else None
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
            if note is not None:
                note(d)
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        cdof[T], com[T], cinert[T] = d_cdof, d_com, d_cinert
        xpos[T], xmat[T] = d_xpos, d_xmat
        saturated = np.zeros((T, m.nv), bool)
        saturated[:, c.actuator_dof] = (torque <= self._low) | (torque >= self._high)
        bad = any(d.warning[w].number for w in _DIVERGED) or not np.isfinite(V[T]).all()
        centres = geoms[:, c.sphere_geom]
        return Rollout(
            qpos=Q,
            qvel=V,
            qacc=A,
            cdof=cdof,
            com=com,
            cinert=cinert,
            centres=centres,
            xpos=xpos,
            xmat=xmat.reshape(T + 1, -1, 3, 3),
            torque=torque,
            saturated=saturated,
            constraint_force=constraint_force,
            touches=self._recorder.touches(centres),
            diverged=bool(bad),
        )


def check_shape(name: str, values: np.ndarray, expected: tuple[int, ...]) -> None:
    """Raises ShapeError for an array that would be stretched, or read beyond its end."""
    if np.shape(values) != expected:
        raise ShapeError(f"{name} has shape {np.shape(values)}; expected {expected}")
