"""Stage two of an Optimus step: what the last step taught about curvature, and how far to trust
it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from motionrecon.learned.optimus import preconditioner
from motionrecon.learned.optimus.accept import Verdict
from motionrecon.learned.optimus.config import OptimusConfig
from motionrecon.learned.optimus.rules import Rules
from motionrecon.learned.optimus.safe import over
from motionrecon.learned.optimus.state import OptimusState


class Curvature(NamedTuple):
    """b: the preconditioner with the newest pair; seen_pair: whether it holds any; curved: whether
    the newest one is of use. y: change of the gradient along the last step, by: B y; newton: B g.
    size: rms of g. radius: trust radius before the network's word, units of x.
    """

    b: preconditioner.Dense | preconditioner.Factorised
    seen_pair: Bool[Array, ""]
    curved: Bool[Array, ""]
    y: Float[Array, " n"]
    by: Float[Array, " n"]
    newton: Float[Array, " n"]
    size: Float[Array, ""]
    radius: Float[Array, ""]


def root_mean_square(v: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Root of the mean square, above zero."""
    return jnp.sqrt(jnp.mean(v**2) + 1e-300)


def learn(
    config: OptimusConfig, rule: Rules, old: OptimusState, seen: Verdict, unit: Float[Array, ""]
) -> Curvature:
    """Takes in the pair (s, y) of the last step and renews the radius. unit: the first radius."""
    y = jnp.where(seen.begins, 0.0, seen.grad - old.g)
    b, seen_pair = old.b, old.seen_pair
    if config.secant:
        # What the losses say beyond the gradients about curvature at the new point (Zhang & Xu
        # 2001).
        excess = 6.0 * seen.drop + 3.0 * ((old.g + seen.grad) @ old.s)
        share = rule.values * over(excess, seen.tried**2)
        y = y + jnp.where(seen.begins, 0.0, share) * old.s
    sy = old.s @ y
    enough = sy > 1e-8 * jnp.sqrt((old.s @ old.s) * (y @ y))
    curved = seen.finite & ~seen.begins & enough & (sy > 0)
    if config.secant:
        b = preconditioner.add_secant(b, old.s, y, curved, old.bs, rule.davidon)
        seen_pair = seen_pair | curved
    size = root_mean_square(seen.g)
    # The paper's form has no curvature scale, so it sees gradients divided by their size.
    newton = preconditioner.apply(b, seen.g if config.secant else seen.g / size)
    by = preconditioner.apply(b, y)
    return Curvature(b, seen_pair, curved, y, by, newton, size, _radius(rule, old, seen, unit))


def _radius(
    rule: Rules, old: OptimusState, seen: Verdict, unit: Float[Array, ""]
) -> Float[Array, ""]:
    """The usual trust-region rule, but the cubic through both ends of the step says where its
    minimum lies.
    """
    where = _cubic_minimiser(old.g @ old.s, seen.grad @ old.s, seen.drop)
    shrunk = jnp.where(seen.finite, jnp.clip(where, 0.1, rule.shrink), rule.shrink_hard)
    radius = jnp.where(
        seen.ratio < rule.bad,
        jnp.minimum(shrunk * seen.tried, old.radius),
        jnp.maximum(old.radius, rule.grow * seen.tried),
    )
    anew = jnp.where(seen.first, unit, rule.hop_radius * seen.tried)
    return jnp.where(seen.begins, anew, radius)


def _cubic_minimiser(
    slope0: Float[Array, ""], slope1: Float[Array, ""], drop: Float[Array, ""]
) -> Float[Array, ""]:
    """Where the cubic with these slopes at 0 and 1, and value(0) - value(1) = drop, has its minimum
    (N&W eq. 3.59), as a share of the step; infinite when it falls on for ever.
    """
    a = slope0 + slope1 + 3.0 * drop
    square = a * a - slope0 * slope1
    # Both branches of a where are differentiated: what is not chosen must be finite there too.
    root = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    below = slope1 - slope0 + 2.0 * root
    there = (square >= 0) & (below > 0)
    return jnp.where(there, 1.0 - (slope1 + root - a) / jnp.where(there, below, 1.0), jnp.inf)
