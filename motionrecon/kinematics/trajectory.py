"""Inverse kinematics of a whole trajectory: Gauss-Newton on a block-banded system, linear in the
number of frames.
"""

import numpy as np
from scipy.linalg.lapack import dpbsv

from motionrecon.compiled import njit
from motionrecon.kinematics.forward import retract
from motionrecon.kinematics.frame import Constants, frame_terms
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.rotation import right_jacobian_inverse, turned_by


@njit
def assemble(
    qpos: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    scale2: np.ndarray,
    c: Constants,
    floor: np.ndarray,
    stiff: np.ndarray,
    tail: float,
    band: np.ndarray,
    grad: np.ndarray,
) -> float:
    """Cost of the trajectory; fills band (T nv, 2 nv + 3), row i holding H[i + o, i] at o, and grad
    (T nv,).

    stiff (nv,): weight of squared second differences; tail: their squared size, in units of 1 /
    stiff, beyond which they count less (Student's t: motion is smooth but for impacts); inf:
    Gaussian.
    """
    frames, nv = len(qpos), len(stiff)
    band[:], grad[:] = 0.0, 0.0
    cost = 0.0
    hess = np.zeros((nv, nv))
    for t in range(frames):
        hess[:] = 0.0
        part, _ = frame_terms(
            qpos[t],
            target[t],
            weight[t],
            scale2,
            c,
            floor[t],
            hess,
            grad[t * nv : (t + 1) * nv],
        )
        cost += part
        for i in range(nv):
            for j in range(i + 1):
                band[t * nv + j, i - j] += hess[i, j]
    for t in range(1, frames - 1):
        cost += _smooth_linear(qpos, t, stiff, tail, band, grad) + _smooth_turn(
            qpos, t, stiff[3], tail, band, grad
        )
    return cost


@njit
def _softened(w: float, r2: float, tail: float) -> tuple[float, float]:
    """(cost, weight) of w r2 under a Student's t of `tail` degrees: tail / 2 log(1 + w r2 /
    tail).
    """
    if np.isinf(tail):
        return 0.5 * w * r2, w
    return 0.5 * tail * np.log1p(w * r2 / tail), w / (1.0 + w * r2 / tail)


@njit
def _smooth_linear(
    qpos: np.ndarray, t: int, stiff: np.ndarray, tail: float, band: np.ndarray, grad: np.ndarray
) -> float:
    """Second differences of the root's position and of the hinges about frame t."""
    nv, cost = len(stiff), 0.0
    for d in range(nv):
        if 3 <= d < 6:
            continue
        c = d if d < 3 else d + 1
        r = qpos[t - 1, c] - 2 * qpos[t, c] + qpos[t + 1, c]
        part, w = _softened(stiff[d], r * r, tail)
        cost += part
        i = (t - 1) * nv + d
        grad[i] += w * r
        grad[i + nv] -= 2 * w * r
        grad[i + 2 * nv] += w * r
        band[i, 0] += w
        band[i + nv, 0] += 4 * w
        band[i + 2 * nv, 0] += w
        band[i, nv] -= 2 * w
        band[i + nv, nv] -= 2 * w
        band[i, 2 * nv] += w
    return cost


@njit
def _smooth_turn(
    qpos: np.ndarray, t: int, stiff: float, tail: float, band: np.ndarray, grad: np.ndarray
) -> float:
    """Change of the root's turn (in its own frame) from frame t - 1 -> t to t -> t + 1."""
    nv = qpos.shape[1] - 1
    before, after = (
        turned_by(qpos[t - 1, 3:7], qpos[t, 3:7]),
        turned_by(qpos[t, 3:7], qpos[t + 1, 3:7]),
    )
    jac, inner = np.empty((3, 3, 3)), np.empty((3, 3))  # by the turns of frames t - 1, t, t + 1
    right_jacobian_inverse(before, -1.0, jac[0])
    right_jacobian_inverse(before, 1.0, inner)
    right_jacobian_inverse(after, -1.0, jac[1])
    right_jacobian_inverse(after, 1.0, jac[2])
    r = np.empty(3)
    for i in range(3):
        r[i] = after[i] - before[i]
        for j in range(3):
            jac[1, i, j] = -jac[1, i, j] - inner[i, j]
    cost, w = _softened(stiff, r[0] * r[0] + r[1] * r[1] + r[2] * r[2], tail)
    for a in range(3):
        row = (t - 1 + a) * nv + 3
        for i in range(3):
            for k in range(3):
                grad[row + i] += w * jac[a, k, i] * r[k]
        for b in range(a + 1):
            column = (t - 1 + b) * nv + 3
            for i in range(3):
                for j in range(3):
                    if row + i >= column + j:
                        for k in range(3):
                            band[column + j, row + i - column - j] += (
                                w * jac[a, k, i] * jac[b, k, j]
                            )
    return cost


@njit
def _moved(qpos: np.ndarray, step: np.ndarray) -> np.ndarray:
    out = np.empty_like(qpos)
    nv = qpos.shape[1] - 1
    for t in range(len(qpos)):
        moved = retract(qpos[t], step[t * nv : (t + 1) * nv])
        for i in range(nv + 1):
            out[t, i] = moved[i]
    return out


def solve_trajectory(
    qpos: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    scale2: np.ndarray,
    problem: FrameProblem,
    stiff: np.ndarray,
    floor: np.ndarray,
    neutral_scale: float,
    tail: float = np.inf,
    iterations: int = 10,
    tolerance: float = 0.001,
) -> tuple[np.ndarray, float]:
    """(qpos (T, nq), cost) at a minimum near qpos; arguments as in frame_terms and assemble, weight
    (T, K), floor (T, S, 5 or 9).
    """
    c = problem.constants
    frames, nv = len(qpos), problem.tree.nv
    n, width = frames * nv, 2 * nv + 3
    # neutral_scale spreads one pose's worth of pull over the frames of one posture; limits stay as
    # they are
    c = c._replace(precision=c.precision * neutral_scale)
    rest = (target, weight, scale2, c, floor, stiff, tail)
    band, grad = np.empty((n, width)), np.empty(n)
    trial_band, trial_grad = np.empty((n, width)), np.empty(n)
    cost, damping = assemble(qpos, *rest, band, grad), 1e-5
    for _ in range(iterations):
        damped = band.copy()
        damped[:, 0] *= 1 + damping
        damped[:, 0] += 1e-8
        _, step, info = dpbsv(damped.T, -grad, lower=1, overwrite_ab=1)
        if info == 0:
            step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-12))
            trial = _moved(qpos, step)
            trial_cost = assemble(trial, *rest, trial_band, trial_grad)
            if trial_cost < cost:
                gain = cost - trial_cost
                qpos, cost = trial, trial_cost
                band, trial_band, grad, trial_grad = trial_band, band, trial_grad, grad
                damping = max(0.1 * damping, 1e-8)
                if gain < tolerance * cost:
                    break
                continue
        damping = max(damping * 30, 1e-4)
        if damping > 1e6:
            break
    return qpos, cost
