"""The closed loop of a learned law and the exact gradient of its loss: through the simulator's
adjoint and, frame by frame, the network.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.learned.law.network import decide_back
from motionrecon.learned.law.rollout import Law, Loop, base_gradient
from motionrecon.learned.law.view import View
from motionrecon.objective.window import Window
from motionrecon.physics.derivatives import gradient

# Through stiff contact a costate can grow without bounds; larger ones, in losses a unit of knots
# or states, are scaled back. A landing's own are well below.
_KNOTS, _STATES = 50.0, 200.0


@dataclasses.dataclass(frozen=True, eq=False)
class Unrolled:
    """loss of the closed loop; pushed: its gradient with respect to what the network adds to knots
    1..F, zero where it is not asked.
    """

    loss: float
    pushed: Float[np.ndarray, "F nu"]


def unroll(law: Law, window: Window, loop: Loop, clipped: bool = True) -> Unrolled | None:
    """The gradient along a closed loop; None where the motion falls apart. clipped: whether
    costates are bounded, as training wants; False gives the derivative itself.
    """
    x = loop.x.ravel()
    if not np.isfinite(x).all() or window.rollout(x).diverged:
        return None
    r, s = window.rollout(x), window.slopes(x)
    steps, c = window.substeps, window.simulator.constants
    late = ((np.arange(steps) + 0.5) / steps)[:, None]
    nv = len(window.qvel)
    knots = np.concatenate([np.zeros((1, window.nu)), s.knots])
    pushed = np.zeros((window.frames, window.nu))
    pq, pv = s.dq[-1], s.dv[-1]
    for f in range(window.frames - 1, -1, -1):
        at = slice(f * steps, (f + 1) * steps + 1)
        dq, dv = s.dq[at].copy(), s.dv[at].copy()
        dq[0], dv[0], dq[-1], dv[-1] = 0.0, 0.0, pq, pv
        part = r.part(f * steps, (f + 1) * steps)
        du, pq, pv = gradient(c, part, dq, dv)
        pq, pv = pq + s.dq[f * steps], pv + s.dv[f * steps]
        knots[f + 1] += (late * du).sum(0)
        knots[f] += ((1 - late) * du).sum(0)
        if f >= loop.given:
            by_error = np.zeros(2 * nv + window.nu)
            by_knot = np.where(loop.bounded[f], 0.0, knots[f + 1])
            if clipped:
                by_knot = _bounded(by_knot, _KNOTS * s.loss)
            pushed[f] = by_knot
            if law.theta is not None:
                seen = decide_back(law.theta, loop.h[f], loop.h[f + 1], loop.seen[f], by_knot)
                by_error += loop.view.turned_back(f, seen)
            by_error += base_gradient(law.config, loop.view, f, by_knot)
            by_error[3:6] = _turn(r.qpos[f * steps], loop.view, f).T @ by_error[3:6]
            pq, pv = pq + by_error[:nv], pv + by_error[nv : 2 * nv]
            knots[f] += by_error[2 * nv :]
        if clipped:
            pq, pv = np.split(_bounded(np.concatenate([pq, pv]), _STATES * s.loss), 2)
    return Unrolled(s.loss, pushed)


def _turn(qpos: Float[np.ndarray, " nq"], view: View, frame: int) -> Float[np.ndarray, "3 3"]:
    """How the root's turn from the reference changes with the root's own tangent."""
    out = np.zeros((3, 3))
    reference = view.plan.qpos[view.first + frame, 3:7]
    mujoco.mjd_subQuat(qpos[3:7], reference, out, None)
    return out


def _bounded(v: np.ndarray, most: float) -> np.ndarray:
    size = np.linalg.norm(v)
    return v * (most / size) if size > most else v
