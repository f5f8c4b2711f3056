"""What the law reads of a whole reference, once a clip: a token a control frame, and the regulator.

Everything is seen from above the person, along the pelvis' heading: where somebody walks to does
not matter to the muscles.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.objective.regulator import Regulator, regulator
from motionrecon.objective.window import Window
from motionrecon.physics.balance import balance
from motionrecon.physics.rollout import Simulator

# Factor on effort and smoothness in the regulator; measured: docs/benchmarks/start.md.
CAUTION = 1000.0
_LOW_M, _HIGH_M = -0.1, 0.3  # heights of the soles' spheres that are told apart


class Followed(Protocol):
    """A reference at the control rate, as `motionrecon.windows.Reference` is one."""

    @property
    def qpos(self) -> Float[np.ndarray, "F+1 nq"]:
        """Of the frames, SI units, world frame."""

    @property
    def qvel(self) -> Float[np.ndarray, "F+1 nv"]:
        """Of the frames."""

    @property
    def substeps(self) -> int:
        """Simulation steps between frames."""

    @property
    def noise_m(self) -> float:
        """Of the clip, m a coordinate."""

    @property
    def simulator(self) -> Simulator:
        """Of the body."""

    @property
    def options(self) -> Any:
        """With the weights `effort` and `smoothness`, 1/rad^2."""

    def one_frame(self, frame: int, knot: np.ndarray) -> Window:
        """The window of one frame begun at the reference's state at `frame`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Of F frames after the reference's frame `first`. heading: rotations from the world's axes to
    the pelvis' heading, of each frame.
    """

    first: int
    qpos: Float[np.ndarray, "F+1 nq"]
    qvel: Float[np.ndarray, "F+1 nv"]
    heading: Float[np.ndarray, "F+1 3 3"]
    tokens: Float[np.ndarray, "F+1 D"]  # float32, in units of about one
    knots: Float[np.ndarray, "F+1 nu"]  # rad, of inverse dynamics with the floor's share
    regulator: Regulator | None  # None where it is not asked for
    limit: Float[np.ndarray, " nu"]  # rad, offset beyond which a servo only saturates more


def plan(
    reference: Followed, first: int = 0, frames: int | None = None, regulated: bool = True
) -> Plan:
    """The reading of a reference, or of so many of its frames after `first`; regulated: with the
    regulator, which costs a Jacobian of all frames.
    """
    o, m = reference.options, reference.simulator.model
    last = len(reference.qpos) - 1 if frames is None else first + frames
    qpos, qvel = reference.qpos[first : last + 1], reference.qvel[first : last + 1]
    stiffness = m.actuator_gainprm[:, 0]
    limit = m.actuator_forcerange[:, 1] / stiffness
    rate = 1 / (reference.substeps * m.opt.timestep)
    acceleration = rate * np.gradient(qvel, axis=0)
    forces = balance(reference.simulator, qpos, qvel, acceleration)
    knots = np.clip(forces[1][:, 6:] / stiffness, -limit, limit)
    knots[1:-1] = (knots[:-2] + 2 * knots[1:-1] + knots[2:]) / 4
    window_at = lambda f, knot: reference.one_frame(first + f, knot)  # noqa: E731
    weights = o.effort, o.smoothness
    found = regulator(window_at, knots, weights, CAUTION, np.float32) if regulated else None
    heading = np.array([_heading(q[3:7]) for q in qpos])
    return Plan(
        first,
        qpos,
        qvel,
        heading,
        _tokens(reference, qpos, qvel, heading, acceleration, forces, knots),
        knots,
        found,
        1.2 * limit,
    )


def _heading(quat: Float[np.ndarray, " 4"]) -> Float[np.ndarray, "3 3"]:
    R = _rotation(quat)
    yaw = np.arctan2(R[1, 0], R[0, 0])
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _rotation(quat: Float[np.ndarray, " 4"]) -> Float[np.ndarray, "3 3"]:
    R = np.zeros(9)
    mujoco.mju_quat2Mat(R, quat)
    return R.reshape(3, 3)


def _tokens(
    reference: Followed,
    qpos: Float[np.ndarray, "F+1 nq"],
    qvel: Float[np.ndarray, "F+1 nv"],
    heading: Float[np.ndarray, "F+1 3 3"],
    accelerations: Float[np.ndarray, "F+1 nv"],
    forces: tuple[Float[np.ndarray, "F+1 nv"], Float[np.ndarray, "F+1 nv"]],
    knots: Float[np.ndarray, "F+1 nu"],
) -> Float[np.ndarray, "F+1 D"]:
    """Angles, speeds, accelerations, torques of inverse dynamics, the knots that balance them; at
    the root gravity, motion, the wrench that the floor must give and what it cannot; the soles'
    spheres; mass and noise. Factors bring each to about one.
    """
    sim = reference.simulator
    m, c = sim.model, sim.constants
    d = mujoco.MjData(m)
    mass = float(m.body_subtreemass[1])
    weight = -mass * float(m.opt.gravity[2])
    stiffness, rows = m.actuator_gainprm[:, 0], []
    each = (qpos, qvel, accelerations, heading, *forces, knots)
    for q, v, a, H, force, left, offset in zip(*each, strict=True):
        d.qpos[:] = q
        mujoco.mj_kinematics(m, d)
        centres = d.geom_xpos[c.sphere_geom]
        heights = centres[:, 2] - c.sphere_radius
        flat = (centres - q[:3]) @ H.T
        rows.append(
            np.concatenate(
                [
                    q[7:],
                    0.1 * v[6:],
                    0.01 * a[6:],
                    2 * np.clip(force[6:] / stiffness, -1, 1),
                    3 * offset,
                    -_rotation(q[3:7])[2],  # down, in the pelvis' axes
                    [q[2]],
                    H @ v[:3],
                    0.2 * v[3:6],
                    0.1 * (H @ a[:3]),
                    0.02 * a[3:6],
                    H @ force[:3] / weight,
                    force[3:6] / weight,
                    H @ left[:3] / weight,
                    left[3:6] / weight,
                    5 * np.clip(heights, _LOW_M, _HIGH_M),
                    flat[:, :2].ravel(),
                    [np.log(mass / 70.0), 50 * reference.noise_m],
                ]
            )
        )
    return np.clip(np.array(rows), -6, 6).astype(np.float32)
