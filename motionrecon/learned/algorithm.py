"""Both learned algorithms behind one set of pure functions, chosen by the configuration's type."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any

import jax
from jaxtyping import Array, Float

from motionrecon.learned import adafactor, optimus
from motionrecon.learned.adafactor import AdafactorMlpConfig
from motionrecon.learned.optimus import OptimusConfig

Config = OptimusConfig | AdafactorMlpConfig


def _module(config: Config) -> ModuleType:
    return optimus if isinstance(config, OptimusConfig) else adafactor


def init_theta(config: Config, key: jax.Array) -> dict[str, Any]:
    """Untrained meta-parameters: nested dicts of arrays."""
    return _module(config).init_theta(config, key)


def init(config: Config, n: int) -> Any:
    """State before the first evaluation of n unknowns. Call with float64 enabled."""
    return _module(config).init(config, n)


def update(
    config: Config,
    theta: dict[str, Any],
    state: Any,
    x: Float[Array, " n"],
    loss: Float[Array, ""],
    grad: Float[Array, " n"],
) -> tuple[Float[Array, " n"], Any]:
    """(step to the next point to evaluate, new state) from loss and gradient at x."""
    return _module(config).update(config, theta, state, x, loss, grad)


def explores(config: Config) -> bool:
    """Whether it hops on where a descent has converged."""
    return isinstance(config, OptimusConfig) and config.explores


def adjusted(config: Config, **fields: Any) -> Config:
    """The configuration with those of `fields` that are not None, where it has such fields."""
    known = {field.name for field in dataclasses.fields(config)}
    return dataclasses.replace(
        config, **{k: v for k, v in fields.items() if v is not None and k in known}
    )
