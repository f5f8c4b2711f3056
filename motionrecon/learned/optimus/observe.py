"""Stage three of an Optimus step: what the network sees of the run.

Nothing absolute enters: gradients are divided by their size, positions are relative to the start
and divided by the trust radius, losses enter as ratios of differences.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.learned.optimus import features
from motionrecon.learned.optimus.accept import Verdict
from motionrecon.learned.optimus.config import OptimusConfig
from motionrecon.learned.optimus.curvature import Curvature, root_mean_square
from motionrecon.learned.optimus.safe import magnitude, over
from motionrecon.learned.optimus.state import OptimusState

VECTORS, SCALARS = 4, 14
INPUTS = features.PARAMETER_FEATURES + VECTORS + features.TIME_FEATURES + SCALARS


def _cosine(a: Float[Array, " n"], b: Float[Array, " n"]) -> Float[Array, ""]:
    return over(a @ b, magnitude(a) * magnitude(b))


def _scalars(
    config: OptimusConfig,
    old: OptimusState,
    seen: Verdict,
    curve: Curvature,
    acc: features.Accumulators,
) -> Float[Array, " 14"]:
    """What belongs to the step as a whole."""
    best, span = seen.best, seen.worst - seen.best.f
    newton, radius = curve.newton, curve.radius
    return jnp.stack(
        [
            jnp.tanh(seen.ratio),
            seen.accept * 1.0,
            curve.curved * 1.0,
            _cosine(seen.g, newton),
            _cosine(seen.grad, old.s),
            _cosine(curve.y, old.s),
            # Before the first pair the length of `newton` is the gradient's, and would tell the
            # scale of f.
            jnp.where(
                curve.seen_pair | (not config.secant),
                jnp.tanh(0.3 * jnp.log((magnitude(newton) + 1e-300) / radius)),
                0.0,
            ),
            jnp.tanh(0.3 * jnp.log((seen.tried + 1e-300) / radius)),
            jnp.where(
                seen.first,
                0.0,
                jnp.tanh(
                    0.3
                    * jnp.log(root_mean_square(seen.grad) / root_mean_square(old.g + seen.first))
                ),
            ),
            *(root_mean_square(acc.m[:, i]) for i in range(3)),
            over(seen.f - best.f, span),
            jnp.tanh(
                0.1 * jnp.log(jnp.where(span > 0, over(jnp.abs(seen.drop), span) + 1e-300, 1.0))
            ),
        ]
    )


def observe(
    config: OptimusConfig,
    old: OptimusState,
    seen: Verdict,
    curve: Curvature,
    acc: features.Accumulators,
) -> Float[Array, "n 57"]:
    """The network's inputs, a row an unknown, in single precision."""
    vectors = (old.s, curve.y, curve.newton, curve.by)
    extra = jnp.stack([v / root_mean_square(v) for v in vectors], axis=1)
    own = features.parameter_features(
        acc, seen.g / curve.size, (seen.x - seen.start) / curve.radius
    )
    scalars = _scalars(config, old, seen, curve, acc)
    shared = jnp.concatenate([features.time_features(old.k), scalars])
    rows = jnp.broadcast_to(shared, (seen.g.shape[0], shared.shape[0]))
    inputs = jnp.concatenate([own, extra, rows], axis=1)
    return jnp.clip(jnp.nan_to_num(inputs), -30.0, 30.0).astype(jnp.float32)
