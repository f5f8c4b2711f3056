"""One control window as an optimisation problem: servo offsets at the knots -> loss, gradient,
Gauss-Newton matrix.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from motionrecon.objective.curvature import frame_maps, gauss_newton
from motionrecon.objective.terms import ControlTerm, StateDerivatives, StateTerm
from motionrecon.physics.derivatives import gradient, velocity_jacobians
from motionrecon.physics.rollout import Rollout, Simulator


class Window:
    """F frames of ``substeps`` steps each; the unknowns x (F * nu,) are the offsets (rad) of knots
    1..F.

    The servo target of a step is ``feedforward`` plus the offset, linear between the knots; knot 0
    is where the window before ended. A problem in the sense of
    ``motionrecon.optimizers.base.Problem`` with ``linearize``. The last rollout and that of the
    lowest loss are kept, so that evaluating and then linearising at one point simulates once, and so
    does looking at the solution.
    """

    def __init__(
        self,
        simulator: Simulator,
        qpos: np.ndarray,
        qvel: np.ndarray,
        feedforward: np.ndarray,
        first_knot: np.ndarray,
        substeps: int,
        state_terms: Sequence[StateTerm],
        control_terms: Sequence[ControlTerm],
        pool: ThreadPoolExecutor | None = None,
    ):
        """qpos (nq,), qvel (nv,) the first state; feedforward (F * substeps, nu) rad; first_knot
        (nu,) rad.
        """
        self.simulator, self.qpos, self.qvel = simulator, qpos, qvel
        self.feedforward, self.first_knot, self.substeps = feedforward, first_knot, substeps
        self.state_terms, self.control_terms, self._pool = state_terms, control_terms, pool
        self.frames, self.nu = len(feedforward) // substeps, feedforward.shape[1]
        self.n = self.frames * self.nu
        self.at = substeps * np.arange(1, self.frames + 1)
        self._late = ((np.arange(substeps) + 0.5) / substeps)[None, :, None]
        self._last: tuple[np.ndarray, Rollout] | None = None
        self._best: tuple[np.ndarray, Rollout] | None = None
        self._lowest = np.inf

    @property
    def grid(self) -> tuple[int, tuple[str, ...]]:
        """Frames and joint names: the unknowns are a (frames, joints) grid."""
        m = self.simulator.model
        return self.frames, tuple(m.joint(int(m.actuator_trnid[i, 0])).name for i in range(m.nu))

    def first(self, frames: int) -> "Window":
        """The window's first frames as a problem of their own; its unknowns are the first frames *
        nu of this one's.
        """
        ahead = self.feedforward[: frames * self.substeps]
        terms = [t.first(frames) for t in self.state_terms]
        return Window(
            self.simulator,
            self.qpos,
            self.qvel,
            ahead,
            self.first_knot,
            self.substeps,
            terms,
            self.control_terms,
            self._pool,
        )

    def knots(self, x: np.ndarray) -> np.ndarray:
        """(F + 1, nu) offsets, the given first one included."""
        return np.concatenate([self.first_knot[None], x.reshape(self.frames, self.nu)])

    def controls(self, x: np.ndarray) -> np.ndarray:
        """(F * substeps, nu) servo targets, rad."""
        k = self.knots(x)
        offsets = (1 - self._late) * k[:-1, None] + self._late * k[1:, None]
        return self.feedforward + offsets.reshape(self.feedforward.shape)

    def rollout(self, x: np.ndarray) -> Rollout:
        """The motion under x."""
        for kept in (self._last, self._best):
            if kept is not None and np.array_equal(kept[0], x):
                self._last = kept
                return kept[1]
        rollout = self.simulator.rollout(self.qpos, self.qvel, self.controls(x))
        self._last = x.copy(), rollout
        return rollout

    def _judged(self, loss: float) -> float:
        """The loss of the last rollout, which is kept where it is the lowest so far."""
        if loss < self._lowest:
            self._lowest, self._best = loss, self._last
        return loss

    def forget(self) -> None:
        """Drops the rollouts, which are large."""
        self._last = self._best = None
        self._lowest = np.inf

    def value(self, x: np.ndarray) -> float:
        """Loss at x; infinite where the simulation diverges."""
        if not np.isfinite(x).all():
            return np.inf
        r, k = self.rollout(x), self.knots(x)
        if r.diverged:
            return np.inf
        return self._judged(
            sum(t.value(r, self.at) for t in self.state_terms)
            + sum(t.value(k) for t in self.control_terms)
        )

    def _state_derivatives(self, r: Rollout, curvature: bool) -> tuple[float, StateDerivatives]:
        F, nv = self.frames, len(self.qvel)
        out = StateDerivatives(np.zeros((F, nv)), np.zeros((F, nv)))
        if curvature:
            out.qq, out.vv = np.zeros((F, nv, nv)), np.zeros((F, nv))
        return sum(t.add_derivatives(r, self.at, out, curvature) for t in self.state_terms), out

    def _control_gradient(self, k: np.ndarray) -> np.ndarray:
        return sum(
            (t.gradient(k) for t in self.control_terms), np.zeros((self.frames, self.nu))
        ).ravel()

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and exact gradient (n,) by the adjoint recursion; (inf, zeros) where the simulation
        diverges.
        """
        if not np.isfinite(x).all() or (r := self.rollout(x)).diverged:
            return np.inf, np.zeros(self.n)
        loss, d = self._state_derivatives(r, False)
        steps, nv = len(self.feedforward), len(self.qvel)
        dq, dv = np.zeros((steps + 1, nv)), np.zeros((steps + 1, nv))
        dq[self.at], dv[self.at] = d.dq, d.dv
        du = gradient(self.simulator.constants, r, dq, dv)[0].reshape(
            self.frames, self.substeps, self.nu
        )
        g = (self._late * du).sum(1)
        g[:-1] += ((1 - self._late) * du).sum(1)[1:]
        k = self.knots(x)
        loss = self._judged(loss + sum(t.value(k) for t in self.control_terms))
        return loss, g.ravel() + self._control_gradient(k)

    def linearize_single(self, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """As linearize, in a third less time: the matrix in single precision, the gradient good to
        about 1e-5 of itself. For a damped step that is plenty: with a thousandth of the diagonal
        added it is the exact one within 1 %.
        """
        return self.linearize(x, np.float32)

    def linearize(
        self, x: np.ndarray, precision: type = np.float64
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Loss, gradient (n,) and Gauss-Newton matrix (n, n) at x; (inf, zeros, identity) where it
        diverges.
        """
        if not np.isfinite(x).all() or (r := self.rollout(x)).diverged:
            return np.inf, np.zeros(self.n), np.eye(self.n, dtype=precision)
        loss, d = self._state_derivatives(r, True)
        c = self.simulator.constants
        jacobians = [a.astype(precision, copy=False) for a in velocity_jacobians(c, r, self._pool)]
        maps = frame_maps(c, jacobians, self.substeps, self._pool)
        H = gauss_newton(maps, d.qq, d.vv)
        nv, nu = len(self.qvel), self.nu
        g, p = np.zeros((self.frames + 1, nu)), np.zeros(2 * nv)
        for f in range(self.frames - 1, -1, -1):
            p[:nv] += d.dq[f]
            p[nv:] += d.dv[f]
            back = maps[f] @ p
            g[f] += back[2 * nv : 2 * nv + nu]
            g[f + 1] += back[2 * nv + nu :]
            p = back[: 2 * nv]
        k = self.knots(x)
        for t in self.control_terms:
            t.add_curvature(H)
        loss = self._judged(loss + sum(t.value(k) for t in self.control_terms))
        return loss, g[1:].ravel() + self._control_gradient(k), H
