"""The Gauss-Newton matrix of a window, by dynamic programming over its frames.

docs/theory/derivatives.md, section "The Gauss-Newton matrix of a window", derives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from motionrecon.objective.terms import Curvature, Residuals
from motionrecon.physics.constants import Constants


class FrameMaps(NamedTuple):
    """How the ends of F frames depend on their first states and their two knots, transposed."""

    # rows dz, dknot_f, dknot_{f+1}; columns the state after the frame (tangent, velocity)
    state: Float[np.ndarray, "F 2nv+2nu 2nv"]
    inside: Float[np.ndarray, "F 2nv+2nu R"]  # the same rows; columns residuals inside the frame


def frame_maps(
    c: Constants,
    jacobians: Sequence[np.ndarray],
    substeps: int,
    residuals: Sequence[Residuals],
    pool: ThreadPoolExecutor | None = None,
) -> FrameMaps:
    """Condense step Jacobians into maps of whole frames; with a pool its worker takes half of the
    frames.

    jacobians: (D, Eq, Ev) of ``physics.derivatives.velocity_jacobians`` over F * substeps steps,
    the controls of a frame going linearly from its first knot to its second. residuals: of the
    frames' terms, in the order in which `inside` has them.
    """
    frames = len(jacobians[0]) // substeps
    if pool is not None and frames > 1:
        half = frames // 2
        middle = half * substeps
        early, late = ([r.part(s) for r in residuals] for s in (slice(half), slice(half, None)))
        other = pool.submit(frame_maps, c, [a[:middle] for a in jacobians], substeps, early)
        later = frame_maps(c, [a[middle:] for a in jacobians], substeps, late)
        both = zip(other.result(), later, strict=True)
        return FrameMaps(*(np.concatenate(parts) for parts in both))
    D, Eq, Ev = jacobians
    T, nv = len(D), D.shape[2]
    nu = D.shape[1] - 2 * nv
    F, h = T // substeps, D.dtype.type(c.h)
    D = D.reshape(F, substeps, 2 * nv + nu, nv)
    Eq, Ev = Eq.reshape(F, substeps, 3, 3), Ev.reshape(F, substeps, 3, 3)
    X = np.zeros((F, 2 * nv + 2 * nu, 2 * nv), D.dtype)
    X[:, : 2 * nv] = np.eye(2 * nv)
    rows: list[list[np.ndarray]] = [[] for _ in residuals]
    for s in range(substeps):
        # The control is held over a step at its middle's value.
        late = D.dtype.type((s + 0.5) / substeps)
        velocity = X @ D[:, s, : 2 * nv]
        velocity[:, 2 * nv : 2 * nv + nu] += (1 - late) * D[:, s, 2 * nv :]
        velocity[:, 2 * nv + nu :] += late * D[:, s, 2 * nv :]
        X[..., 3:6] = X[..., 3:6] @ Eq[:, s].transpose(0, 2, 1) + h * velocity[..., 3:6] @ Ev[
            :, s
        ].transpose(0, 2, 1)
        X[..., :3] += h * velocity[..., :3]
        X[..., 6:nv] += h * velocity[..., 6:]
        X[..., nv:] = velocity
        for own, r in zip(rows, residuals, strict=True):
            moment, between = divmod((s + 1) * r.values.shape[1], substeps)
            if not between:
                own.append(X @ r.by_state[:, moment - 1].astype(D.dtype))
    for own, r in zip(rows, residuals, strict=True):
        if r.by_knot is not None:
            joint = np.arange(nu)
            own[-1][:, 2 * nv + nu + joint, joint] += r.by_knot
    inside = [X[..., :0], *(row for own in rows for row in own)]
    return FrameMaps(X, np.concatenate(inside, axis=2))


def gauss_newton(maps: FrameMaps, blocks: Curvature) -> Float[np.ndarray, "F*nu F*nu"]:
    """Hessian with respect to knots 1..F of a loss with these blocks of the states at the ends of
    frames, and half the sum of squares of the residuals inside them.

    Backwards over the frames it carries P = d2L/dz2 and C = d2L/dz dknots of the cost to go: the
    Riccati recursion without the minimisation, so the cost grows as F^2 and not with the number of
    residuals. In the precision of maps.
    """
    qq, vv = blocks.qq, blocks.vv
    F, nv = vv.shape
    nu = (maps.state.shape[1] - 2 * nv) // 2
    H = np.zeros((F * nu, F * nu), maps.state.dtype)
    C = np.zeros((2 * nv, F * nu), maps.state.dtype)
    P = np.zeros((2 * nv, 2 * nv), maps.state.dtype)
    index = np.arange(nv, 2 * nv)
    for f in range(F - 1, -1, -1):
        P[:nv, :nv] += qq[f]
        P[index, index] += vv[f]
        phi_t, gamma_t = maps.state[f, : 2 * nv], maps.state[f, 2 * nv :]
        by_state, by_knots = maps.inside[f, : 2 * nv], maps.inside[f, 2 * nv :]
        if f == 0:
            gamma_t, by_knots = gamma_t[nu:], by_knots[nu:]  # knot 0 is given
        first = max(f - 1, 0) * nu  # column of the frame's first unknown knot
        both = slice(first, first + len(gamma_t))
        own = gamma_t @ P  # (knots, 2 nv)
        cross = gamma_t @ C[:, first:]
        H[both, first:] += cross
        H[first:, both] += cross.T
        H[both, both] += own @ gamma_t.T + by_knots @ by_knots.T
        if f:
            C[:, both] += own.T
            C[:, first:] = phi_t @ C[:, first:]
            C[:, both] += by_state @ by_knots.T
            P = phi_t @ P @ phi_t.T + by_state @ by_state.T
    return H
