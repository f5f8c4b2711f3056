"""Learned optimizers behind the project's interface, and as an optax transformation."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from motionrecon.learned import learned
from motionrecon.learned import weights_io as weights
from motionrecon.optimizers.base import Optimizer, Problem, State, Status, start_state


@dataclasses.dataclass(frozen=True)
class LearnedOptions:
    """gradient_tolerance: stop when no gradient entry exceeds it, >= 0. folder: weights from here
    in place of the shipped ones.

    first_radius: length of the first step over sqrt(n), in units of x, > 0 (None: that of the
    weights' configuration, 0.1, which suits domains of half-width 1); Adafactor-MLP ignores it.
    max_rejections: non-finite points in a row before giving up, >= 1. explore: whether Optimus hops
    out of basins where it has converged until the evaluations are spent (None: as configured, which
    is yes for the shipped weights); False stops at the first minimum, as local work such as control
    windows wants.
    """

    gradient_tolerance: float = 1e-10
    folder: str | None = None
    first_radius: float | None = None
    max_rejections: int = 30
    explore: bool | None = None


@functools.lru_cache(maxsize=32)
def jitted_update(config: learned.Config):
    """The update of a configuration, compiled once a dimension: (theta, state, x, loss, grad) ->
    (step, state).
    """
    return jax.jit(functools.partial(learned.update, config))


@dataclasses.dataclass
class LearnedState(State):
    """`inner`: the learned optimizer's state; `next_x` (n,): the point to evaluate next;
    `rejections`: non-finite in a row.
    """

    inner: Any = None
    next_x: np.ndarray | None = None
    rejections: int = 0


class Learned(Optimizer[LearnedState]):
    """One evaluation an iteration, no line search. The iterate `x` is the last finite point
    evaluated.
    """

    learned = True

    def __init__(self, name: str, config: learned.Config, theta: Any, options: LearnedOptions):
        if options.first_radius is not None and isinstance(config, learned.optimus.OptimusConfig):
            config = dataclasses.replace(config, first_radius=options.first_radius)
        if options.explore is not None and isinstance(config, learned.optimus.OptimusConfig):
            config = dataclasses.replace(config, explore=options.explore)
        self.explores = getattr(config, "explore", False) and config.family == "secant"
        self.name, self.config, self.theta, self.options = name, config, theta, options
        self.gradient_tolerance = options.gradient_tolerance
        self._update = jitted_update(config)

    def _advance(self, state: LearnedState, x: np.ndarray, loss: float, grad: np.ndarray) -> None:
        with jax.enable_x64(True):
            step, state.inner = self._update(self.theta, state.inner, x, np.float64(loss), grad)
        state.next_x = x + np.asarray(step)

    def done(self, state: LearnedState) -> Status | None:
        """As Optimizer.done; while exploring, a vanished gradient stops only at the start, where it
        may be constant.
        """
        return state.stop if self.explores and state.iteration > 0 else super().done(state)

    def init(self, problem: Problem, x0: np.ndarray) -> LearnedState:
        state = start_state(problem, x0, LearnedState)
        with jax.enable_x64(True):
            state.inner = learned.init(self.config, problem.n)
        if state.stop is None:
            self._advance(state, state.x, state.loss, state.grad)
        return state

    def step(self, problem: Problem, state: LearnedState) -> LearnedState:
        state.iteration += 1
        x = state.next_x
        if not np.all(np.isfinite(x)):
            state.stop, state.message = Status.STALLED, "the learned step is no longer finite"
            return state
        loss, grad = problem.value_and_grad(x)
        if np.isfinite(loss):
            state.rejections = 0
            state.accept(x.copy(), loss, grad)
        else:
            state.rejections += 1
            state.message = "a point was not finite: step shortened"
            if state.rejections >= self.options.max_rejections:
                state.stop = Status.NON_FINITE
                return state
        self._advance(state, x, loss, grad)
        if np.array_equal(state.next_x, x) and np.isfinite(loss):
            state.stop, state.message = Status.STALLED, "the step is below the resolution of x"
        return state


def shipped(name: str, options: LearnedOptions) -> Learned:
    """The learned optimizer with the weights models/<name>/, or those in options.folder."""
    return Learned(name, *weights.load(name, options.folder), options)


def as_optax(
    config: learned.Config, theta: Any, explore: bool = False
) -> optax.GradientTransformationExtraArgs:
    """The learned optimizer for optax users: `update(grads, state, params, value=loss)`; enable
    float64 for full accuracy.

    Call it at params + updates every time, as optax.apply_updates does: an update may lead back
    from a rejected point. explore: hop out of converged basins; optax users keep the last point, so
    it is off unless asked.
    """
    if isinstance(config, learned.optimus.OptimusConfig):
        config = dataclasses.replace(config, explore=explore)

    def init(params):
        return learned.init(config, ravel_pytree(params)[0].size)

    def update(grads, state, params, *, value, **_):
        x, unravel = ravel_pytree(params)
        g, _ = ravel_pytree(grads)
        step, state = learned.update(config, theta, state, x, jnp.asarray(value), g)
        return unravel(step.astype(x.dtype)), state

    return optax.GradientTransformationExtraArgs(init, update)
