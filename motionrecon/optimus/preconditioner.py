"""The learned preconditioner: an estimate scale * B of the inverse Hessian, B positive semidefinite with
trace n.

Both forms take in learned rank-one terms gamma u u' (the paper's) and, in the secant family, BFGS's secant
pairs (s, y). Dense: B as an n x n matrix, every pair for ever. Factorised: B0 = diag + U U' with m columns,
and the last m pairs applied to it by the L-BFGS two-loop recursion, so that memory and time grow as n m.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Dense(NamedTuple):
    """matrix (n, n) of trace n, scale ()."""

    matrix: jax.Array
    scale: jax.Array


class Factorised(NamedTuple):
    """diagonal (n,), columns (m, n), next column to overwrite; pairs s, y (m, n), whether each is in use
    (m,), next pair; scale.
    """

    diagonal: jax.Array
    columns: jax.Array
    next_column: jax.Array
    s: jax.Array
    y: jax.Array
    used: jax.Array
    next_pair: jax.Array
    scale: jax.Array


def identity(n: int, columns: int | None) -> Dense | Factorised:
    """B = I, scale 1; dense when `columns` is None."""
    if columns is None:
        return Dense(jnp.eye(n), jnp.ones(()))
    zeros = jnp.zeros((columns, n))
    index = jnp.zeros((), jnp.int32)
    return Factorised(jnp.ones(n), zeros, index, zeros, zeros, jnp.zeros(columns, bool), index, jnp.ones(()))


def apply(b: Dense | Factorised, g: jax.Array) -> jax.Array:
    """scale * B g, (n,)."""
    if isinstance(b, Dense):
        return b.scale * (b.matrix @ g)
    m = b.s.shape[0]
    order = (b.next_pair - 1 - jnp.arange(m)) % m  # newest first
    sy = jnp.sum(b.s * b.y, axis=1)
    rho = jnp.where(b.used, 1.0 / jnp.where(b.used, sy, 1.0), 0.0)

    def newest_to_oldest(q, i):
        weight = rho[i] * (b.s[i] @ q)
        return q - weight * b.y[i], weight

    q, weights = jax.lax.scan(newest_to_oldest, g, order)
    q = b.scale * (b.diagonal * q + b.columns.T @ (b.columns @ q))

    def oldest_to_newest(r, item):
        i, weight = item
        return r + (weight - rho[i] * (b.y[i] @ r)) * b.s[i], None

    return jax.lax.scan(oldest_to_newest, q, (order[::-1], weights[::-1]))[0]


def add_rank_one(
    b: Dense | Factorised, directions: jax.Array, weights: jax.Array, forget: jax.Array
) -> Dense | Factorised:
    """B <- (1 - forget) B + forget I + sum_l gamma_l u_l u_l', rescaled to trace n; directions (L, n) of
    unit length or zero.
    """
    n = directions.shape[1]
    columns = jnp.sqrt(weights)[:, None] * directions
    added = jnp.sum(columns**2)
    if isinstance(b, Dense):
        shrink = n / (n + added)
        matrix = (1.0 - forget) * b.matrix + columns.T @ columns
        return b._replace(matrix=shrink * (matrix + forget * jnp.eye(n)))
    diagonal, u, place = (
        (1.0 - forget) * b.diagonal + forget,
        jnp.sqrt(1.0 - forget) * b.columns,
        b.next_column,
    )
    for column in columns:
        diagonal = diagonal + u[place] ** 2  # the column that leaves stays on the diagonal: the trace is kept
        u = u.at[place].set(column)
        place = (place + 1) % u.shape[0]
    shrink = n / (jnp.sum(diagonal) + jnp.sum(u**2))
    return b._replace(diagonal=shrink * diagonal, columns=jnp.sqrt(shrink) * u, next_column=place)


def add_secant(
    b: Dense | Factorised, s: jax.Array, y: jax.Array, use: jax.Array, first: jax.Array
) -> Dense | Factorised:
    """BFGS's update with the pair s, y (n,) when `use`; `first` sets the scale to s'y / y'y beforehand
    (N&W eq. 6.20).
    """
    n = s.shape[0]
    sy = jnp.where(use, s @ y, 1.0)
    yy = jnp.where(use, y @ y, 1.0)
    rescale = use & first
    if isinstance(b, Dense):
        scale = jnp.where(rescale, sy / yy, b.scale)
        hy = scale * (b.matrix @ y)
        half = (0.5 * (1.0 + y @ hy / sy) * s - hy) / sy
        trace = scale * n + 2.0 * (half @ s)  # B has trace n
        use = use & (trace > 1e-12 * scale * n) & jnp.isfinite(trace)
        mean = jnp.where(use, trace / n, 1.0)
        outer = jnp.outer(half, s / mean)
        matrix = jnp.where(use, (scale / mean) * b.matrix + outer + outer.T, b.matrix)
        return Dense(matrix, jnp.where(use, mean, b.scale))
    i = b.next_pair
    # L-BFGS' scale follows the newest pair; the whole of B0 moves with it.
    return b._replace(
        s=jnp.where(use, b.s.at[i].set(s), b.s),
        y=jnp.where(use, b.y.at[i].set(y), b.y),
        used=b.used.at[i].set(b.used[i] | use),
        next_pair=jnp.where(use, (i + 1) % b.s.shape[0], i),
        scale=jnp.where(use, sy / yy, b.scale),
    )
