"""Pairs of episodes inside JAX: tasks are sampled, started and advanced by pure functions, and
batched by vmap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.learned.train.estimator import Estimate, Estimator, Rows, Unrolled

Lengths = tuple[int | jax.Array, int | jax.Array]


class Inner(NamedTuple):
    """An inner problem. sample(key) -> task; start(task) -> inner state; advance(theta, task,
    inner) -> (inner, meta-loss).
    """

    sample: Callable[[jax.Array], Any]
    start: Callable[[Any], Any]
    advance: Callable[[Any, Any, Any], tuple[Any, jax.Array]]


class Pair(NamedTuple):
    """One task with its + and - inner states, the step in its episode and the episode's length."""

    task: Any
    plus: Any
    minus: Any
    step: jax.Array
    length: jax.Array


class Pool(NamedTuple):
    """P pairs, stacked, and the estimator's memory of them."""

    pairs: Pair
    memory: Any


def draw_length(key: jax.Array, lengths: Lengths, truncation: int) -> jax.Array:
    """Steps of an episode, from lengths[0]..lengths[1], whole truncations."""
    low, high = (-(-jnp.asarray(end) // truncation) for end in lengths)
    return truncation * jax.random.randint(key, (), low, high + 1)


def new_pair(inner: Inner, key: jax.Array, lengths: Lengths, truncation: int = 1) -> Pair:
    """A fresh episode of a length drawn from lengths[0]..lengths[1], whole truncations."""
    task_key, length_key = jax.random.split(key)
    task = inner.sample(task_key)
    state = inner.start(task)
    length = draw_length(length_key, lengths, truncation)
    return Pair(task, state, state, jnp.zeros((), jnp.int32), length)


def new_pool(
    inner: Inner,
    estimator: Estimator,
    key: jax.Array,
    count: int,
    size: int,
    lengths: Lengths,
    truncation: int = 1,
) -> Pool:
    """`count` fresh pairs, of optimizers with `size` meta-parameters."""
    fresh = lambda k: new_pair(inner, k, lengths, truncation)  # noqa: E731
    pairs = jax.vmap(fresh)(jax.random.split(key, count))
    return Pool(pairs, estimator.init(count, size))


def unroll_pair(
    inner: Inner, up: Any, down: Any, pair: Pair, key: jax.Array, truncation: int, lengths: Lengths
) -> Unrolled:
    """A truncation of one pair with the meta-parameters `up` and `down`; scalars in place of (P,).

    Both signs see the same task. At most one episode may end in a truncation; `key` draws the one
    that follows it.
    """
    fresh = new_pair(inner, key, lengths, truncation)

    def body(carry: tuple[Pair, jax.Array], _: None) -> tuple[Any, Any]:
        p, after = carry
        plus, loss_up = inner.advance(up, p.task, p.plus)
        minus, loss_down = inner.advance(down, p.task, p.minus)
        p = p._replace(plus=plus, minus=minus, step=p.step + 1)
        ended = p.step >= p.length
        delta = loss_up - loss_down
        p = jax.tree.map(lambda a, b: jnp.where(ended, a, b), fresh, p)
        return (p, after | ended), (
            jnp.where(after, 0.0, delta),
            jnp.where(after, delta, 0.0),
            0.5 * (loss_up + loss_down),
            after,
        )

    (moved, ended), (before, later, losses, begun) = jax.lax.scan(
        body, (pair, jnp.array(False)), None, length=truncation
    )
    sums = jnp.sum(before) / truncation, jnp.sum(later) / truncation
    # Nothing of the next episode has run where one ended with the truncation's last step.
    return Unrolled(*sums, ended, jnp.any(begun), jnp.mean(losses), moved)


def gradient(
    inner: Inner,
    unravel: Callable[[jax.Array], Any],
    estimator: Estimator,
    theta: Float[Array, " D"],
    pool: Pool,
    key: jax.Array,
    sigma: Float[Array, " D"],
    truncation: int,
    lengths: Lengths,
) -> Estimate:
    """One truncation of every pair of the pool, its perturbations and new episodes drawn by `key`;
    `episodes` of the estimate are its pairs.
    """
    count = pool.pairs.step.shape[0]
    keys = jax.vmap(jax.random.split)(jax.random.split(key, count))
    noise = jax.vmap(lambda k: jax.random.normal(k, theta.shape, theta.dtype))(keys[:, 0])

    def unroll(up: Rows, down: Rows) -> Unrolled:
        one = lambda u, d, pair, k: unroll_pair(  # noqa: E731
            inner, unravel(u), unravel(d), pair, k, truncation, lengths
        )
        return jax.vmap(one)(up, down, pool.pairs, keys[:, 1])

    return estimator.estimate(theta, pool.memory, sigma * noise, sigma, unroll)
