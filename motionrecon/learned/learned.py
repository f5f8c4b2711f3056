"""Both learned optimizers behind one set of pure functions, chosen by the type of the
configuration.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax

from motionrecon.learned.adafactor import adafactor_mlp
from motionrecon.learned.optimus import optimus

Config = optimus.OptimusConfig | adafactor_mlp.AdafactorMlpConfig


def _module(config: Config) -> ModuleType:
    return optimus if isinstance(config, optimus.OptimusConfig) else adafactor_mlp


def init_theta(config: Config, key: jax.Array) -> Any:
    """Untrained meta-parameters."""
    return _module(config).init_theta(config, key)


def init(config: Config, n: int) -> Any:
    """State before the first evaluation of n unknowns. Call with float64 enabled."""
    return _module(config).init(config, n)


def update(
    config: Config, theta: Any, state: Any, x: jax.Array, loss: jax.Array, grad: jax.Array
) -> tuple[jax.Array, Any]:
    """(step (n,) to the next point to evaluate, new state) from loss and gradient (n,) at x (n,)."""
    return _module(config).update(config, theta, state, x, loss, grad)
