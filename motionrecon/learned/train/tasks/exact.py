"""Classical functions with exact meta-gradients: the unroll is differentiated as a whole, the
functions' own second derivatives included.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.learned import algorithm
from motionrecon.learned.train.estimator import Estimator, Rows
from motionrecon.learned.train.tasks import traced
from motionrecon.learned.train.tasks.classical import ClassicalTasks, Episode, inner

# Of one task's gradient: it can grow without bounds, and one task would speak for the whole
# batch. Of fresh weights half of the tasks are below 5 in their first truncation.
_NORM = 1.0
# Share of the start's gap, where the meta-loss ends too: what is converged has no more to teach,
# and differentiates to 0/0.
_DONE = 1e-8


class Running(NamedTuple):
    """One task, where its episode is, the step in it and the episode's length."""

    task: Any
    at: Episode
    step: jax.Array
    length: jax.Array


class ExactTasks(ClassicalTasks):
    """A pool of `2 * particles` tasks for each dimension, as many unrolls as antithetic pairs have.

    The derivative goes back to a truncation's beginning. Hops are left out: chance has no
    derivative.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        calm = algorithm.adjusted(self.config, explore=False)
        self.inners = [inner(calm, n) for n in self.options.classical.dimensions]
        self._gradients = [
            jax.jit(functools.partial(self._gradient, i)) for i in range(len(self.inners))
        ]

    def start(self, estimator: Estimator) -> Any:
        """Episodes that end at different times."""
        o, key = self.options, jax.random.key(self.options.seed)
        lengths = o.classical.truncation, o.classical.lengths[0]
        pools = [
            jax.vmap(lambda k, p=problem: _fresh(p, k, lengths, lengths[0]))(
                jax.random.split(jax.random.fold_in(key, 1 + i), 2 * o.particles)
            )
            for i, problem in enumerate(self.inners)
        ]
        return jax.tree.map(lambda a: jnp.array(a, dtype=a.dtype), pools)

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: Any, step: int
    ) -> tuple[Float[Rows, " D"], float, Any]:
        """One truncation of the pool whose turn it is; the estimator is not asked."""
        i = self._turn(step)
        gradient, loss, pool = self._gradients[i](theta, state[i], jnp.array(step, jnp.int32))
        return gradient, float(loss), [*state[:i], pool, *state[i + 1 :]]

    def _gradient(
        self, i: int, theta: Float[Array, " D"], pool: Running, step: jax.Array
    ) -> tuple[Float[Array, " D"], jax.Array, Running]:
        o, problem = self.options, self.inners[i]

        def unroll(vector: jax.Array, running: Running) -> tuple[jax.Array, Episode]:
            weights, begun = self.unravel(vector), problem.start(running.task)

            def body(at: Episode, _: None) -> tuple[Episode, jax.Array]:
                done = at.best <= _DONE * at.first
                # The step is taken from the start where it is not wanted: finite, and so are its
                # derivatives.
                stand = jax.tree.map(lambda a, b: jnp.where(done, a, b), begun, at)
                then, loss = problem.advance(weights, running.task, stand)
                then = jax.tree.map(lambda a, b: jnp.where(done, a, b), at, then)
                return then, jnp.where(done, jnp.log10(2 * _DONE), loss)

            at, losses = jax.lax.scan(body, running.at, None, length=o.classical.truncation)
            return jnp.mean(losses), at

        both = jax.vmap(jax.value_and_grad(unroll, has_aux=True), in_axes=(None, 0))
        (losses, at), gradients = both(theta, pool)
        sound = jnp.all(jnp.isfinite(gradients), axis=1, keepdims=True)
        gradients = jnp.where(sound, gradients, 0.0)
        norms = jnp.linalg.norm(gradients, axis=1, keepdims=True)
        gradient = jnp.mean(gradients * jnp.minimum(1.0, _NORM / (norms + 1e-12)), axis=0)
        moved = pool._replace(at=at, step=pool.step + o.classical.truncation)
        ended = moved.step >= moved.length
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(o.seed), 2_000_000), step)
        lengths = self._lengths(step)
        fresh = jax.vmap(lambda k: _fresh(problem, k, lengths, o.classical.truncation))(
            jax.random.split(key, ended.shape[0])
        )

        def renewed(new: Array, old: Array) -> Array:
            return jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        return gradient, jnp.mean(losses), jax.tree.map(renewed, fresh, moved)


def _fresh(
    problem: traced.Inner, key: jax.Array, lengths: traced.Lengths, truncation: int
) -> Running:
    """The beginning of an episode of a length drawn from lengths[0]..lengths[1]."""
    task_key, length_key = jax.random.split(key)
    task = problem.sample(task_key)
    length = traced.draw_length(length_key, lengths, truncation)
    return Running(task, problem.start(task), jnp.zeros((), jnp.int32), length)
