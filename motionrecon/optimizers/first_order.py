"""SGD, SGD with momentum and Adam from optax, in float64 on host arrays."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Float

from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import Optimizer, Problem, State, Status, start_state


@dataclasses.dataclass(frozen=True)
class FirstOrderOptions:
    """learning_rate: units of x (Adam) or x per gradient (SGD), > 0. decay: momentum, or Adam's
    first decay, in [0, 1).

    decay2: Adam's second decay, in [0, 1). gradient_tolerance: stop when no gradient entry exceeds
    it, >= 0.
    """

    learning_rate: float = 1e-2
    decay: float = 0.9
    decay2: float = 0.999
    gradient_tolerance: float = 1e-10

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or not 0 <= self.decay < 1 or not 0 <= self.decay2 < 1:
            raise OptimizerError(f"learning_rate must be above 0 and decays in [0, 1): got {self}")


@dataclasses.dataclass
class FirstOrderState(State):
    """optax's own state, and a factor on the step that halves whenever a step ended where the
    objective is not finite.
    """

    inner: Any = None
    scale: float = 1.0


class FirstOrder(Optimizer[FirstOrderState]):
    """An optax transformation, one evaluation an iteration."""

    def __init__(
        self, name: str, transformation: optax.GradientTransformation, options: FirstOrderOptions
    ) -> None:
        self.name, self.transformation, self.options = name, transformation, options
        self.gradient_tolerance = options.gradient_tolerance
        self._update = jax.jit(transformation.update)

    def init(self, problem: Problem, x0: Float[np.ndarray, " n"]) -> FirstOrderState:
        """The start, with optax's state as new."""
        state = start_state(problem, x0, FirstOrderState)
        with jax.enable_x64(True):
            state.inner = self.transformation.init(state.x)
        return state

    def step(self, problem: Problem, state: FirstOrderState) -> FirstOrderState:
        """One update; a second evaluation where the first is not finite."""
        with jax.enable_x64(True):
            update, state.inner = self._update(state.grad, state.inner)
            x = state.x + state.scale * np.asarray(update)
        state.iteration += 1
        loss, grad = problem.value_and_grad(x) if np.all(np.isfinite(x)) else (np.inf, state.grad)
        if np.isfinite(loss):
            state.accept(x, loss, grad)
            return state
        # Back to the best point with half the step and no memory of the way that led out.
        state.scale *= 0.5
        state.message = f"a step was not finite: back to the best point, step times {state.scale:g}"
        if state.scale < 1e-12:
            state.stop = Status.NON_FINITE
            return state
        loss, grad = problem.value_and_grad(state.best_x)
        state.accept(state.best_x.copy(), loss, grad)
        with jax.enable_x64(True):
            state.inner = self.transformation.init(state.x)
        return state


def sgd(options: FirstOrderOptions) -> FirstOrder:
    """Gradient descent with a constant step."""
    return FirstOrder("sgd", optax.sgd(options.learning_rate), options)


def momentum(options: FirstOrderOptions) -> FirstOrder:
    """Gradient descent with heavy-ball momentum."""
    return FirstOrder("momentum", optax.sgd(options.learning_rate, momentum=options.decay), options)


def adam(options: FirstOrderOptions) -> FirstOrder:
    """Adam (Kingma & Ba 2015)."""
    return FirstOrder(
        "adam", optax.adam(options.learning_rate, b1=options.decay, b2=options.decay2), options
    )
