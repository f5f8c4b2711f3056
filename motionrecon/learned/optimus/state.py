"""What Optimus carries from one evaluation to the next."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from motionrecon.learned.optimus import exploration, features, preconditioner
from motionrecon.learned.optimus.config import OptimusConfig


class OptimusState(NamedTuple):
    """x, g, f: the point stepped from; start: the first one; s: the last step tried, bs: H^-1 s,
    zeros where unknown; radius: trust radius in units of x.

    worst: the highest loss stepped from; predicted: decrease that the gradient promised for s;
    tolerance: rise allowed, in units of `predicted`; k: iteration. b: the preconditioner;
    seen_pair: whether it holds curvature; acc: feature accumulators. best: the lowest point, and
    the hops.
    """

    x: Float[Array, " n"]
    g: Float[Array, " n"]
    f: Float[Array, ""]
    start: Float[Array, " n"]
    s: Float[Array, " n"]
    bs: Float[Array, " n"]
    radius: Float[Array, ""]
    worst: Float[Array, ""]
    predicted: Float[Array, ""]
    tolerance: Float[Array, ""]
    k: Int[Array, ""]
    b: preconditioner.Dense | preconditioner.Factorised
    seen_pair: Bool[Array, ""]
    acc: features.Accumulators
    best: exploration.Exploration


def init(config: OptimusConfig, n: int) -> OptimusState:
    """The state before the first evaluation of a problem with n unknowns."""
    v, z = jnp.zeros(n), jnp.zeros(())
    return OptimusState(
        x=v,
        g=v,
        f=z,
        start=v,
        s=v,
        bs=v,
        radius=jnp.array(config.first_radius * n**0.5),
        worst=z,
        predicted=jnp.ones(()),
        tolerance=z,
        k=jnp.zeros((), jnp.int32),
        b=preconditioner.identity(n, config.columns),
        seen_pair=jnp.array(False),
        acc=features.zero_accumulators(n),
        best=exploration.start(n),
    )
