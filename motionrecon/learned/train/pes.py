"""Persistent Evolution Strategies (Vicol, Metz & Sohl-Dickstein 2021): unbiased gradients from
truncated unrolls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Particle(NamedTuple):
    """One task with its + and - inner states, the accumulated perturbation xi (D,), the step in its
    episode and the episode's length.
    """

    task: Any
    plus: Any
    minus: Any
    xi: jax.Array
    step: jax.Array
    length: jax.Array


class Inner(NamedTuple):
    """An inner problem. sample(key) -> task; start(task) -> inner state; advance(theta, task,
    inner) -> (inner, meta-loss).
    """

    sample: Callable
    start: Callable
    advance: Callable


def new_particle(inner: Inner, key: jax.Array, size: int, lengths: tuple[int, int]) -> Particle:
    """A fresh episode of a length drawn from lengths[0]..lengths[1]."""
    task_key, length_key = jax.random.split(key)
    task = inner.sample(task_key)
    state = inner.start(task)
    length = jax.random.randint(length_key, (), lengths[0], lengths[1] + 1)
    return Particle(task, state, state, jnp.zeros(size), jnp.zeros((), jnp.int32), length)


def particle_gradient(
    inner: Inner,
    unravel: Callable,
    theta: jax.Array,
    particle: Particle,
    key: jax.Array,
    sigma: float | jax.Array,
    truncation: int,
    lengths: tuple[int, int],
) -> tuple[jax.Array, jax.Array, Particle]:
    """Estimate (D,) of the gradient from one particle's truncation, its mean meta-loss, and the
    particle moved on.

    Both signs see the same task. Steps before the episode's end count with xi, steps after a reset
    with this truncation's own perturbation; the step that ends the episode counts with xi. At most
    one episode may end in a truncation. sigma may be (D,): where it is zero nothing is perturbed
    and the estimate is zero.
    """
    noise_key, fresh_key = jax.random.split(key)
    epsilon = sigma * jax.random.normal(noise_key, theta.shape, theta.dtype)
    xi = particle.xi + epsilon
    up, down = unravel(theta + epsilon), unravel(theta - epsilon)
    fresh = new_particle(inner, fresh_key, theta.shape[0], lengths)

    def body(carry, _):
        p, after = carry
        plus, loss_up = inner.advance(up, p.task, p.plus)
        minus, loss_down = inner.advance(down, p.task, p.minus)
        p = p._replace(plus=plus, minus=minus, step=p.step + 1)
        ended = p.step >= p.length
        delta = loss_up - loss_down
        p = jax.tree.map(lambda a, b: jnp.where(ended, a, b), fresh._replace(xi=p.xi), p)
        return (p, after | ended), (
            jnp.where(after, 0.0, delta),
            jnp.where(after, delta, 0.0),
            0.5 * (loss_up + loss_down),
        )

    (moved, ended), (before, later, losses) = jax.lax.scan(
        body, (particle, jnp.array(False)), None, length=truncation
    )
    variance = jnp.where(jnp.asarray(sigma) > 0, jnp.asarray(sigma) ** 2, 1.0)
    gradient = (xi * jnp.sum(before) + epsilon * jnp.sum(later)) / (2.0 * variance * truncation)
    return gradient, jnp.mean(losses), moved._replace(xi=jnp.where(ended, epsilon, xi))


def gradient(
    inner: Inner,
    unravel: Callable,
    theta: jax.Array,
    particles: Particle,
    key: jax.Array,
    **options: Any,
):
    """Mean over a batch of particles: (gradient (D,), mean meta-loss, particles moved on)."""
    count = particles.step.shape[0]
    each = lambda particle, k: particle_gradient(inner, unravel, theta, particle, k, **options)  # noqa: E731
    gradients, losses, moved = jax.vmap(each)(particles, jax.random.split(key, count))
    return jnp.mean(gradients, axis=0), jnp.mean(losses), moved
