"""Random states of every kind that the derivatives must get right, and centred finite differences
to judge them by.

A finite difference is itself wrong where its step crosses a kink: where a contact, a pyramid edge,
a joint limit or a torque limit switches on or off between the two points. ``signature`` tells which
of them are on, so such entries are found and left out, never states that merely disagree. MuJoCo's
solver also stops, rarely, at a tolerance of 1e-10 on rows that are not yet the right ones, and the
next point along then differs by 1e-6: the differences are taken of a copy of the model with a
tolerance of 1e-14. Where feet are pressed into the floor a rollout curves so strongly with the
root's height that its centred difference needs a step of 1e-7; that of one time step is best at
3e-7.
"""

import copy
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from motionrecon.engine import mujoco
from motionrecon.physics.rollout import Simulator

KINDS = (
    "flight",
    "sliding",
    "sticking",
    "joint limits",
    "torque limits",
    "whole body on the floor",
)


def draw(
    simulator: Simulator, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(qpos (nq,), qvel (nv,), ctrl (nu,)) of one of KINDS, or of "landing": 1 cm above the floor
    at 1 m/s downwards.
    """
    m, c = simulator.model, simulator.constants
    low, high = m.jnt_range[1:].T
    standing, lying = kind in ("sliding", "sticking", "landing"), kind == "whole body on the floor"
    q = m.qpos0.copy()
    q[7:] = np.clip(
        rng.uniform(-0.3, 0.3, m.nq - 7) * (0.1 if standing else 1.0), low + 0.01, high - 0.01
    )
    if kind == "joint limits":
        beyond = np.where(rng.random(m.nq - 7) < 0.5, low - 0.03, high + 0.03)
        q[7:] = np.where(rng.random(m.nq - 7) < 0.4, beyond, q[7:])
    turn = np.array([1.0, 0, 1.0, 0]) if lying else np.array([1.0, 0, 0, 0])
    turn += rng.normal(size=4) * (
        0.03 if lying else [0, 0.01, 0.01, 0.6] if standing else [0, 0.1, 0.1, 0.6]
    )
    q[3:7] = turn / np.linalg.norm(turn)
    v = rng.normal(size=m.nv) * (0.1 if standing else 1.0)
    u = q[7:] + rng.normal(size=m.nu) * (4.0 if kind == "torque limits" else 0.1)
    d = mujoco.MjData(m)
    d.qpos[:] = q
    mujoco.mj_kinematics(m, d)
    lowest = (d.geom_xpos[c.sphere_geom, 2] - c.sphere_radius).min()
    q[2] += {"flight": 1.0, "landing": 0.01 - lowest}.get(kind, -0.0035 - lowest)
    if kind == "landing":
        v[:3] = 0.5, 0.2, -1.0
    if kind == "sticking" or lying:  # until it lies, or both feet bear it
        r = simulator.rollout(q, 0.1 * v, np.tile(u, (100 if lying else 12, 1)))
        q, v = r.qpos[-1], r.qvel[-1] + 0.01 * rng.normal(size=m.nv)
    if kind == "sliding":
        v[:3] = 1.5, 0.7, -0.2
    return q, v, u


def signature(m: mujoco.MjModel, d: mujoco.MjData) -> bytes:
    """What is switched on in d after mj_forward or mj_step: contacts, constraint rows and saturated
    actuators.
    """
    edge = (d.actuator_force <= m.actuator_forcerange[:, 0]).astype(int) - (
        d.actuator_force >= m.actuator_forcerange[:, 1]
    )
    return b"|".join(
        np.ascontiguousarray(a).tobytes() for a in (d.contact.geom, d.efc_id, d.efc_state, edge)
    )


def _judge(m: mujoco.MjModel) -> mujoco.MjModel:
    m = copy.copy(m)
    m.opt.tolerance = 1e-14
    return m


def _set(
    m: mujoco.MjModel, d: mujoco.MjData, q: np.ndarray, v: np.ndarray, u: np.ndarray | float
) -> None:
    mujoco.mj_resetData(m, d)
    d.qpos[:], d.qvel[:], d.ctrl[:] = q, v, u


def transition_differences(
    m: mujoco.MjModel,
    q: Float[np.ndarray, " nq"],
    v: Float[np.ndarray, " nv"],
    u: Float[np.ndarray, " nu"],
    eps: float = 3e-7,
) -> tuple[
    Float[np.ndarray, "2*nv 2*nv"], Float[np.ndarray, "2*nv nu"], Bool[np.ndarray, " 2*nv+nu"]
]:
    """MuJoCo's centred A and B at a state, and which of their 2 nv + nu
    columns cross no kink.
    """
    m = _judge(m)
    d, nv = mujoco.MjData(m), m.nv
    _set(m, d, q, v, u)
    mujoco.mj_forward(m, d)
    here, good = signature(m, d), np.ones(2 * nv + m.nu, bool)
    A, B = np.zeros((2 * nv, 2 * nv)), np.zeros((2 * nv, m.nu))
    mujoco.mjd_transitionFD(m, d, eps, 1, A, B, None, None)
    for j in range(2 * nv + m.nu):
        for step in (eps, -eps):
            x = np.zeros(2 * nv + m.nu)
            x[j] = step
            moved = q.copy()
            mujoco.mj_integratePos(m, moved, x[:nv], 1.0)
            _set(m, d, moved, v + x[nv : 2 * nv], u + x[2 * nv :])
            mujoco.mj_forward(m, d)
            good[j] &= signature(m, d) == here
    return A, B, good


def signatures(
    m: mujoco.MjModel,
    d: mujoco.MjData,
    q: Float[np.ndarray, " nq"],
    v: Float[np.ndarray, " nv"],
    ctrl: Float[np.ndarray, "T nu"],
) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"], list[bytes]]:
    """Last state (qpos, qvel) of a rollout, and the signature of each of its steps."""
    _set(m, d, q, v, 0.0)
    out = []
    for u in ctrl:
        d.ctrl[:] = u
        mujoco.mj_step(m, d)
        out.append(signature(m, d))
    return d.qpos.copy(), d.qvel.copy(), out


def rollout_differences(
    m: mujoco.MjModel,
    q: Float[np.ndarray, " nq"],
    v: Float[np.ndarray, " nv"],
    ctrl: Float[np.ndarray, "T nu"],
    loss: Callable[[np.ndarray, np.ndarray], float],
    eps: float = 1e-7,
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Centred differences of loss(qpos, qvel) of a rollout's last state, and which cross no kink.

    Both have 2 nv + T nu entries: with respect to the first configuration (tangent), velocity, and
    ctrl (T, nu).
    """
    m = _judge(m)
    d, nv = mujoco.MjData(m), m.nv
    here = signatures(m, d, q, v, ctrl)[2]
    n = 2 * nv + ctrl.size
    slope, good = np.zeros(n), np.ones(n, bool)
    for j in range(n):
        for sign in (1, -1):
            x = np.zeros(n)
            x[j] = sign * eps
            moved = q.copy()
            mujoco.mj_integratePos(m, moved, x[:nv], 1.0)
            Q, V, there = signatures(
                m, d, moved, v + x[nv : 2 * nv], ctrl + x[2 * nv :].reshape(ctrl.shape)
            )
            slope[j] += sign * loss(Q, V) / (2 * eps)
            good[j] &= there == here
    return slope, good


def contact_rows(
    m: mujoco.MjModel,
    q: Float[np.ndarray, " nq"],
    v: Float[np.ndarray, " nv"],
    u: Float[np.ndarray, " nu"],
) -> Int[np.ndarray, " contacts"]:
    """Active edges, 0 to 4, of each touching sphere's friction pyramid: 4 where it sticks."""
    d = mujoco.MjData(m)
    _set(m, d, q, v, u)
    mujoco.mj_forward(m, d)
    of_contact = d.efc_type == mujoco.mjtConstraint.mjCNSTR_CONTACT_PYRAMIDAL
    return (
        (d.efc_state[of_contact] == mujoco.mjtConstraintState.mjCNSTRSTATE_QUADRATIC)
        .reshape(-1, 4)
        .sum(1)
    )


def relative_error(a: np.ndarray, reference: np.ndarray) -> float:
    """Frobenius norm of a - reference over that of the reference."""
    return float(np.linalg.norm(a - reference) / max(float(np.linalg.norm(reference)), 1e-300))
