"""Per-parameter features of the Adafactor-MLP optimizer (Metz et al. 2022), which Optimus takes
over, with learned decays.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

MOMENTUM_DECAYS = (0.9, 0.99, 0.999)
RMS_DECAY = 0.999
ADAFACTOR_DECAYS = (0.9, 0.99, 0.999)
TIME_SCALES = tuple(float(t) for e in range(6) for t in (10**e, 3 * 10**e))[
    :-1
]  # 1, 3, 10, ..., 1e5: eleven
PARAMETER_FEATURES, TIME_FEATURES = 28, 11


class Accumulators(NamedTuple):
    """Of the gradient: m momenta, rms second moment, v Adafactor second moments."""

    m: Float[Array, "n 3"]
    rms: Float[Array, " n"]
    v: Float[Array, "n 3"]


def zero_accumulators(n: int) -> Accumulators:
    """Before the first gradient of n unknowns."""
    return Accumulators(jnp.zeros((n, 3)), jnp.zeros(n), jnp.zeros((n, 3)))


def decay_parameters() -> dict[str, Any]:
    """theta = 0 for the seven decays: beta = 1 - (1 - beta0) exp(10 theta)."""
    return {"m": jnp.zeros(3), "rms": jnp.zeros(()), "v": jnp.zeros(3)}


def _decay(initial: float | tuple[float, ...], theta: Array) -> Array:
    return 1.0 - (1.0 - jnp.asarray(initial)) * jnp.exp(10.0 * theta)


def accumulate(theta: dict[str, Any], old: Accumulators, g: jax.Array) -> Accumulators:
    """One step of all accumulators with the gradient g (n,); no bias correction."""
    bm = jnp.clip(_decay(MOMENTUM_DECAYS, theta["m"]), -1.0, 1.0)
    br = jnp.clip(_decay(RMS_DECAY, theta["rms"]), 0.0, 1.0)
    bv = jnp.clip(_decay(ADAFACTOR_DECAYS, theta["v"]), 0.0, 1.0)
    square = g**2
    return Accumulators(
        m=bm * old.m + (1.0 - bm) * g[:, None],
        rms=br * old.rms + (1.0 - br) * square,
        v=bv * old.v + (1.0 - bv) * (square + 1e-30)[:, None],
    )


def normalise(columns: jax.Array) -> jax.Array:
    """Each column of (n, F) divided by the root of 1e-5 + its mean square over the n parameters."""
    return columns / jnp.sqrt(1e-5 + jnp.mean(columns**2, axis=0, keepdims=True))


def parameter_features(acc: Accumulators, g: jax.Array, p: jax.Array) -> jax.Array:
    """The 28 features (n, 28) of gradient g (n,), parameter p (n,) and accumulators, normalised by
    column.

    The second moments appear twice: for matrices those columns hold Adafactor's row and column
    factors, for vectors they coincide.
    """
    inverse_rms = jax.lax.rsqrt(acc.rms + 1e-6)[:, None]
    v_root = jax.lax.rsqrt(acc.v + 1e-8)
    columns = [
        g[:, None],
        p[:, None],
        acc.m,
        acc.rms[:, None],
        acc.m * inverse_rms,
        inverse_rms,
        g[:, None] * jax.lax.rsqrt(jnp.maximum(acc.v + 1e-9, 1e-9)),
        acc.v,
        acc.v,
        v_root,
        v_root,
        acc.m * jax.lax.rsqrt(acc.v + 1e-6),
    ]
    return normalise(jnp.concatenate(columns, axis=1))


def time_features(iteration: jax.Array) -> jax.Array:
    """tanh(t / tau - 1) for the eleven time scales tau: (11,)."""
    return jnp.tanh(iteration / jnp.asarray(TIME_SCALES) - 1.0)
