"""Cost, gradient and Gauss-Newton matrix of one frame, and a damped solve of one frame alone."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motionrecon.compiled import njit
from motionrecon.kinematics.forward import add_floor, add_points, carried, forward, retract


class Constants(NamedTuple):
    """What stays the same while a clip is solved: the tree (motionrecon.kinematics.tree), the
    points and spheres that it carries, and the pull to neutral and into the limits.

    numba's cache does not notice another order of fields (see motionrecon.kinematics.rotation).
    """

    parent: Int[np.ndarray, " nbody"]
    body_pos: Float[np.ndarray, "nbody 3"]
    first_dof: Int[np.ndarray, " nbody"]
    dof_count: Int[np.ndarray, " nbody"]
    axis: Float[np.ndarray, "nv 3"]
    chain: Int[np.ndarray, "nbody depth"]
    chain_length: Int[np.ndarray, " nbody"]
    dof_body: Int[np.ndarray, " nv"]
    limits: Float[np.ndarray, "nv 2"]  # rad
    point_body: Int[np.ndarray, " K"]
    point_pos: Float[np.ndarray, "K 3"]  # m
    sphere_body: Int[np.ndarray, " S"]
    sphere_pos: Float[np.ndarray, "S 3"]  # m
    sphere_radius: Float[np.ndarray, " S"]  # m
    neutral: Float[np.ndarray, " nv"]  # rad
    precision: Float[np.ndarray, " nv"]  # 1/rad^2, of the pull to neutral
    limit_weight: float  # 1/rad^2, beyond the limits


@njit
def frame_terms(
    q: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    scale2: np.ndarray,
    c: Constants,
    floor: np.ndarray,
    hess: np.ndarray,
    grad: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Adds one frame's terms to hess (lower triangle) and grad; returns (cost, squared distances
    (K,)).

    target (K, 3), weight (K,) 1/m^2 (0: missing; target finite all the same), scale2 (K,) m^2:
    squared distance at which a keypoint's influence halves (Cauchy). floor (S, 5 or 9): as
    in add_floor.
    """
    nb, nv = len(c.parent), len(c.axis)
    xpos, xmat, dof_axis = np.empty((nb, 3)), np.empty((nb, 3, 3)), np.empty((nv, 3))
    forward(q, c.parent, c.body_pos, c.first_dof, c.dof_count, c.axis, xpos, xmat, dof_axis)
    at = np.empty((len(c.point_body), 3))
    carried(c.point_body, c.point_pos, xpos, xmat, at)
    cost = 0.0
    d2, w = np.empty(len(at)), np.zeros(len(at))
    for k in range(len(at)):
        d2[k] = (
            (at[k, 0] - target[k, 0]) ** 2
            + (at[k, 1] - target[k, 1]) ** 2
            + (at[k, 2] - target[k, 2]) ** 2
        )
        if weight[k] > 0.0:
            cost += 0.5 * weight[k] * scale2[k] * np.log1p(d2[k] / scale2[k])
            w[k] = weight[k] / (1.0 + d2[k] / scale2[k])
    add_points(
        at,
        target,
        w,
        c.point_body,
        c.chain,
        c.chain_length,
        c.dof_body,
        xpos,
        dof_axis,
        hess,
        grad,
    )
    if floor.any():
        centres = np.empty((len(c.sphere_body), 3))
        carried(c.sphere_body, c.sphere_pos, xpos, xmat, centres)
        cost += add_floor(
            centres,
            c.sphere_radius,
            floor,
            c.sphere_body,
            c.chain,
            c.chain_length,
            c.dof_body,
            xpos,
            dof_axis,
            hess,
            grad,
        )
    for d in range(6, nv):
        off = q[d + 1] - c.neutral[d]
        cost += 0.5 * c.precision[d] * off * off
        grad[d] += c.precision[d] * off
        hess[d, d] += c.precision[d]
        over = min(q[d + 1] - c.limits[d, 0], 0.0) + max(q[d + 1] - c.limits[d, 1], 0.0)
        if over != 0.0:
            cost += 0.5 * c.limit_weight * over * over
            grad[d] += c.limit_weight * over
            hess[d, d] += c.limit_weight
    return cost, d2


@njit
def solve_lower(hess: np.ndarray, grad: np.ndarray, damping: float) -> tuple[np.ndarray, bool]:
    """Solution of (H + damping diag H) x = -grad by Cholesky from H's lower triangle; ok False
    where not positive.
    """
    n = len(grad)
    low = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = hess[i, j]
            if i == j:
                s += damping * s + 1e-9
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                if not s > 0.0:
                    return grad, False
                low[i, i] = np.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
    x = np.empty(n)
    for i in range(n):
        x[i] = -grad[i]
        for k in range(i):
            x[i] -= low[i, k] * x[k]
        x[i] /= low[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= low[k, i] * x[k]
        x[i] /= low[i, i]
    return x, True


@njit
def solve_frame(
    q0: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    scale2: np.ndarray,
    c: Constants,
    floor: np.ndarray,
    iterations: int,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Levenberg-Marquardt on one frame from qpos q0 (nq,); returns (qpos, cost, squared distances
    (K,)).
    """
    nv = len(q0) - 1
    damping, largest = 1e-3, 0.0
    q, cost = q0, np.inf
    d2 = np.zeros(len(target))
    hess, grad = np.zeros((nv, nv)), np.zeros(nv)
    trial = q0.copy()
    for _ in range(iterations + 1):
        trial_hess, trial_grad = np.zeros((nv, nv)), np.zeros(nv)
        trial_cost, trial_d2 = frame_terms(
            trial, target, weight, scale2, c, floor, trial_hess, trial_grad
        )
        if trial_cost < cost:
            gain = cost - trial_cost
            q, cost, d2, hess, grad = trial, trial_cost, trial_d2, trial_hess, trial_grad
            damping = max(damping * 0.2, 1e-7)
            if gain < 1e-4 * cost + 1e-9:
                break
        else:
            damping *= 8.0
            if damping > 1e8:
                break
        step, ok = solve_lower(hess, grad, damping)
        while not ok and damping < 1e8:
            damping = max(damping * 10, 1e-3)
            step, ok = solve_lower(hess, grad, damping)
        largest = 0.0
        for i in range(nv):
            largest = max(largest, abs(step[i]))
        if largest < 1e-6:
            break
        if largest > 1.0:
            for i in range(nv):
                step[i] /= largest
        trial = retract(q, step)
    return q, cost, d2
