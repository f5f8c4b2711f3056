"""Meta-training tasks: random variants of the classical functions, and the meta-loss."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from motionrecon.learned import learned
from motionrecon.learned.train import functions
from motionrecon.learned.train.pes import Inner

# Never trained on: one multimodal, one kinked, two smooth and ill-conditioned. They show what
# carries over to new functions.
HELD_OUT = ("levy", "alpine", "zakharov", "powell")
TRAINING = tuple(i for i, name in enumerate(functions.FUNCTIONS) if name not in HELD_OUT)


class Episode(NamedTuple):
    """The next point x (n,), the optimizer's state, the loss at the start and the lowest so far."""

    x: jax.Array
    state: learned.optimus.OptimusState
    first: jax.Array
    best: jax.Array


def meta_loss(best: jax.Array, first: jax.Array) -> jax.Array:
    """log10 of the share of the start's gap to the minimum that is left, floored at 1e-8: from 0
    down to -8.
    """
    share = jnp.maximum(best, 0.0) / (first + 1e-300)
    return jnp.log10(jnp.clip(share, 0.0, 1.0) + 1e-8)


def classical(
    config: learned.Config, n: int, indices: tuple[int, ...] = TRAINING, scale_spread: float = 0.15
) -> Inner:
    """Random variants of the functions `indices` at dimension n as an inner problem; one advance is
    one evaluation.
    """

    def start(task):
        first, _ = functions.gap_and_grad(task, task.start)
        return Episode(task.start, learned.init(config, n), first, first)

    def advance(theta, task, episode):
        loss, grad = functions.gap_and_grad(task, episode.x)
        step, state = learned.update(config, theta, episode.state, episode.x, loss, grad)
        best = jnp.where(loss < episode.best, loss, episode.best)
        return Episode(episode.x + step, state, episode.first, best), meta_loss(best, episode.first)

    return Inner(
        lambda key: functions.draw(key, n, jnp.array(indices), 0.5, scale_spread), start, advance
    )


def validation_loss(
    config: learned.Config, theta, n: int, seed: int, count: int, steps: int, indices=TRAINING
) -> jax.Array:
    """Mean meta-loss over `count` fixed variants and `steps` evaluations each."""
    inner = classical(config, n, indices)

    def run(key):
        task = inner.sample(key)
        advance = lambda episode, _: inner.advance(theta, task, episode)  # noqa: E731
        return jnp.mean(jax.lax.scan(advance, inner.start(task), None, length=steps)[1])

    return jnp.mean(jax.vmap(run)(jax.random.split(jax.random.key(seed), count)))
