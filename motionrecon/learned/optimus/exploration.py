"""Leaving a basin: when a descent has converged or cannot beat the best point any more, survey the
landscape around the best point and descend from where it leads, or hop.

Basin hopping (Wales & Doye 1997) with every hop's length drawn anew over scales, so that no scale
of the landscape must be known; only a lower point replaces the best. Directions are random or along
the descent that led to the best point: funnels go on where they came from.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from motionrecon.learned.optimus import survey
from motionrecon.learned.optimus.rules import Rules


class Exploration(NamedTuple):
    """x, f: the lowest point (n,) and its loss. origin (n,): where the present descent began.
    travel (n,): the way of the descent that found x. hopped: whether the point now out for
    evaluation begins a descent. away: whether the present descent began with a hop or a survey.

    log_length: of the hop under way, success: of the last that paid; over the first radius. base
    (n,): the best point before this descent; way (n,): from there to the best point, when it paid.
    left: times left so far; surveys, of these. survey: the one under way, or idle.
    """

    x: jax.Array
    f: jax.Array
    origin: jax.Array
    travel: jax.Array
    hopped: jax.Array
    away: jax.Array
    log_length: jax.Array
    success: jax.Array
    base: jax.Array
    way: jax.Array
    left: jax.Array
    surveys: jax.Array
    survey: survey.Survey


def start(n: int) -> Exploration:
    """The state before the first point of n unknowns."""
    v, z, no = jnp.zeros(n), jnp.zeros(()), jnp.array(False)
    i = jnp.zeros((), jnp.int32)
    return Exploration(v, z, v, v, no, no, z, z, v, v, i, i, survey.idle(n))


def record(
    old: Exploration, x: jax.Array, f: jax.Array, begins: jax.Array, first: jax.Array
) -> Exploration:
    """Takes in the iterate x (n,) with loss f; `begins`: a descent begins there."""
    better = first | (f < old.f)
    origin = jnp.where(begins, x, old.origin)
    return old._replace(
        x=jnp.where(better, x, old.x),
        f=jnp.where(better, f, old.f),
        origin=origin,
        travel=jnp.where(better & ~begins, x - origin, old.travel),
        way=jnp.where(better & old.away, x - old.base, old.way),
        success=jnp.where(better & old.away, old.log_length, old.success),
        hopped=jnp.array(False),
    )


def hop(
    old: Exploration, rules: Rules, unit: jax.Array, seed: jax.Array
) -> tuple[jax.Array, Exploration]:
    """(displacement (n,) from the best point, state with the hop under way). unit: the first
    radius, units of x.
    """
    n = old.x.shape[0]
    keys = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(0), seed), 4)
    low, high = jnp.log(rules.hop_low), jnp.log(jnp.maximum(rules.hop_high, rules.hop_low))
    fresh = low + (high - low) * jax.random.uniform(keys[0], (), old.x.dtype)
    chance = jax.random.uniform(keys[1], (2,), old.x.dtype)
    repeat = (chance[0] < rules.again) & (old.success != 0.0)
    log_length = jnp.where(
        repeat, old.success + 0.3 * (fresh - low) / (high - low + 1e-6) - 0.15, fresh
    )
    noise = jax.random.normal(keys[2], (n,), old.x.dtype)
    way = jnp.sqrt(old.travel @ old.travel)
    sign = jnp.sign(jax.random.uniform(keys[3], (), old.x.dtype) - 0.5)
    direction = jnp.where(
        (chance[1] < rules.along) & (way > 0),
        sign * old.travel / (way + 1e-300),
        noise / jnp.sqrt(noise @ noise + 1e-300),
    )
    # What paid last may pay again: on in the same way, by half to twice as far.
    paid = jnp.sqrt(old.way @ old.way)
    on = repeat & (chance[1] < 0.5) & (paid > 0)
    direction = jnp.where(on, old.way / (paid + 1e-300), direction)
    log_length = jnp.where(on, jnp.log(paid / unit + 1e-300) + 2.0 * chance[1] - 0.5, log_length)
    state = old._replace(
        hopped=jnp.array(True),
        away=jnp.array(True),
        log_length=log_length,
        base=old.x,
        left=old.left + 1,
    )
    return unit * jnp.exp(log_length) * direction, state


def leave(
    old: Exploration, rules: Rules, unit: jax.Array, seed: jax.Array
) -> tuple[jax.Array, Exploration]:
    """(next point (n,), state): the first time a survey, later at random a survey or a hop from the
    best point.
    """
    keys = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(1), seed), 3)
    jump, hopping = hop(old, rules, unit, seed)
    n = old.x.shape[0]
    # The first survey takes the rules' heights, later ones vary them and look longer.
    vary = jnp.exp(
        jnp.where(old.surveys > 0, jax.random.uniform(keys[1], (), old.x.dtype, -1.4, 0.7), 0.0)
    )
    high = vary * rules.survey_high * unit / n**0.5
    low = jnp.minimum(rules.survey_low * unit / n**0.5, 0.5 * high)
    pairs = jnp.clip(jnp.round(rules.probes * n**0.5 * 1.5**old.surveys), 2, 200)
    probe, begun = survey.begin(old.x, high, low, pairs, keys[2])
    surveying = old._replace(
        survey=begun, away=jnp.array(True), base=old.x, left=old.left + 1, surveys=old.surveys + 1
    )
    # With few unknowns hops find their way by themselves.
    chance = jnp.where(old.left == 0, 1.0, rules.survey) * min(1.0, n / 8)
    look = jax.random.uniform(keys[0], (), old.x.dtype) < chance
    choose = lambda a, b: jnp.where(look, a, b)  # noqa: E731
    return choose(probe, old.x + jump), jax.tree.map(choose, surveying, hopping)


def look(
    old: Exploration,
    x: jax.Array,
    loss: jax.Array,
    grad: jax.Array,
    sound: jax.Array,
    seed: jax.Array,
) -> tuple[jax.Array, Exploration]:
    """Takes in a probe x (n,) of the survey under way and returns the next point (n,) with the
    state.
    """
    key = jax.random.fold_in(jax.random.PRNGKey(2), seed)
    better = sound & (loss < old.f)
    following, after = survey.advance(old.survey, loss, grad, sound, key)
    state = old._replace(
        x=jnp.where(better, x, old.x),
        f=jnp.where(better, loss, old.f),
        hopped=~after.active,
        survey=after,
    )
    return following, state
