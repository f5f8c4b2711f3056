"""steered-gauss-newton: the window's own Gauss-Newton inverse, corrected by secant pairs between
Jacobians, steered by a learned policy. No line search: one point a step, which is kept or not.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float

from motionrecon.errors import OptimizerError
from motionrecon.learned import store
from motionrecon.learned.steered import inverse, policy
from motionrecon.learned.steered.features import features
from motionrecon.learned.steered.state import SteeredState
from motionrecon.optimizers.base import (
    Optimizer,
    Problem,
    Status,
    checked_start,
    finite_linearization,
    finite_or_inf,
    least_squares,
    linearize_fast,
    linearized_start_state,
)
from motionrecon.optimizers.damping import damped_factor


@dataclasses.dataclass(frozen=True)
class SteeredOptions:
    """damping: first multiple of the curvature's diagonal before the policy's own factor, > 0.
    damping_floor, damping_ceiling: its bounds. tolerance: stop when a Jacobian's steps lowered the
    loss by less than this share of it, >= 0, patience times in a row, >= 1. memory: secant pairs
    kept, >= 1. folder: weights from here in place of the shipped ones.
    """

    damping: float = 0.1
    damping_floor: float = 1e-5
    damping_ceiling: float = 1e6
    tolerance: float = 2e-3
    patience: int = 1
    memory: int = 12
    folder: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.damping_floor <= self.damping <= self.damping_ceiling or self.memory < 1:
            raise OptimizerError(
                "steered-gauss-newton: 0 < damping_floor <= damping <= damping_ceiling and "
                f"memory >= 1 are needed: got {self}"
            )


class SteeredGaussNewton(Optimizer[SteeredState]):
    """Needs a problem with `linearize`, and takes `linearize_single` where there is one.

    The preconditioner starts as B = (J'J + damping * diag)^-1; every accepted step adds the
    rank-one terms of a secant pair, until the policy asks for a new Jacobian.
    """

    learned = True

    def __init__(
        self, name: str, theta: policy.Theta, options: SteeredOptions = SteeredOptions()
    ) -> None:
        self.name, self.theta, self.options = name, theta, options

    def init(self, problem: Problem, x0: np.ndarray) -> SteeredState:
        """The state at the start x0 (n,); costs one linearisation. Raises OptimizerError."""
        known = least_squares(problem, self.name)
        x = checked_start(problem, x0)
        state = linearized_start_state(linearize_fast(known, x), x, SteeredState)
        state.damping = policy.first_damping(self.theta, np.log(self.options.damping))
        state.loss_at_jacobian = state.first_loss = state.loss
        return state

    def step(self, problem: Problem, state: SteeredState) -> SteeredState:
        """A new Jacobian where one is due, then one trial step."""
        state.iteration += 1
        if state.renew:
            self._renew(problem, state)
        if state.stop is None and state.factor is None:
            self._factorise(state)
        if state.stop is None:
            self._try(problem, state)
        return state

    def _renew(self, problem: Problem, state: SteeredState) -> None:
        """Takes a Jacobian, unless the last ones gained too little."""
        o = self.options
        slow = state.loss_at_jacobian - state.loss <= o.tolerance * state.loss_at_jacobian
        state.slow = state.slow + 1 if slow and state.age else 0
        if state.slow >= o.patience:
            state.stop = Status.CONVERGED
            return
        found = linearize_fast(least_squares(problem, self.name), state.x)
        loss, grad, hessian = finite_linearization(found)
        if not np.isfinite(loss):
            state.end(Status.STALLED, "the linearisation at the last point is not finite")
            return
        state.grad, state.hessian, state.factor = grad, hessian, None
        state.pairs, state.age, state.renew, state.rejections = [], 0, False, 0
        state.loss_at_jacobian = state.loss

    def _factorise(self, state: SteeredState) -> None:
        """Raises the damping until the matrix is positive definite."""
        o = self.options
        while True:
            state.damping = float(np.clip(state.damping, o.damping_floor, o.damping_ceiling))
            stale = state.decision.stale if state.age and state.decision else 1.0
            state.factor = damped_factor(state.hessian, state.damping * stale)
            if state.factor is not None:
                return
            if state.damping >= o.damping_ceiling:
                state.end(Status.STALLED, "the curvature cannot be damped to positive definite")
                return
            state.damping *= 10.0

    def _try(self, problem: Problem, state: SteeredState) -> None:
        """One point along the preconditioned gradient, kept where it lowers the loss."""
        length = state.decision.length if state.decision else 1.0
        direction = -inverse.apply(state.factor, state.pairs, state.grad)
        slope = float(state.grad @ direction)
        if not slope < 0.0:
            if state.age == 0:
                state.stop = Status.CONVERGED if slope == 0.0 else Status.STALLED
            else:
                state.renew = True
            return
        step = length * direction
        promised = -slope * length * (1.0 - 0.5 * length)
        # Undamped and fresh, the model's own promise says whether there is anything left to gain.
        fresh = state.age == 0 and state.damping <= 1.0
        if fresh and promised <= 0.1 * self.options.tolerance * state.loss:
            state.stop = Status.CONVERGED
            return
        x = state.x + step
        loss = problem.value(x) if np.isfinite(x).all() else np.inf
        accepted = bool(loss < state.loss)
        seen = features(state, loss, promised, step, accepted)
        state.decision = policy.decide(self.theta, seen)
        if accepted:
            self._keep(problem, state, x, loss, step, length, state.decision)
        else:
            self._reject(state, state.decision)

    def _keep(
        self,
        problem: Problem,
        state: SteeredState,
        x: Float[np.ndarray, " n"],
        loss: float,
        step: Float[np.ndarray, " n"],
        length: float,
        decision: policy.Decision,
    ) -> None:
        """Moves to x, with the gradient there and a secant pair unless a Jacobian follows."""
        state.rejections, state.last_step = 0, step
        state.damping *= decision.damping_accept
        if decision.renew:
            # The gradient comes with the Jacobian.
            state.accept(x, loss, state.grad)
            state.age, state.renew = state.age + 1, True
            return
        loss, grad = finite_or_inf(*problem.value_and_grad(x))
        if not np.isfinite(loss):
            self._reject(state, decision)
            return
        model = -length * state.grad  # B^-1 s
        pair = inverse.damped_pair(step, grad - state.grad, model, decision)
        if pair is not None:
            state.pairs.append(pair)
            del state.pairs[: -self.options.memory]
        state.accept(x, loss, grad)
        state.age, state.factor = state.age + 1, None

    def _reject(self, state: SteeredState, decision: policy.Decision) -> None:
        """Stays, with more damping or a new Jacobian."""
        state.rejections += 1
        state.damping *= decision.damping_reject
        if state.age and decision.renew_rejected:
            state.renew = True
            return
        if state.damping >= self.options.damping_ceiling:
            state.end(Status.STALLED, state.message or "no damped step lowers the loss")
        state.factor = None


def shipped(name: str, options: SteeredOptions) -> SteeredGaussNewton:
    """With the weights called `name`, or those in options.folder. Raises ModelError."""
    _, theta = store.load(Path(options.folder) if options.folder else name)
    return SteeredGaussNewton(name, theta, options)
