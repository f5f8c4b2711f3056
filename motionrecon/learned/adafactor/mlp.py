"""The Adafactor-MLP learned optimizer (Metz et al. 2022), the prior work that Optimus is measured
against.

A 39-4-4-2 ReLU network per parameter: step = out0 exp(1e-3 out1) step_scale. The published step
scale 1e-3 suits network weights; here domains have half-width 1 and runs are hundreds of steps, so
the default is 1e-2. Gradients are divided by the first one's size and positions taken relative to
the start, so that neither the scale of f nor the place of the minimum is seen.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.errors import ModelError
from motionrecon.learned.optimus import features

_WIDEST = 4096  # far beyond any that was trained (4)


@dataclasses.dataclass(frozen=True)
class AdafactorMlpConfig:
    """width: of the two hidden layers. step_scale: units of x per unit of network output, > 0."""

    width: int = 4
    step_scale: float = 1e-2

    def __post_init__(self) -> None:
        if not 1 <= self.width <= _WIDEST or not 0 < self.step_scale < math.inf:
            raise ModelError(f"width 1 to {_WIDEST} and step_scale > 0 are needed: got {self}")


class AdafactorMlpState(NamedTuple):
    """acc: accumulators; start (n,); x (n,): last finite point; size: rms of the first gradient; s
    (n,): last step; k: iteration.
    """

    acc: features.Accumulators
    start: jax.Array
    x: jax.Array
    size: jax.Array
    s: jax.Array
    k: jax.Array


class _Mlp(nn.Module):
    width: int

    @nn.compact
    def __call__(self, h: Float[Array, "n F"]) -> Float[Array, "n 2"]:
        for _ in range(2):
            h = nn.relu(nn.Dense(self.width)(h))
        return nn.Dense(2)(h)


def init_theta(config: AdafactorMlpConfig, key: jax.Array) -> dict[str, Any]:
    """Untrained meta-parameters: the network's and the seven decays', 197 at width 4."""
    count = features.PARAMETER_FEATURES + features.TIME_FEATURES
    return {
        "network": _Mlp(config.width).init(key, jnp.zeros((1, count), jnp.float32)),
        "decays": features.decay_parameters(),
    }


def template(config: AdafactorMlpConfig) -> dict[str, Any]:
    """Shapes of the meta-parameters, nothing computed."""
    return jax.eval_shape(lambda: init_theta(config, jax.random.key(0)))


def init(config: AdafactorMlpConfig, n: int) -> AdafactorMlpState:
    """The state before the first evaluation of a problem with n unknowns."""
    v = jnp.zeros(n)
    return AdafactorMlpState(
        features.zero_accumulators(n), v, v, jnp.ones(()), v, jnp.zeros((), jnp.int32)
    )


def update(
    config: AdafactorMlpConfig,
    theta: dict[str, Any],
    old: AdafactorMlpState,
    x: Float[Array, " n"],
    loss: Float[Array, ""],
    grad: Float[Array, " n"],
) -> tuple[Float[Array, " n"], AdafactorMlpState]:
    """As motionrecon.learned.optimus.update. A point that is not finite is answered by half
    the step from the point before.
    """
    first = old.k == 0
    finite = jnp.isfinite(loss) & jnp.all(jnp.isfinite(grad))
    grad = jnp.where(finite, grad, 0.0)
    size = jnp.where(first, jnp.sqrt(jnp.mean(grad**2)) + 1e-300, old.size)
    start = jnp.where(first, x, old.start)
    g = grad / size
    acc = jax.tree.map(
        lambda new, kept: jnp.where(finite, new, kept),
        features.accumulate(theta["decays"], old.acc, g),
        old.acc,
    )
    own = features.parameter_features(acc, g, x - start)
    time = jnp.broadcast_to(features.time_features(old.k), (x.shape[0], features.TIME_FEATURES))
    inputs = jnp.nan_to_num(jnp.concatenate([own, time], axis=1)).astype(jnp.float32)
    out = jnp.asarray(_Mlp(config.width).apply(theta["network"], inputs)).astype(x.dtype)
    step = -out[:, 0] * jnp.exp(1e-3 * out[:, 1]) * config.step_scale
    step = jnp.where(finite, jnp.nan_to_num(step), 0.5 * old.s)
    kept = jnp.where(finite, x, old.x)
    return kept + step - x, AdafactorMlpState(acc, start, kept, size, step, old.k + 1)
