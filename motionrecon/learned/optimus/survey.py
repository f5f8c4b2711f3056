"""Looking at the landscape from further off: Gaussian smoothing at a scale that shrinks round by
round.

Ripples hide a funnel from every gradient taken at one point. Averages over probes centre + h xi, xi
~ N(0, I), see the smoothed function F_h instead, in two ways at once, both unbiased: grad F_h =
E[grad f] and, by Stein's identity, grad F_h = E[f xi] / h (Nesterov & Spokoiny 2017). The first is
the sharper where the ripples are low, the second where they are steep; they are weighed by the
inverse of the variance seen in the probes. The same probes give the smoothed mean curvature E[grad
f . xi] / (h n), and so a step. Shrinking h is graduated optimization (Mobahi & Fisher 2015).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

ROUNDS = 12


class Survey(NamedTuple):
    """active: a survey is under way. centre (n,), xi (n,): the probe out for evaluation is centre
    +- height xi, `minus` its sign, its pair's first loss `plus`. pairs in a round, done in this
    one; round; fall: factor on the height after a round.

    Sums over the round's pairs: by_gradient (n,), by_value (n,) and their squares, curvature (grad
    . xi).
    """

    active: jax.Array
    minus: jax.Array
    centre: jax.Array
    xi: jax.Array
    height: jax.Array
    fall: jax.Array
    plus: jax.Array
    half: jax.Array
    pairs: jax.Array
    done: jax.Array
    round: jax.Array
    by_gradient: jax.Array
    by_value: jax.Array
    gradient_square: jax.Array
    value_square: jax.Array
    curvature: jax.Array


def idle(n: int) -> Survey:
    """No survey under way, of n unknowns."""
    v, z, i, no = jnp.zeros(n), jnp.zeros(()), jnp.zeros((), jnp.int32), jnp.array(False)
    return Survey(no, no, v, v, z, z, z, v, i, i, i, v, v, z, z, z)


def _noise(key: jax.Array, like: jax.Array) -> jax.Array:
    return jax.random.normal(key, like.shape, like.dtype)


def begin(
    centre: jax.Array, high: jax.Array, low: jax.Array, pairs: jax.Array, key: jax.Array
) -> tuple[jax.Array, Survey]:
    """(first probe (n,), survey) around `centre` (n,); heights from high to low, in units of a
    coordinate of x.
    """
    fresh = idle(centre.shape[0])
    survey = fresh._replace(
        active=jnp.array(True),
        centre=centre,
        xi=_noise(key, centre),
        height=high,
        fall=(low / high) ** (1.0 / (ROUNDS - 1)),
        pairs=pairs.astype(jnp.int32),
    )
    return centre + high * survey.xi, survey


def _move(s: Survey) -> jax.Array:
    """The centre after a round: a Newton step of the smoothed function, shortened by what may be
    noise.
    """
    n, count = s.centre.shape[0], jnp.maximum(s.done, 1)
    gradient, value = s.by_gradient / count, s.by_value / count
    # Variance of each mean, summed over coordinates.
    spread_gradient = (s.gradient_square / count - gradient @ gradient) / count + 1e-300
    spread_value = (s.value_square / count - value @ value) / count + 1e-300
    share = spread_gradient / (spread_gradient + spread_value)
    slope = share * value + (1.0 - share) * gradient
    noise = share**2 * spread_value + (1.0 - share) ** 2 * spread_gradient
    size = slope @ slope + 1e-300
    curvature = s.curvature / (count * s.height * n)
    step = -slope * jnp.clip(1.0 - noise / size, 0.1, 1.0) / jnp.maximum(curvature, 1e-300)
    length = jnp.sqrt(step @ step)
    longest = s.height * n**0.5
    step = jnp.where(length < longest, step, -slope * longest / jnp.sqrt(size))
    return s.centre + jnp.where(jnp.all(jnp.isfinite(step)), step, 0.0)


def advance(
    s: Survey, loss: jax.Array, grad: jax.Array, sound: jax.Array, key: jax.Array
) -> tuple[jax.Array, Survey]:
    """Takes in loss and gradient (n,) at the probe and returns the next point to evaluate (n,): a
    probe, or the centre where the survey has ended (then `active` is False). A pair that was not
    finite (`sound` False) counts as level.
    """
    grad = jnp.where(sound, grad, 0.0)
    loss = jnp.where(sound, loss, s.plus)
    first = s._replace(minus=jnp.array(True), plus=loss, half=grad)
    slope, difference = 0.5 * (s.half + grad), 0.5 * (s.plus - loss) / s.height
    second = s._replace(
        minus=jnp.array(False),
        done=s.done + 1,
        by_gradient=s.by_gradient + slope,
        by_value=s.by_value + difference * s.xi,
        gradient_square=s.gradient_square + slope @ slope,
        value_square=s.value_square + difference**2 * (s.xi @ s.xi),
        curvature=s.curvature + 0.5 * (s.half - grad) @ s.xi,
        xi=_noise(key, s.xi),
    )
    full = second.done >= s.pairs
    empty = idle(s.centre.shape[0])
    turned = empty._replace(
        active=s.round + 1 < ROUNDS,
        centre=_move(second),
        xi=second.xi,
        height=s.height * s.fall,
        fall=s.fall,
        pairs=s.pairs,
        round=s.round + 1,
    )
    second = jax.tree.map(lambda a, b: jnp.where(full, a, b), turned, second)
    after = jax.tree.map(lambda a, b: jnp.where(s.minus, a, b), second, first)
    sign = jnp.where(after.minus, -1.0, 1.0)
    return after.centre + jnp.where(after.active, sign * after.height, 0.0) * after.xi, after
