"""Persistent Evolution Strategies (Vicol, Metz & Sohl-Dickstein, ICML 2021): unbiased gradients
from truncated unrolls.
"""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Float

from motionrecon.learned.train.estimator import Estimate, Rows, Unroll


@dataclasses.dataclass(frozen=True)
class Pes:
    """Its memory xi (P, D) is the sum of a pair's perturbations since its episode began.

    clip_pair: largest difference of meta-loss within a pair that counts, > 0.
    """

    clip_pair: float = math.inf

    def init(self, pairs: int, size: int) -> Float[Rows, "P D"]:
        """No perturbation yet."""
        return jnp.zeros((pairs, size))

    def estimate(
        self,
        theta: Float[Rows, " D"],
        memory: Float[Rows, "P D"],
        epsilon: Float[Rows, "P D"],
        sigma: Float[Rows, " D"],
        unroll: Unroll,
    ) -> Estimate:
        """Mean over pairs of (xi * before + epsilon * after) / (2 sigma^2), their eq. 8 with both
        signs on one task.

        Steps before the episode's end count with xi, steps after it with this truncation's own
        perturbation, from which the next episode's xi goes on.
        """
        xi = memory + epsilon
        got = unroll(theta + epsilon, theta - epsilon)
        before, after = (
            jnp.clip(part, -self.clip_pair, self.clip_pair)[:, None]
            for part in (got.before, got.after)
        )
        variance = jnp.where(sigma > 0, sigma**2, 1.0)
        gradient = jnp.mean((xi * before + epsilon * after) / (2.0 * variance), axis=0)
        begun = jnp.where(got.begun[:, None], epsilon, 0.0)
        memory = jnp.where(got.ended[:, None], begun, xi)
        return Estimate(gradient, jnp.mean(got.loss), memory, got.episodes)
