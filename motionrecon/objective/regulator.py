"""The linear-quadratic regulator about a reference: the feedback that would be best if the motion
stayed near it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from motionrecon.engine import mujoco
from motionrecon.objective.window import Expansion, Window
from motionrecon.physics.rollout import Rollout


class Regulator(NamedTuple):
    """knot_{f+1} = push_f + gains_f (tangent and velocity of the state from the reference's at
    frame f, knot_f); rad.
    """

    gains: Float[np.ndarray, "F nu 2*nv+nu"]
    push: Float[np.ndarray, "F nu"]


def regulator(
    window_at: Callable[[int, np.ndarray], Window],
    knots: Float[np.ndarray, "F+1 nu"],
    weights: tuple[float, float],
    caution: float,
    precision: type = np.float64,
) -> Regulator:
    """By the Riccati recursion (Tassa, Mansard & Todorov, ICRA 2014, without the iteration) over
    all frames of a reference.

    window_at: the window of one frame that begins at the reference's state at frame f with a given
    knot. knots: rad, about which the controls are linearised. weights: of effort and smoothness,
    1/rad^2. caution: factor on both here, above 1 because far from the reference the linear model
    promises too much. Where the simulation diverges or nothing is convex, a frame's gains are zero.
    precision: of the maps of frames; single is a third faster.
    """
    frames, nu = len(knots) - 1, knots.shape[1]
    windows = [window_at(f, knots[f]) for f in range(frames)]
    z = 2 * len(windows[0].qvel)
    effort, smooth = (2 * caution * w for w in weights)
    gains, push = np.zeros((frames, nu, z + nu)), np.zeros((frames, nu))
    P, p = np.zeros((z + nu, z + nu)), np.zeros(z + nu)
    first, second = slice(z, z + nu), slice(z + nu, None)
    joint = np.arange(nu)
    for f in range(frames - 1, -1, -1):
        window, x = windows[f], knots[f + 1]
        reached = window.rollout(x)
        if reached.diverged:
            P[:], p[:] = 0.0, 0.0
            continue
        drift = _drift(window, reached, windows[f + 1]) if f + 1 < frames else np.zeros(z)
        H, h = _stage(window.expand(x, precision), P, p, drift)
        window.forget()
        H[z + nu + joint, z + nu + joint] += effort + smooth
        H[z + joint, z + joint] += smooth
        H[z + joint, z + nu + joint] -= smooth
        H[z + nu + joint, z + joint] -= smooth
        change = smooth * (x - knots[f])
        h[second] += effort * x + change
        h[first] -= change
        try:
            factor = cho_factor(H[second, second], check_finite=False)
        except LinAlgError:
            P[:], p[:] = 0.0, 0.0
            continue
        gains[f] = -cho_solve(factor, H[second, : z + nu], check_finite=False)
        push[f] = -cho_solve(factor, h[second], check_finite=False)
        P = H[: z + nu, : z + nu] + H[: z + nu, second] @ gains[f]
        P = 0.5 * (P + P.T)
        p = h[: z + nu] + H[: z + nu, second] @ push[f]
    # from changes of the knots to the knots themselves
    push += knots[1:] - (gains[:, :, z:] @ knots[:-1, :, None])[..., 0]
    return Regulator(gains, push)


def _drift(window: Window, reached: Rollout, ahead: Window) -> Float[np.ndarray, 2 * nv]:
    """Where one frame from the reference ends, from the reference's next state."""
    nv = len(window.qvel)
    out = np.zeros(2 * nv)
    mujoco.mj_differentiatePos(window.simulator.model, out[:nv], 1.0, ahead.qpos, reached.qpos[-1])
    out[nv:] = reached.qvel[-1] - ahead.qvel
    return out


def _stage(
    e: Expansion,
    P: Float[np.ndarray, "2*nv+nu 2*nv+nu"],
    p: Float[np.ndarray, 2 * nv + nu],
    drift: Float[np.ndarray, 2 * nv],
) -> tuple[np.ndarray, np.ndarray]:
    """Hessian and gradient, by state, first and second knot, of one frame's loss and the cost to
    go.
    """
    z, nv = len(drift), len(drift) // 2
    M, inside = e.maps.state[0].astype(float), e.maps.inside[0].astype(float)
    diagonal = np.arange(nv, z)
    Q = P[:z, :z].copy()
    Q[:nv, :nv] += e.curvature.qq[0]
    Q[diagonal, diagonal] += e.curvature.vv[0]
    slope = p[:z] + e.slope[0] + P[:z, :z] @ drift
    H = M @ Q @ M.T + inside @ inside.T
    cross = M @ P[:z, z:]
    second = len(M) - (len(P) - z)
    H[:, second:] += cross
    H[second:] += cross.T
    H[second:, second:] += P[z:, z:]
    h = M @ slope + inside @ e.values[0]
    h[second:] += p[z:] + P[z:, :z] @ drift
    return H, h
