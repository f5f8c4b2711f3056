"""Forward kinematics of one frame and the normal equations of its points, compiled."""

import numpy as np

from motionrecon.compiled import njit
from motionrecon.kinematics.rotation import quat_to_mat, turn


@njit
def retract(q: np.ndarray, dv: np.ndarray) -> np.ndarray:
    """qpos (nq,) moved by a tangent vector dv (nv,), as mj_integratePos with time 1."""
    out = np.empty_like(q)
    turned = turn(q[3:7], dv[3:6])
    for i in range(3):
        out[i] = q[i] + dv[i]
    for i in range(4):
        out[3 + i] = turned[i]
    for i in range(7, len(q)):
        out[i] = q[i] + dv[i - 1]
    return out


@njit
def forward(
    q: np.ndarray,
    parent: np.ndarray,
    body_pos: np.ndarray,
    first_dof: np.ndarray,
    dof_count: np.ndarray,
    axis: np.ndarray,
    xpos: np.ndarray,
    xmat: np.ndarray,
    dof_axis: np.ndarray,
) -> None:
    """Fills xpos (nbody, 3), xmat (nbody, 3, 3) and dof_axis (nv, 3), world frame, of qpos q
    (nq,).
    """
    quat_to_mat(q[3:7], xmat[1])
    for k in range(3):
        xpos[0, k], xpos[1, k] = 0.0, q[k]
        for i in range(3):
            xmat[0, k, i] = 1.0 if i == k else 0.0
            dof_axis[k, i] = 1.0 if i == k else 0.0
            dof_axis[3 + k, i] = xmat[1, i, k]
    for b in range(2, len(parent)):
        p = parent[b]
        for i in range(3):
            xpos[b, i] = xpos[p, i]
            for j in range(3):
                xpos[b, i] += xmat[p, i, j] * body_pos[b, j]
                xmat[b, i, j] = xmat[p, i, j]
        for d in range(first_dof[b], first_dof[b] + dof_count[b]):
            _hinge(xmat[b], axis[d], q[d + 1], dof_axis[d])


@njit
def _hinge(mat: np.ndarray, axis: np.ndarray, angle: float, world_axis: np.ndarray) -> None:
    """mat <- mat R(axis, angle), by Rodrigues' formula; world_axis <- mat axis."""
    s, c = np.sin(angle), np.cos(angle)
    x, y, z = axis[0], axis[1], axis[2]
    v = 1 - c
    r00, r01, r02 = c + x * x * v, x * y * v - z * s, x * z * v + y * s
    r10, r11, r12 = y * x * v + z * s, c + y * y * v, y * z * v - x * s
    r20, r21, r22 = z * x * v - y * s, z * y * v + x * s, c + z * z * v
    for i in range(3):
        a, b, d = mat[i, 0], mat[i, 1], mat[i, 2]
        world_axis[i] = a * x + b * y + d * z
        mat[i, 0] = a * r00 + b * r10 + d * r20
        mat[i, 1] = a * r01 + b * r11 + d * r21
        mat[i, 2] = a * r02 + b * r12 + d * r22


@njit
def carried(
    body: np.ndarray, pos: np.ndarray, xpos: np.ndarray, xmat: np.ndarray, out: np.ndarray
) -> None:
    """World positions out (K, 3) of points fixed to bodies."""
    for k in range(len(body)):
        b = body[k]
        for i in range(3):
            out[k, i] = (
                xpos[b, i]
                + xmat[b, i, 0] * pos[k, 0]
                + xmat[b, i, 1] * pos[k, 1]
                + xmat[b, i, 2] * pos[k, 2]
            )


@njit
def point_jacobian(
    body: int,
    point: np.ndarray,
    chain: np.ndarray,
    chain_length: np.ndarray,
    dof_body: np.ndarray,
    xpos: np.ndarray,
    dof_axis: np.ndarray,
    out: np.ndarray,
) -> None:
    """Jacobian columns out (3, chain_length[body]) of a world point on a body, by the dofs of its
    chain.
    """
    for c in range(chain_length[body]):
        d = chain[body, c]
        ax, ay, az = dof_axis[d, 0], dof_axis[d, 1], dof_axis[d, 2]
        if d < 3:
            out[0, c], out[1, c], out[2, c] = ax, ay, az
        else:
            o = dof_body[d]
            x, y, z = point[0] - xpos[o, 0], point[1] - xpos[o, 1], point[2] - xpos[o, 2]
            out[0, c], out[1, c], out[2, c] = ay * z - az * y, az * x - ax * z, ax * y - ay * x


@njit
def add_points(
    points: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    body: np.ndarray,
    chain: np.ndarray,
    chain_length: np.ndarray,
    dof_body: np.ndarray,
    xpos: np.ndarray,
    dof_axis: np.ndarray,
    hess: np.ndarray,
    grad: np.ndarray,
) -> None:
    """Adds sum_k weight_k J_k' J_k to hess (nv, nv) and weight_k J_k' (point_k - target_k) to grad
    (nv,).
    """
    jac = np.empty((3, chain.shape[1]))
    for k in range(len(body)):
        w = weight[k]
        if w <= 0.0:
            continue
        b = body[k]
        point_jacobian(b, points[k], chain, chain_length, dof_body, xpos, dof_axis, jac)
        e0, e1, e2 = (
            points[k, 0] - target[k, 0],
            points[k, 1] - target[k, 1],
            points[k, 2] - target[k, 2],
        )
        for c in range(chain_length[b]):
            i = chain[b, c]
            a0, a1, a2 = w * jac[0, c], w * jac[1, c], w * jac[2, c]
            grad[i] += a0 * e0 + a1 * e1 + a2 * e2
            for f in range(c + 1):
                hess[i, chain[b, f]] += a0 * jac[0, f] + a1 * jac[1, f] + a2 * jac[2, f]


@njit
def add_floor(
    centres: np.ndarray,
    radius: np.ndarray,
    floor: np.ndarray,
    body: np.ndarray,
    chain: np.ndarray,
    chain_length: np.ndarray,
    dof_body: np.ndarray,
    xpos: np.ndarray,
    dof_axis: np.ndarray,
    hess: np.ndarray,
    grad: np.ndarray,
) -> float:
    """What spheres have to do with the floor z = 0, or with a plane of their own, added as in
    add_points; returns the cost.

    floor (S, 5 or 9): 1/m^2, times depth^2 / 2 of a sphere that is below it; 1/m^2, times
    height^2 / 2 of one that stands on it, whichever side it is; 1/m^2, times distance^2 / 2 of its
    centre to the place x, y (m) where it stands; the unit normal n and distance d (m) of the plane
    n . x = d that the sphere is over, else the floor.
    """
    cost = 0.0
    jac, up = np.empty((3, chain.shape[1])), np.empty(chain.shape[1])
    planes = floor.shape[1] > 5
    for k in range(len(body)):
        depth = radius[k] - centres[k, 2]
        if planes:
            depth = radius[k] + floor[k, 8]
            for a in range(3):
                depth -= floor[k, 5 + a] * centres[k, a]
        weight = floor[k, 1] + (floor[k, 0] if depth > 0.0 else 0.0)
        still = floor[k, 2]
        if weight <= 0.0 and still <= 0.0:
            continue
        x, y = centres[k, 0] - floor[k, 3], centres[k, 1] - floor[k, 4]
        cost += 0.5 * weight * depth * depth + 0.5 * still * (x * x + y * y)
        b = body[k]
        point_jacobian(b, centres[k], chain, chain_length, dof_body, xpos, dof_axis, jac)
        for c in range(chain_length[b]):
            i = chain[b, c]
            up[c] = jac[2, c]
            if planes:
                up[c] = floor[k, 5] * jac[0, c] + floor[k, 6] * jac[1, c] + floor[k, 7] * jac[2, c]
            grad[i] += still * (jac[0, c] * x + jac[1, c] * y) - weight * up[c] * depth
            for f in range(c + 1):
                hess[i, chain[b, f]] += weight * up[c] * up[f] + still * (
                    jac[0, c] * jac[0, f] + jac[1, c] * jac[1, f]
                )
    return cost
