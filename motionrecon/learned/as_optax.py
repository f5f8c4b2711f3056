"""Optimus and Adafactor-MLP as an optax transformation."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from motionrecon.learned import algorithm


def as_optax(
    config: algorithm.Config, theta: dict[str, Any], explore: bool = False
) -> optax.GradientTransformationExtraArgs:
    """For optax users: `update(grads, state, params, value=loss)`; enable float64 for full
    accuracy. `config, theta = store.load("optimus-classical")` gives the first two arguments.

    Call it at params + updates every time, as optax.apply_updates does: an update may lead back
    from a rejected point. explore: hop out of converged basins; optax users keep the last point, so
    it is off unless asked.
    """
    config = algorithm.adjusted(config, explore=explore)

    def init(params: Any) -> Any:
        return algorithm.init(config, ravel_pytree(params)[0].size)

    def update(grads: Any, state: Any, params: Any, *, value: Any, **_: Any) -> tuple[Any, Any]:
        x, unravel = ravel_pytree(params)
        g = ravel_pytree(grads)[0]
        step, state = algorithm.update(config, theta, state, x, jnp.asarray(value), g)
        return unravel(step.astype(x.dtype)), state

    return optax.GradientTransformationExtraArgs(init, update)
