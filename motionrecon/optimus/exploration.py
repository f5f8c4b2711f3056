"""Leaving a basin: when a descent has converged or cannot beat the best point any more, hop from the best point.

Basin hopping (Wales & Doye 1997) with every hop's length drawn anew over scales, so that no scale of the
landscape must be known; only a lower point replaces the best. Directions are random or along the descent that
led to the best point: funnels go on where they came from.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from motionrecon.optimus.rules import Rules


class Exploration(NamedTuple):
    """x, f: the lowest point (n,) and its loss. origin (n,): where the present descent began. travel (n,): the way of
    the descent that found x. hopped: whether the point now out for evaluation begins a descent. away: whether the
    present descent began with a hop. log_length: of the hop under way, success: of the last that paid; over
    the first radius. count: hops so far.
    """

    x: jax.Array
    f: jax.Array
    origin: jax.Array
    travel: jax.Array
    hopped: jax.Array
    away: jax.Array
    log_length: jax.Array
    success: jax.Array
    count: jax.Array


def start(n: int) -> Exploration:
    v, z, no = jnp.zeros(n), jnp.zeros(()), jnp.array(False)
    return Exploration(v, z, v, v, no, no, z, z, jnp.zeros((), jnp.int32))


def record(old: Exploration, x: jax.Array, f: jax.Array, begins: jax.Array, first: jax.Array) -> Exploration:
    """Takes in the iterate x (n,) with loss f; `begins`: a descent begins there."""
    better = first | (f < old.f)
    origin = jnp.where(begins, x, old.origin)
    return old._replace(
        x=jnp.where(better, x, old.x),
        f=jnp.where(better, f, old.f),
        origin=origin,
        travel=jnp.where(better & ~begins, x - origin, old.travel),
        success=jnp.where(better & old.away, old.log_length, old.success),
        hopped=jnp.array(False),
    )


def hop(old: Exploration, rules: Rules, unit: jax.Array, seed: jax.Array) -> tuple[jax.Array, Exploration]:
    """(displacement (n,) from the best point, state with the hop under way). unit: the first radius, units of x."""
    n = old.x.shape[0]
    keys = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(0), seed), 4)
    low, high = jnp.log(rules.hop_low), jnp.log(jnp.maximum(rules.hop_high, rules.hop_low))
    fresh = low + (high - low) * jax.random.uniform(keys[0], (), old.x.dtype)
    chance = jax.random.uniform(keys[1], (2,), old.x.dtype)
    repeat = (chance[0] < rules.again) & (old.success != 0.0)
    log_length = jnp.where(repeat, old.success + 0.3 * (fresh - low) / (high - low + 1e-6) - 0.15, fresh)
    noise = jax.random.normal(keys[2], (n,), old.x.dtype)
    way = jnp.sqrt(old.travel @ old.travel)
    sign = jnp.sign(jax.random.uniform(keys[3], (), old.x.dtype) - 0.5)
    direction = jnp.where(
        (chance[1] < rules.along) & (way > 0),
        sign * old.travel / (way + 1e-300),
        noise / jnp.sqrt(noise @ noise + 1e-300),
    )
    state = old._replace(
        hopped=jnp.array(True), away=jnp.array(True), log_length=log_length, count=old.count + 1
    )
    return unit * jnp.exp(log_length) * direction, state
