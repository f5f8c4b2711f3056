"""Optimus' meta-parameters before any training."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from motionrecon.learned.optimus import features, observe, rules
from motionrecon.learned.optimus.config import OptimusConfig


def init_theta(config: OptimusConfig, key: jax.Array) -> dict[str, Any]:
    """Untrained meta-parameters: the network's, the seven decays' and, in the secant family, the
    rules'.
    """
    theta = {
        "network": config.network.init(key, jnp.zeros((2, observe.INPUTS), jnp.float32)),
        "decays": features.decay_parameters(),
    }
    return theta | ({"rules": rules.parameters()} if config.secant else {})


def template(config: OptimusConfig) -> dict[str, Any]:
    """Shapes of the meta-parameters, nothing computed."""
    return jax.eval_shape(lambda: init_theta(config, jax.random.key(0)))
