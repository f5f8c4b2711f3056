"""Lengths and ratios whose derivatives are finite where they are zero: meta-training differentiates
every branch, those not taken too.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def magnitude(v: Float[Array, " n"]) -> Float[Array, ""]:
    """|v|, whose derivative at zero is zero in place of NaN."""
    square = v @ v
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def over(a: Float[Array, ""], b: Float[Array, ""]) -> Float[Array, ""]:
    """a / b, zero where b is, and so are its derivatives."""
    return jnp.where(b != 0, a / jnp.where(b != 0, b, 1.0), 0.0)
