"""optimus-motion: the window's own Gauss-Newton inverse, corrected by secant pairs between
Jacobians, steered by a learned policy.

The preconditioner starts as B = (J'J + damping * diag)^-1; every accepted step adds the rank-one
terms of a secant pair (the last ones by the two-loop recursion of Nocedal & Wright, algorithm 7.4,
with the damped Gauss-Newton inverse as its first matrix), until the policy asks for a new Jacobian.
No line search: one point a step, which is kept or not.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from motionrecon.errors import OptimizerError
from motionrecon.learned import motion_policy as policy
from motionrecon.learned import motion_weights
from motionrecon.optimizers.base import (
    LinearizedState,
    Optimizer,
    Problem,
    Status,
    checked_start,
    finite_or_inf,
    least_squares,
    linearize_fast,
    linearized_start_state,
)


@dataclasses.dataclass(frozen=True)
class OptimusMotionOptions:
    """damping: first multiple of the curvature's diagonal before the policy's own factor, > 0.
    damping_floor, damping_ceiling: its bounds. tolerance: stop when a Jacobian's steps lowered the
    loss by less than this share of it, patience times in a row. memory: secant pairs kept, >= 1.
    folder: weights from here in place of the shipped ones.
    """

    damping: float = 0.1
    damping_floor: float = 1e-5
    damping_ceiling: float = 1e6
    tolerance: float = 2e-3
    patience: int = 1
    memory: int = 12
    folder: str | None = None


@dataclasses.dataclass
class OptimusMotionState(LinearizedState):
    """factor: Cholesky factor of the last Jacobian's matrix, damped; pairs [(s, y)] since; age:
    accepted steps since; renew: whether to take a new one before the next step;
    loss_at_jacobian; slow: Jacobians in a row that gained little; decision: the policy's
    last.
    """

    factor: Any = None
    damping: float = 0.1
    pairs: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=list)
    age: int = 0
    renew: bool = False
    loss_at_jacobian: float = 0.0
    slow: int = 0
    rejections: int = 0
    factorisations: int = 0
    last_step: np.ndarray | None = None
    first_loss: float = 0.0
    decision: policy.Decision | None = None


class OptimusMotion(Optimizer[OptimusMotionState]):
    """Needs a problem with `linearize`."""

    learned = True

    def __init__(self, name: str, theta: dict[str, np.ndarray], options: OptimusMotionOptions):
        if (
            not 0 < options.damping_floor <= options.damping <= options.damping_ceiling
            or options.memory < 1
        ):
            raise OptimizerError(
                f"{name}: 0 < damping_floor <= damping <= damping_ceiling and memory >= 1 are needed"
            )
        self.name, self.theta, self.options = name, theta, options

    def init(self, problem: Problem, x0: np.ndarray) -> OptimusMotionState:
        known = least_squares(problem, self.name)
        x = checked_start(problem, x0)
        state = linearized_start_state(linearize_fast(known, x), x, OptimusMotionState)
        state.damping = policy.first_damping(self.theta, np.log(self.options.damping))
        state.loss_at_jacobian = state.first_loss = state.loss
        return state

    def _factorise(self, state: OptimusMotionState) -> None:
        """Raises the damping until the matrix is positive definite."""
        o = self.options
        diagonal = np.diag(state.hessian)
        scale = np.maximum(diagonal, 1e-9 * max(diagonal.max(initial=0), 1e-12))
        while True:
            state.damping = float(np.clip(state.damping, o.damping_floor, o.damping_ceiling))
            damping = state.damping * (state.decision.stale if state.age else 1.0)
            damped = state.hessian.copy()
            damped[np.diag_indices_from(damped)] += damped.dtype.type(damping) * scale
            state.factorisations += 1
            try:
                state.factor = cho_factor(damped, overwrite_a=True, check_finite=False)
                return
            except LinAlgError:
                if state.damping >= o.damping_ceiling:
                    state.stop, state.message = (
                        Status.STALLED,
                        "the curvature cannot be damped to positive definite",
                    )
                    return
                state.damping *= 10.0

    def _apply(self, state: OptimusMotionState, g: np.ndarray) -> np.ndarray:
        """B g (n,)."""
        q, weights = g.copy(), []
        for s, y in reversed(state.pairs):
            weights.append((s @ q) / (s @ y))
            q -= weights[-1] * y
        q = cho_solve(state.factor, q.astype(state.factor[0].dtype), check_finite=False).astype(
            float
        )
        for (s, y), weight in zip(state.pairs, reversed(weights), strict=True):
            q += (weight - (y @ q) / (s @ y)) * s
        return q

    def _features(
        self, state, loss: float, promised: float, step: np.ndarray, accepted: bool
    ) -> np.ndarray:
        drop = state.loss - loss
        ratio = np.clip(drop / (promised + 1e-300), -1.0, 1.5) if np.isfinite(loss) else -1.0
        cos = 0.0
        if state.last_step is not None:
            cos = (
                step
                @ state.last_step
                / (np.linalg.norm(step) * np.linalg.norm(state.last_step) + 1e-300)
            )
        share = lambda a: np.log10(np.clip(a / (state.loss + 1e-300), 1e-6, 1.0)) / 3.0 + 1.0  # noqa: E731
        relative = 0.0
        if state.last_step is not None:
            relative = np.log10(
                (np.linalg.norm(step) + 1e-300) / (np.linalg.norm(state.last_step) + 1e-300)
            )
        gained = 1.0 - min(loss, state.loss) / (state.loss_at_jacobian + 1e-300)
        return np.array(
            [
                ratio,
                share(max(drop, 0.0)) if np.isfinite(loss) else -1.0,
                share(promised),
                np.log1p(state.age + accepted) / np.log(4.0),
                np.log10(state.damping) / 2.0,
                cos,
                np.tanh(relative),
                np.log1p(state.iteration) / 3.0,
                np.log10((state.loss + 1e-300) / (state.first_loss + 1e-300)) / 2.0 + 0.5,
                min(state.rejections, 3) / 2.0,
                gained,
                1.0,
            ]
        )

    def _renew(self, problem: Problem, state: OptimusMotionState) -> None:
        o = self.options
        slow = state.loss_at_jacobian - state.loss <= o.tolerance * state.loss_at_jacobian
        state.slow = state.slow + 1 if slow and state.age else 0
        if state.slow >= o.patience:
            state.stop = Status.CONVERGED
            return
        loss, grad, hessian = linearize_fast(least_squares(problem, self.name), state.x)
        loss, grad = finite_or_inf(loss, grad)
        if not (np.isfinite(loss) and np.isfinite(hessian).all()):
            state.stop, state.message = (
                Status.STALLED,
                "the linearisation at the last point is not finite",
            )
            return
        state.grad, state.hessian, state.factor = grad, hessian, None
        state.pairs, state.age, state.renew, state.loss_at_jacobian, state.rejections = (
            [],
            0,
            False,
            state.loss,
            0,
        )

    def step(self, problem: Problem, state: OptimusMotionState) -> OptimusMotionState:
        o = self.options
        state.iteration += 1
        if state.renew:
            self._renew(problem, state)
            if state.stop:
                return state
        if state.factor is None:
            self._factorise(state)
            if state.stop:
                return state
        length = state.decision.length if state.decision else 1.0
        direction = -self._apply(state, state.grad)
        slope = float(state.grad @ direction)
        if not slope < 0.0:
            if state.age == 0:
                state.stop = Status.CONVERGED if slope == 0.0 else Status.STALLED
            else:
                state.renew = True
            return state
        step = length * direction
        promised = -slope * length * (1.0 - 0.5 * length)
        if state.age == 0 and promised <= 0.1 * o.tolerance * state.loss and state.damping <= 1.0:
            state.stop = Status.CONVERGED
            return state
        x = state.x + step
        loss = problem.value(x) if np.isfinite(x).all() else np.inf
        accepted = bool(loss < state.loss)
        f = self._features(state, loss, promised, step, accepted)
        d = state.decision = policy.decide(self.theta, f)
        if not accepted:
            self._reject(state, d)
            return state
        state.rejections, state.last_step = 0, step
        state.damping *= d.damping_accept
        if d.renew:
            # The gradient comes with the Jacobian.
            state.accept(x, loss, state.grad)
            state.age, state.renew = state.age + 1, True
            return state
        loss, grad = finite_or_inf(*problem.value_and_grad(x))
        if not np.isfinite(loss):
            self._reject(state, d)
            return state
        # Powell's damped pair (Nocedal & Wright, procedure 18.2), with a learned share: B^-1 s is
        # -length * grad.
        model = -length * state.grad
        y = d.secant * (grad - state.grad) + (1.0 - d.secant) * model
        if step @ y > 1e-3 * (step @ model):
            state.pairs.append((step, y))
            del state.pairs[: -o.memory]
        state.accept(x, loss, grad)
        state.age, state.factor = state.age + 1, None
        return state

    def _reject(self, state: OptimusMotionState, d: policy.Decision) -> None:
        o = self.options
        state.rejections += 1
        state.damping *= d.damping_reject
        if state.age and d.renew_rejected:
            state.renew = True
            return
        if state.damping >= o.damping_ceiling:
            state.stop, state.message = (
                Status.STALLED,
                state.message or "no damped step lowers the loss",
            )
        state.factor = None


def shipped(name: str, options: OptimusMotionOptions) -> OptimusMotion:
    """With the weights models/<name>/, or those in options.folder."""
    _, theta = motion_weights.load(options.folder or motion_weights.MODELS / name)
    return OptimusMotion(name, theta, options)
