"""Random variants of the classical functions as meta-training tasks, and the meta-loss."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from motionrecon.learned import algorithm
from motionrecon.learned.train.estimator import Estimator, Rows
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.tasks import traced
from motionrecon.learned.train.tasks.functions import FUNCTIONS
from motionrecon.learned.train.tasks.variants import Variant, draw, gap_and_grad

# Never trained on: one multimodal, one kinked, two smooth and ill-conditioned. They show what
# carries over to new functions.
HELD_OUT = ("levy", "alpine", "zakharov", "powell")
TRAINING = tuple(i for i, name in enumerate(FUNCTIONS) if name not in HELD_OUT)
# Fixed variants that validate: seed, how many, and evaluations of the first validation.
_VALIDATION = (10_000, 64, 100)


class Episode(NamedTuple):
    """The next point x (n,), the optimizer's state, the loss at the start and the lowest so far."""

    x: jax.Array
    state: Any
    first: jax.Array
    best: jax.Array


def meta_loss(best: Float[Array, ""], first: Float[Array, ""]) -> Float[Array, ""]:
    """log10 of the share of the start's gap to the minimum that is left, floored at 1e-8: from 0
    down to -8.
    """
    share = jnp.maximum(best, 0.0) / (first + 1e-300)
    return jnp.log10(jnp.clip(share, 0.0, 1.0) + 1e-8)


def inner(
    config: algorithm.Config,
    n: int,
    indices: Sequence[int] = TRAINING,
    scale_spread: float = 0.15,
) -> traced.Inner:
    """Random variants of the functions `indices` at dimension n as an inner problem; one advance is
    one evaluation.
    """

    def start(task: Variant) -> Episode:
        first, _ = gap_and_grad(task, task.start)
        return Episode(task.start, algorithm.init(config, n), first, first)

    def advance(
        theta: dict[str, Any], task: Variant, episode: Episode
    ) -> tuple[Episode, jax.Array]:
        loss, grad = gap_and_grad(task, episode.x)
        step, state = algorithm.update(config, theta, episode.state, episode.x, loss, grad)
        best = jnp.where(loss < episode.best, loss, episode.best)
        return Episode(episode.x + step, state, episode.first, best), meta_loss(best, episode.first)

    return traced.Inner(
        lambda key: draw(key, n, jnp.array(indices), 0.5, scale_spread), start, advance
    )


def validation_loss(
    config: algorithm.Config,
    theta: dict[str, Any],
    n: int,
    seed: int,
    count: int,
    steps: int,
    indices: Sequence[int] = TRAINING,
) -> Float[Array, ""]:
    """Mean meta-loss over `count` fixed variants and `steps` evaluations each."""
    problem = inner(config, n, indices)

    def run(key: jax.Array) -> jax.Array:
        task = problem.sample(key)
        advance = lambda episode, _: problem.advance(theta, task, episode)  # noqa: E731
        return jnp.mean(jax.lax.scan(advance, problem.start(task), None, length=steps)[1])

    return jnp.mean(jax.vmap(run)(jax.random.split(jax.random.key(seed), count)))


class ClassicalTasks:
    """A pool of pairs for each dimension, trained in turn and opened one by one, while the longest
    episode grows. Float64 must be enabled.
    """

    def __init__(
        self,
        config: algorithm.Config,
        unravel: Callable[[jax.Array], dict[str, Any]],
        sigma: Float[np.ndarray, " D"],
        options: TrainOptions,
    ) -> None:
        """unravel: from a vector (D,) to meta-parameters. sigma: of their perturbation."""
        self.config, self.unravel, self.options = config, unravel, options
        self.sigma = jnp.asarray(sigma)
        self.inners = [inner(config, n) for n in options.classical.dimensions]
        self._estimates: dict[tuple[Estimator, int], Callable[..., Any]] = {}
        seed, count, steps = _VALIDATION
        long = options.classical.long_validation
        self._validations = {
            name: [
                jax.jit(functools.partial(self._validation, n, seed, count, length))
                for n in options.classical.dimensions[-2:]
            ]
            for name, length in (("validation", steps), ("validation_long", long))
            if length
        }

    def _validation(self, n: int, seed: int, count: int, steps: int, theta: jax.Array) -> jax.Array:
        return validation_loss(self.config, self.unravel(theta), n, seed, count, steps)

    def start(self, estimator: Estimator) -> Any:
        """Pools whose first episodes end at different times, so that the pairs are out of step from
        the start.
        """
        o, key = self.options, jax.random.key(self.options.seed)
        lengths = o.classical.truncation, o.classical.lengths[0]
        keys = [jax.random.fold_in(key, 1 + i) for i in range(len(self.inners))]
        pools = [
            traced.new_pool(
                problem, estimator, k, o.particles, self.sigma.size, lengths, lengths[0]
            )
            for problem, k in zip(self.inners, keys, strict=True)
        ]
        # Fixed types from the start: a weakly typed scalar would compile every meta-step twice.
        return jax.tree.map(lambda a: jnp.array(a, dtype=a.dtype), pools)

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: Any, step: int
    ) -> tuple[Float[Rows, " D"], float, Any]:
        """One truncation of the pool whose turn it is."""
        i = self._turn(step)
        if (estimator, i) not in self._estimates:
            self._estimates[estimator, i] = jax.jit(functools.partial(self._traced, estimator, i))
        got = self._estimates[estimator, i](theta, state[i], jnp.array(step, jnp.int32))
        pool = traced.Pool(got.episodes, got.memory)
        return got.gradient, float(got.loss), [*state[:i], pool, *state[i + 1 :]]

    def _traced(
        self, estimator: Estimator, i: int, theta: jax.Array, pool: traced.Pool, step: jax.Array
    ) -> Any:
        o = self.options
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(o.seed), 1_000_000), step)
        return traced.gradient(
            self.inners[i],
            self.unravel,
            estimator,
            theta,
            pool,
            key,
            sigma=self.sigma,
            truncation=o.classical.truncation,
            lengths=self._lengths(step),
        )

    def _lengths(self, step: jax.Array) -> traced.Lengths:
        """Shortest and longest episode at a meta-step: the curriculum on length."""
        low, high = self.options.classical.lengths
        opening = self.options.classical.opening * self.options.steps
        share = jnp.clip(step / max(1.0, opening), 0.0, 1.0)
        return low, (low + share * (high - low)).astype(jnp.int32)

    def _turn(self, step: int) -> int:
        """Which pool a meta-step trains: the open ones in turn."""
        opening = self.options.classical.opening * self.options.steps
        share = 1.0 if opening <= 0 else min(1.0, step / opening)
        return step % max(1, int(np.ceil(share * len(self.inners))))

    def validate(self, theta: Float[Rows, " D"]) -> dict[str, float]:
        """Mean meta-loss on fixed variants of the training functions at the two largest dimensions:
        "validation" over 100 evaluations and, where asked for, "validation_long".
        """
        return {
            name: float(np.mean([loss(theta) for loss in losses]))
            for name, losses in self._validations.items()
        }
