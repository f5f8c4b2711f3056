"""Exact derivatives of a rollout: step Jacobians A_t, B_t, and gradients by the adjoint recursion.

docs/theory/derivatives.md derives them.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float

from motionrecon.physics import kernels
from motionrecon.physics.constants import Constants
from motionrecon.physics.rollout import Rollout, check_shape


def records(r: Rollout) -> kernels.Records:
    """What the compiled kernels read of a rollout."""
    return kernels.Records(
        r.cdof, r.cinert, r.com, r.centres, r.qpos, r.qvel, r.qacc, r.saturated, r.touches
    )


def gradient(
    c: Constants, rollout: Rollout, dq: Float[np.ndarray, "T+1 nv"], dv: Float[np.ndarray, "T+1 nv"]
) -> tuple[Float[np.ndarray, "T nu"], Float[np.ndarray, " nv"], Float[np.ndarray, " nv"]]:
    """Pull a loss's gradient with respect to the states back to the controls and the first state.

    dq, dv (T+1, nv): dL/d(configuration), in MuJoCo's tangent space, and dL/dqvel of states 0..T.
    Returns dL/dctrl (T, nu), dL/dqpos_0 (nv,) tangent, dL/dqvel_0 (nv,). Raises ShapeError.
    """
    for name, values in (("dq", dq), ("dv", dv)):
        check_shape(name, values, rollout.qvel.shape)
    du = np.zeros((len(rollout.qacc), len(c.actuator_dof)))
    pq, pv = kernels.adjoint(
        c, records(rollout), np.ascontiguousarray(dq), np.ascontiguousarray(dv), du
    )
    return du, pq, pv


def velocity_jacobians(
    c: Constants, rollout: Rollout, pool: ThreadPoolExecutor | None = None
) -> tuple[
    Float[np.ndarray, "T 2*nv+nu nv"], Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3 3"]
]:
    """Transposed velocity rows of all step Jacobians: D (T, 2 nv + nu, nv), Eq and Ev (T, 3, 3).

    D[t] = [dv'/dq, dv'/dv, dv'/du]'; positions follow as dq' = E_q dq + h E_v dv' on the root's
    rotation and dq' = dq + h dv' elsewhere. With a pool its worker takes half of the time steps.
    """
    T, nv, nu = len(rollout.qacc), rollout.qvel.shape[1], len(c.actuator_dof)
    D, Eq, Ev = np.empty((T, 2 * nv + nu, nv)), np.empty((T, 3, 3)), np.empty((T, 3, 3))
    recorded = records(rollout)
    if pool is None:
        kernels.transitions(c, recorded, 0, T, D, Eq, Ev)
    else:
        half = T // 2
        other = pool.submit(kernels.transitions, c, recorded, 0, half, D, Eq, Ev)
        kernels.transitions(c, recorded, half, T, D, Eq, Ev)
        other.result()
    return D, Eq, Ev


def transition_matrices(
    c: Constants, rollout: Rollout
) -> tuple[Float[np.ndarray, "T 2*nv 2*nv"], Float[np.ndarray, "T 2*nv nu"]]:
    """A (T, 2 nv, 2 nv) and B (T, 2 nv, nu) of every step, in the convention of MuJoCo's
    mjd_transitionFD.
    """
    D, Eq, Ev = velocity_jacobians(c, rollout)
    nv = D.shape[2]
    dv = D.transpose(0, 2, 1)
    dq = c.h * dv
    dq[:, 3:6] = Ev @ dq[:, 3:6]
    dq[:, :, :nv] += np.eye(nv)
    dq[:, 3:6, 3:6] += Eq - np.eye(3)
    both = np.concatenate([dq, dv], 1)
    return both[..., : 2 * nv], both[..., 2 * nv :]
