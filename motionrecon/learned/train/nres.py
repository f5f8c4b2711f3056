"""Noise-Reuse Evolution Strategies (Li, Harrison, Sohl-Dickstein, Smith & Metz, NeurIPS 2023,
arXiv 2304.12180): one perturbation an episode, whatever truncations it is cut into.
"""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Float

from motionrecon.learned.train.estimator import Estimate, Rows, Unroll


@dataclasses.dataclass(frozen=True)
class Nres:
    """Its memory (P, D) is the perturbation of a pair's episode, zeros before its first truncation.

    clip_pair: largest difference of meta-loss within a pair that counts, > 0.
    """

    clip_pair: float = math.inf

    def init(self, pairs: int, size: int) -> Float[Rows, "P D"]:
        """No episode has begun."""
        return jnp.zeros((pairs, size))

    def estimate(
        self,
        theta: Float[Rows, " D"],
        memory: Float[Rows, "P D"],
        epsilon: Float[Rows, "P D"],
        sigma: Float[Rows, " D"],
        unroll: Unroll,
    ) -> Estimate:
        """Mean over pairs of eps * (before + after) / (2 sigma^2), their algorithm 1 with both
        signs on one task; eps is the episode's own.

        An episode that began within a truncation keeps the eps that it began with, which the one
        before had too: the estimate stays unbiased, but tells less. Episodes of whole truncations
        avoid it.
        """
        begins = jnp.all(memory == 0, axis=1, keepdims=True)
        eps = jnp.where(begins, epsilon, memory)
        got = unroll(theta + eps, theta - eps)
        delta = jnp.clip(got.before + got.after, -self.clip_pair, self.clip_pair)[:, None]
        variance = jnp.where(sigma > 0, sigma**2, 1.0)
        gradient = jnp.mean(eps * delta / (2.0 * variance), axis=0)
        # An episode that began within this truncation keeps the noise it began with.
        kept = ~got.ended | got.begun
        memory = jnp.where(kept[:, None], eps, 0.0)
        return Estimate(gradient, jnp.mean(got.loss), memory, got.episodes)
