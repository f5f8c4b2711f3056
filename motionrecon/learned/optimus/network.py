"""Optimus' Transformer: one token a parameter, so the same weights serve any dimension."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

POOLED_OUTPUTS = 7


class Proposal(NamedTuple):
    """What the network says about one step.

    directions (L, n): raw rank-one vectors, one an encoder. weights (L,): their gamma >= 0.
    direction (n,), log_size (n,): the per-parameter branch. pooled (7,): outputs that belong to the
    step as a whole.
    """

    directions: Float[Array, "L n"]
    weights: Float[Array, " L"]
    direction: Float[Array, " n"]
    log_size: Float[Array, " n"]
    pooled: Float[Array, " 7"]


class Attention(nn.Module):
    """Multi-head self-attention over tokens (n, width): softmax (time and memory n^2) or linear
    (n).

    The linear form replaces exp(q.k) by phi(q).phi(k), phi = elu + 1 (Katharopoulos et al. 2020).
    """

    heads: int
    linear: bool

    @nn.compact
    def __call__(self, h: Float[Array, "n width"]) -> Float[Array, "n width"]:
        """Every token with what it took from all of them."""
        n, width = h.shape
        size = width // self.heads
        q, k, v = jnp.split(
            nn.Dense(3 * width, use_bias=False)(h).reshape(n, self.heads, 3 * size), 3, axis=-1
        )
        if self.linear:
            q, k = nn.elu(q) + 1.0, nn.elu(k) + 1.0
            memory = jnp.einsum("nhi,nhj->hij", k, v) / n
            out = jnp.einsum("nhi,hij->nhj", q, memory) / (
                jnp.einsum("nhi,hi->nh", q, jnp.mean(k, axis=0))[..., None] + 1e-6
            )
        else:
            score = jnp.einsum("nhi,mhi->hnm", q, k) / jnp.sqrt(size)
            out = jnp.einsum("hnm,mhi->nhi", jax.nn.softmax(score, axis=-1), v)
        return nn.Dense(width)(out.reshape(n, width))


class Network(nn.Module):
    """(n, F) float32 features -> Proposal. Heads that change the step start at zero, so untrained
    weights change nothing.
    """

    width: int
    heads: int
    layers: int
    linear_attention: bool

    @nn.compact
    def __call__(self, features: Float[Array, "n F"]) -> Proposal:
        """The proposal of one step."""
        zero = nn.initializers.zeros
        h = nn.Dense(self.width)(features)
        directions, weights = [], []
        for _ in range(self.layers):
            h = h + Attention(self.heads, self.linear_attention)(nn.LayerNorm()(h))
            h = h + nn.Dense(self.width)(nn.gelu(nn.Dense(2 * self.width)(nn.LayerNorm()(h))))
            directions.append(nn.Dense(1)(nn.LayerNorm()(h))[:, 0])
            # About 1e-7 untrained: rank-one terms add up, and would spoil what the secant pairs
            # have learned.
            weights.append(
                nn.softplus(4.0 * nn.Dense(1, kernel_init=zero)(jnp.mean(h, axis=0))[0] - 8.0) ** 2
            )
        h = nn.LayerNorm()(h)
        out = nn.Dense(2, kernel_init=zero)(h)
        pooled = nn.Dense(POOLED_OUTPUTS, kernel_init=zero)(
            nn.tanh(nn.Dense(self.width)(jnp.mean(h, axis=0)))
        )
        return Proposal(jnp.stack(directions), jnp.stack(weights), out[:, 0], out[:, 1], pooled)
