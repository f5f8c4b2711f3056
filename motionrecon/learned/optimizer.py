"""Optimus and Adafactor-MLP behind the project's optimizer interface."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np

from motionrecon.errors import OptimizerError
from motionrecon.learned import algorithm, store
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

    def __post_init__(self) -> None:
        if not self.gradient_tolerance >= 0 or self.max_rejections < 1:
            raise OptimizerError(
                f"gradient_tolerance >= 0 and max_rejections >= 1 are needed: got {self}"
            )


@functools.lru_cache(maxsize=32)
def jitted_update(config: algorithm.Config) -> jax.stages.Wrapped:
    """The update of a configuration, compiled once a dimension: (theta, state, x, loss, grad) ->
    (step, state).
    """
    return jax.jit(functools.partial(algorithm.update, config))


@dataclasses.dataclass
class LearnedState(State):
    """`inner`: the learned optimizer's state; `next_x` (n,): the point to evaluate next;
    `rejections`: non-finite in a row.
    """

    inner: Any = None
    next_x: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    rejections: int = 0


class Learned(Optimizer[LearnedState]):
    """One evaluation an iteration, no line search. The iterate `x` is the last finite point
    evaluated.
    """

    learned = True

    def __init__(
        self,
        name: str,
        config: algorithm.Config,
        theta: dict[str, Any],
        options: LearnedOptions = LearnedOptions(),
    ) -> None:
        self.config = algorithm.adjusted(
            config, first_radius=options.first_radius, explore=options.explore
        )
        self.explores = algorithm.explores(self.config)
        self.name, self.theta, self.options = name, theta, options
        self.gradient_tolerance = options.gradient_tolerance
        self._update = jitted_update(self.config)

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
        """The state at the start x0 (n,); costs one evaluation."""
        state = start_state(problem, x0, LearnedState)
        with jax.enable_x64(True):
            state.inner = algorithm.init(self.config, problem.n)
        if state.stop is None:
            self._advance(state, state.x, state.loss, state.grad)
        return state

    def step(self, problem: Problem, state: LearnedState) -> LearnedState:
        """Evaluates the point that is due and asks for the next one."""
        state.iteration += 1
        x = state.next_x
        if not np.all(np.isfinite(x)):
            state.end(Status.STALLED, "the learned step is no longer finite")
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
            state.end(Status.STALLED, "the step is below the resolution of x")
        return state


def shipped(name: str, options: LearnedOptions) -> Learned:
    """With the weights called `name`, or those in options.folder. Raises ModelError."""
    return Learned(name, *store.load(Path(options.folder) if options.folder else name), options)
