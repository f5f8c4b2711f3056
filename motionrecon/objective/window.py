"""One control window as an optimisation problem: servo offsets at the knots -> loss, gradient,
Gauss-Newton matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motionrecon.objective.curvature import FrameMaps, frame_maps, gauss_newton
from motionrecon.objective.terms import (
    ControlTerm,
    Curvature,
    FrameTerm,
    Residuals,
    StateDerivatives,
    StateTerm,
)
from motionrecon.physics.derivatives import gradient, velocity_jacobians
from motionrecon.physics.rollout import Rollout, Simulator


class Expansion(NamedTuple):
    """A window's loss to second order about a rollout, by frame, in the states at the frames' ends
    and the residuals inside the frames; control terms apart.
    """

    loss: float
    maps: FrameMaps
    values: Float[np.ndarray, "F R"]
    """Of the residuals inside the frames."""
    slope: Float[np.ndarray, "F 2*nv"]
    """Gradient with respect to tangent and velocity at the frames' ends."""
    curvature: Curvature


class Slopes(NamedTuple):
    """A window's loss and its partial derivatives: by the states of all T steps, as if each could
    be moved alone, and by knots 1..F.
    """

    loss: float
    dq: Float[np.ndarray, "T+1 nv"]
    dv: Float[np.ndarray, "T+1 nv"]
    knots: Float[np.ndarray, "F nu"]


class Window:
    """F frames of ``substeps`` steps each; the unknowns x (F * nu,) are the offsets (rad) of knots
    1..F.

    The servo target of a step is ``feedforward`` plus the offset, linear between the knots; knot 0
    is where the window before ended. A ``SinglePrecisionProblem`` and a ``GriddedProblem`` of
    ``motionrecon.optimizers.base``. The last rollout and that of the lowest loss are kept, so that
    evaluating and then linearising at one point simulates once, and so does looking at the
    solution.
    """

    def __init__(
        self,
        simulator: Simulator,
        qpos: Float[np.ndarray, " nq"],
        qvel: Float[np.ndarray, " nv"],
        feedforward: Float[np.ndarray, "F*substeps nu"],
        first_knot: Float[np.ndarray, " nu"],
        substeps: int,
        state_terms: Sequence[StateTerm],
        frame_terms: Sequence[FrameTerm],
        control_terms: Sequence[ControlTerm],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """qpos, qvel: the first state; feedforward, first_knot in rad."""
        self.simulator, self.qpos, self.qvel = simulator, qpos, qvel
        self.feedforward, self.first_knot, self.substeps = feedforward, first_knot, substeps
        self.state_terms, self.frame_terms = state_terms, frame_terms
        self.control_terms, self._pool = control_terms, pool
        self.frames, self.nu = len(feedforward) // substeps, feedforward.shape[1]
        self.n = self.frames * self.nu
        self.at = substeps * np.arange(1, self.frames + 1)
        self._late = ((np.arange(substeps) + 0.5) / substeps)[None, :, None]
        self._last: tuple[Float[np.ndarray, " n"], Rollout] | None = None
        self._best: tuple[Float[np.ndarray, " n"], Rollout] | None = None
        self._lowest = np.inf

    @property
    def grid(self) -> tuple[int, tuple[str, ...]]:
        """Frames and joint names: the unknowns are a (frames, joints) grid."""
        m = self.simulator.model
        return self.frames, tuple(m.joint(int(m.actuator_trnid[i, 0])).name for i in range(m.nu))

    def first(self, frames: int) -> Window:
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
            [t.first(frames) for t in self.frame_terms],
            self.control_terms,
            self._pool,
        )

    def moments(self, samples: int) -> Int[np.ndarray, "F S"]:
        """Steps after which so many moments of each frame lie, the last at its end."""
        every = self.substeps // samples
        return every * np.arange(1, self.frames * samples + 1).reshape(self.frames, samples)

    def knots(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "F+1 nu"]:
        """Offsets, rad, the given first one included."""
        return np.concatenate([self.first_knot[None], x.reshape(self.frames, self.nu)])

    def controls(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "F*substeps nu"]:
        """Servo targets, rad."""
        k = self.knots(x)
        offsets = (1 - self._late) * k[:-1, None] + self._late * k[1:, None]
        return self.feedforward + offsets.reshape(self.feedforward.shape)

    def frame_controls(
        self, frame: int, knot: Float[np.ndarray, " nu"], following: Float[np.ndarray, " nu"]
    ) -> Float[np.ndarray, "substeps nu"]:
        """Servo targets, rad, of one frame between two knots."""
        late, at = self._late[0], frame * self.substeps
        return self.feedforward[at : at + self.substeps] + ((1 - late) * knot + late * following)

    def rollout(self, x: Float[np.ndarray, " n"]) -> Rollout:
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

    def value(self, x: Float[np.ndarray, " n"]) -> float:
        """Loss at x; infinite where the simulation diverges."""
        if not np.isfinite(x).all():
            return np.inf
        r, k = self.rollout(x), self.knots(x)
        if r.diverged:
            return np.inf
        # In the order of value_and_grad and linearize, so that the same x has the very same loss.
        loss = sum(t.value(r, self.at) for t in self.state_terms)
        loss += sum(t.value(r, self.moments(t.samples), k) for t in self.frame_terms)
        return self._judged(loss + sum(t.value(k) for t in self.control_terms))

    def _residuals(self, r: Rollout, k: Float[np.ndarray, "F+1 nu"]) -> list[Residuals]:
        return [t.residuals(r, self.moments(t.samples), k) for t in self.frame_terms]

    def _state_derivatives(self, r: Rollout, curvature: bool) -> tuple[float, StateDerivatives]:
        out = StateDerivatives.zeros(self.frames, len(self.qvel), curvature)
        return sum(t.add_derivatives(r, self.at, out) for t in self.state_terms), out

    def _control_gradient(self, k: Float[np.ndarray, "F+1 nu"]) -> Float[np.ndarray, " n"]:
        g = np.zeros((self.frames, self.nu))
        for t in self.control_terms:
            g += t.gradient(k)
        return g.ravel()

    def value_and_grad(self, x: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """Loss and exact gradient (n,) by the adjoint recursion; (inf, zeros) where the simulation
        diverges.
        """
        if not np.isfinite(x).all() or (r := self.rollout(x)).diverged:
            return np.inf, np.zeros(self.n)
        s = self._slopes(x, r)
        du = gradient(self.simulator.constants, r, s.dq, s.dv)[0].reshape(
            self.frames, self.substeps, self.nu
        )
        g = (self._late * du).sum(1)
        g[:-1] += ((1 - self._late) * du).sum(1)[1:]
        return self._judged(s.loss), (g + s.knots).ravel()

    def slopes(self, x: Float[np.ndarray, " n"]) -> Slopes:
        """Loss and its partial derivatives along the motion under x, which must not diverge."""
        return self._slopes(x, self.rollout(x))

    def _slopes(self, x: Float[np.ndarray, " n"], r: Rollout) -> Slopes:
        loss, d = self._state_derivatives(r, False)
        steps, nv = len(self.feedforward), len(self.qvel)
        dq, dv = np.zeros((steps + 1, nv)), np.zeros((steps + 1, nv))
        dq[self.at], dv[self.at] = d.dq, d.dv
        k, knot_gradient = self.knots(x), np.zeros((self.frames, self.nu))
        residuals = self._residuals(r, k)
        for part in residuals:
            at = self.moments(part.values.shape[1]).ravel()
            by_state = (part.by_state @ part.values[..., None]).reshape(-1, 2 * nv)
            dq[at] += by_state[:, :nv]
            dv[at] += by_state[:, nv:]
            if part.by_knot is not None:
                knot_gradient += part.by_knot * part.values[:, -1]
        loss += sum(part.loss for part in residuals)
        loss += sum(t.value(k) for t in self.control_terms)
        knot_gradient += self._control_gradient(k).reshape(knot_gradient.shape)
        return Slopes(loss, dq, dv, knot_gradient)

    def linearize_single(
        self, x: Float[np.ndarray, " n"]
    ) -> tuple[float, Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
        """As linearize, in a third less time: the matrix in single precision, the gradient good to
        about 1e-5 of itself. For a damped step that is plenty: with a thousandth of the diagonal
        added it is the exact one within 1 %.
        """
        return self.linearize(x, np.float32)

    def linearize(
        self, x: Float[np.ndarray, " n"], precision: type = np.float64
    ) -> tuple[float, Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
        """Loss, gradient (n,) and Gauss-Newton matrix (n, n) at x; (inf, zeros, identity) where it
        diverges.
        """
        if not np.isfinite(x).all() or (r := self.rollout(x)).diverged:
            return np.inf, np.zeros(self.n), np.eye(self.n, dtype=precision)
        e = self._expanded(x, r, precision)
        H = gauss_newton(e.maps, e.curvature)
        nv, nu, k = len(self.qvel), self.nu, self.knots(x)
        g, p = np.zeros((self.frames + 1, nu)), np.zeros(2 * nv)
        for f in range(self.frames - 1, -1, -1):
            back = e.maps.state[f] @ (p + e.slope[f]) + e.maps.inside[f] @ e.values[f]
            g[f] += back[2 * nv : 2 * nv + nu]
            g[f + 1] += back[2 * nv + nu :]
            p = back[: 2 * nv]
        for t in self.control_terms:
            t.add_curvature(H)
        loss = self._judged(e.loss + sum(t.value(k) for t in self.control_terms))
        return loss, g[1:].ravel() + self._control_gradient(k), H

    def expand(self, x: Float[np.ndarray, " n"], precision: type = np.float64) -> Expansion:
        """What `linearize` puts together, frame by frame and without the control terms; x must not
        diverge. precision: of the maps.
        """
        return self._expanded(x, self.rollout(x), precision)

    def _expanded(self, x: Float[np.ndarray, " n"], r: Rollout, precision: type) -> Expansion:
        loss, d = self._state_derivatives(r, True)
        assert d.curvature is not None
        c = self.simulator.constants
        exact = velocity_jacobians(c, r, self._pool)
        jacobians: list[np.ndarray] = [a.astype(precision, copy=False) for a in exact]
        residuals = self._residuals(r, self.knots(x))
        loss += sum(part.loss for part in residuals)
        maps = frame_maps(c, jacobians, self.substeps, residuals, self._pool)
        values = np.concatenate(
            [np.zeros((self.frames, 0)), *(r.values.reshape(self.frames, -1) for r in residuals)], 1
        )
        return Expansion(loss, maps, values, np.concatenate([d.dq, d.dv], 1), d.curvature)
