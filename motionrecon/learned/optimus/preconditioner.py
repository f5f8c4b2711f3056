"""The learned preconditioner: an estimate of the inverse Hessian.

Both forms take in learned rank-one terms gamma u u' (the paper's) and, in the secant family,
quasi-Newton's secant pairs (s, y). Dense: n x n matrices, every pair for ever. Factorised: B0 =
diag + U U' with m columns, and the last m pairs applied to it as L-BFGS does, so that memory and
time grow as n m. Its two loops are solved as two m x m triangular systems, so that a step is a
handful of matrix products in place of 2 m small ones.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Dense(NamedTuple):
    """scale () * initial (n, n) + learned (n, n).

    The update by a pair is linear in the matrix, so what is left of the identity is carried apart
    from what pairs have taught: its scale can follow the newest pair, as in L-BFGS, however many
    pairs have been seen.
    """

    initial: jax.Array
    learned: jax.Array
    scale: jax.Array

    @property
    def matrix(self) -> jax.Array:
        """The estimate (n, n)."""
        return self.scale * self.initial + self.learned


class Factorised(NamedTuple):
    """diagonal (n,), columns (m, n), next column to overwrite; pairs s, y (m, n) and their products
    sy[i, j] = s_i . y_j (m, m); whether each is in use (m,), next pair; scale.
    """

    diagonal: jax.Array
    columns: jax.Array
    next_column: jax.Array
    s: jax.Array
    y: jax.Array
    sy: jax.Array
    used: jax.Array
    next_pair: jax.Array
    scale: jax.Array


def identity(n: int, columns: int | None) -> Dense | Factorised:
    """B = I, scale 1; dense when `columns` is None."""
    if columns is None:
        return Dense(jnp.eye(n), jnp.zeros((n, n)), jnp.ones(()))
    zeros = jnp.zeros((columns, n))
    index = jnp.zeros((), jnp.int32)
    return Factorised(
        jnp.ones(n),
        zeros,
        index,
        zeros,
        zeros,
        jnp.zeros((columns, columns)),
        jnp.zeros(columns, bool),
        index,
        jnp.ones(()),
    )


def apply(b: Dense | Factorised, g: jax.Array) -> jax.Array:
    """The estimate times g, (n,)."""
    if isinstance(b, Dense):
        return b.scale * (b.initial @ g) + b.learned @ g
    # With T[i, j] = s_i . y_j for pairs i not newer than j, the first loop solves T a = S g, the
    # second T' c = diag(T) a - Y r: N&W algorithm 7.4, written out.
    m = b.s.shape[0]
    order = (b.next_pair + jnp.arange(m)) % m  # oldest first
    used = b.used[order]
    both = used[:, None] & used[None, :]
    triangle = jnp.triu(jnp.where(both, b.sy[order][:, order], 0.0)) + jnp.diag(
        jnp.where(used, 0.0, 1.0)
    )
    right = jnp.where(used, (b.s @ g)[order], 0.0)
    a = jax.scipy.linalg.solve_triangular(triangle, right)
    back = jnp.zeros(m, g.dtype).at[order].set(a)
    q = g - back @ b.y
    r = b.scale * (b.diagonal * q + (b.columns @ q) @ b.columns)
    right = jnp.where(used, jnp.diag(triangle) * a - (b.y @ r)[order], 0.0)
    c = jax.scipy.linalg.solve_triangular(triangle, right, trans=1)
    return r + jnp.zeros(m, g.dtype).at[order].set(c) @ b.s


def add_rank_one(
    b: Dense | Factorised, directions: jax.Array, weights: jax.Array, forget: jax.Array
) -> Dense | Factorised:
    """B <- (1 - forget) B + t (forget I + sum_l gamma_l u_l u_l'), t = trace(B) / n, rescaled to
    the trace it had; directions (L, n) of unit length or zero.
    """
    n = directions.shape[1]
    columns = jnp.sqrt(weights)[:, None] * directions
    added = jnp.sum(columns**2)
    if isinstance(b, Dense):
        shrink = n / (n + added)
        # All goes to the part that moves with the scale: before the first pair no scale is known.
        mean = (jnp.trace(b.initial) + jnp.trace(b.learned) / b.scale) / n
        initial = (
            (1.0 - forget) * b.initial + (mean * columns.T) @ columns + mean * forget * jnp.eye(n)
        )
        return b._replace(initial=shrink * initial, learned=shrink * (1.0 - forget) * b.learned)
    diagonal, u, place = (
        (1.0 - forget) * b.diagonal + forget,
        jnp.sqrt(1.0 - forget) * b.columns,
        b.next_column,
    )
    for column in columns:
        diagonal = (
            diagonal + u[place] ** 2
        )  # the column that leaves stays on the diagonal: the trace is kept
        u = u.at[place].set(column)
        place = (place + 1) % u.shape[0]
    shrink = n / (jnp.sum(diagonal) + jnp.sum(u**2))
    return b._replace(diagonal=shrink * diagonal, columns=jnp.sqrt(shrink) * u, next_column=place)


def add_secant(
    b: Dense | Factorised,
    s: jax.Array,
    y: jax.Array,
    use: jax.Array,
    bs: jax.Array | None = None,
    davidon: jax.Array | float = 0.0,
) -> Dense | Factorised:
    """Takes in the pair s, y (n,) when `use`; the scale of what is left of B0 follows the newest
    pair, s'y / y'y (N&W eq. 7.20).

    Dense: the Broyden class, H+ = BFGS + davidon (phi - 1) v v'. phi is Davidon's optimally
    conditioned choice (1975), made for steps without line search; on quadratics it is SR1 wherever
    that keeps H positive definite. It needs bs = H^-1 s (n,); where that is unknown (zeros) BFGS is
    left. Factorised: the pair joins the last m.
    """
    sy = jnp.where(use, s @ y, 1.0)
    yy = jnp.where(use, y @ y, 1.0)
    if isinstance(b, Dense):
        scale = jnp.where(use, sy / yy, b.scale)
        iy, ly = b.initial @ y, b.learned @ y
        hy = scale * iy + ly
        # V' M V with V = I - y s' / s'y, for both parts of the matrix; s s' / s'y joins what is
        # learned.
        half_i = (0.5 * (y @ iy / sy) * s - iy) / sy
        half_l = (0.5 * (1.0 + y @ ly / sy) * s - ly) / sy
        outer_i, outer_l = jnp.outer(half_i, s), jnp.outer(half_l, s)
        initial = b.initial + outer_i + outer_i.T
        learned = b.learned + outer_l + outer_l.T
        if bs is not None:
            extra, v = _davidon(s, y, hy, bs, sy)
            learned = learned + jnp.outer(v * (davidon * extra), v)
        use = use & jnp.isfinite(hy @ y)
        return Dense(
            jnp.where(use, initial, b.initial),
            jnp.where(use, learned, b.learned),
            jnp.where(use, scale, b.scale),
        )
    i = b.next_pair
    products = b.sy.at[i].set(b.y @ s).at[:, i].set(b.s @ y).at[i, i].set(s @ y)
    return b._replace(
        s=b.s.at[i].set(jnp.where(use, s, b.s[i])),
        y=b.y.at[i].set(jnp.where(use, y, b.y[i])),
        sy=jnp.where(use, products, b.sy),
        used=b.used.at[i].set(b.used[i] | use),
        next_pair=jnp.where(use, (i + 1) % b.s.shape[0], i),
        scale=jnp.where(use, sy / yy, b.scale),
    )


def _davidon(
    s: Float[Array, " n"],
    y: Float[Array, " n"],
    hy: Float[Array, " n"],
    bs: Float[Array, " n"],
    sy: Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, " n"]]:
    """(phi - 1, v (n,)) of Davidon's member of the Broyden class; 0 where H would lose
    definiteness.
    """
    a, c = y @ hy, s @ bs
    spread = a * c - sy * sy
    known = (c > 0) & (a > 0) & (spread > 1e-8 * sy * sy)
    # What is not chosen must be finite, as its derivative is taken too.
    a, c = jnp.where(known, a, 2.0), jnp.where(known, c, 1.0)
    sy, spread = jnp.where(known, sy, 1.0), jnp.where(known, spread, 1.0)
    v = jnp.sqrt(a) * (s / sy - hy / a)
    middle = sy <= 2.0 * a * c / (a + c)
    phi = jnp.where(
        middle, sy * (c - sy) / spread, sy / jnp.where(middle | (sy == a), -1.0, sy - a)
    )
    lowest = -sy * sy / spread  # H+ is positive definite for phi above this
    known = known & jnp.isfinite(phi)
    phi = jnp.clip(phi, 0.99 * lowest, 20.0)
    return jnp.where(known, phi - 1.0, 0.0), jnp.where(known, v, 0.0)
