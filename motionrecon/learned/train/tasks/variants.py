"""Shifted, rotated and rescaled variants of the classical functions, traced by JAX or as problems
of the optimizers.

A variant sees a function's natural coordinates w through x = shift + scale * R' (w - w*) / half,
with w* the minimiser and `half` the half-width of the natural domain, so that every domain has
half-width `scale` in x. Callers enable float64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from motionrecon.errors import OptimizerError
from motionrecon.learned.train.tasks.functions import FUNCTIONS

_LIST = tuple(FUNCTIONS.values())


class Variant(NamedTuple):
    """One problem drawn from a function; a pytree of arrays, so that batches of them go through
    vmap.

    which: place in FUNCTIONS. shift (n,): where the minimiser lies in x. rotation (n, n):
    orthogonal. scale: half-width of the domain in x. gain: factor on f. shape: see Function. start
    (n,): x0, drawn uniformly from the domain.
    """

    which: Int[Array, ""]
    shift: Float[Array, " n"]
    rotation: Float[Array, "n n"]
    scale: Float[Array, ""]
    gain: Float[Array, ""]
    shape: Float[Array, ""]
    start: Float[Array, " n"]


@functools.cache
def _geometry(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Minimisers (F, n), half-widths, lows, highs, minima (F,) of all functions at dimension n."""
    points = np.stack([f.point(n) for f in _LIST])
    columns = [[f.half_width(n), f.low(n), f.high(n), f.minimum(n)] for f in _LIST]
    return points, *np.array(columns, dtype=float).T


def gap_and_grad(
    variant: Variant, x: Float[Array, " n"]
) -> tuple[Float[Array, ""], Float[Array, " n"]]:
    """f(x) - minimum, times the variant's gain, and its gradient.

    Differentiates each function by itself: under vmap a switch becomes a select, and the NaN of a
    branch not taken would leak through the gradient of the select.
    """
    points, half, _, _, minima = _geometry(x.shape[0])
    i = variant.which
    stretch = jnp.asarray(half)[i] / variant.scale
    w = jnp.asarray(points)[i] + stretch * (variant.rotation @ (x - variant.shift))
    value, slope = jax.lax.switch(
        i, [jax.value_and_grad(f.formula) for f in _LIST], w, variant.shape
    )
    return variant.gain * (value - jnp.asarray(minima)[i]), variant.gain * stretch * (
        variant.rotation.T @ slope
    )


def draw(
    key: jax.Array, n: int, indices: jax.Array, rotate: float = 0.5, scale_spread: float = 0.0
) -> Variant:
    """A random variant: function drawn from `indices`, minimiser shifted by U(-1, 1) of the
    half-width in each coordinate, rotated with probability `rotate`, domain rescaled by
    10^U(-spread, spread) and f by 10^U(-3 spread, 3 spread).
    """
    keys = jax.random.split(key, 8)
    points, half, low, high, _ = _geometry(n)
    i = indices[jax.random.randint(keys[0], (), 0, indices.shape[0])]
    scale = 10.0 ** (scale_spread * jax.random.uniform(keys[1], (), jnp.float64, -1.0, 1.0))
    gain = 10.0 ** (3.0 * scale_spread * jax.random.uniform(keys[2], (), jnp.float64, -1.0, 1.0))
    shift = scale * jax.random.uniform(keys[3], (n,), jnp.float64, -1.0, 1.0)
    q, r = jnp.linalg.qr(jax.random.normal(keys[4], (n, n), jnp.float64))
    q = q * jnp.sign(jnp.diagonal(r))
    rotation = jnp.where(jax.random.uniform(keys[5]) < rotate, q, jnp.eye(n))
    shape = jax.random.uniform(keys[6], (), jnp.float64)
    w0 = jax.random.uniform(keys[7], (n,), jnp.float64, jnp.asarray(low)[i], jnp.asarray(high)[i])
    start = shift + scale * (rotation.T @ (w0 - jnp.asarray(points)[i])) / jnp.asarray(half)[i]
    return Variant(i, shift, rotation, scale, gain, shape, start)


def rescaled(variant: Variant, x_factor: float = 1.0, f_factor: float = 1.0) -> Variant:
    """The same problem with x (start and domain too) times `x_factor` and f times `f_factor`."""
    return variant._replace(
        shift=variant.shift * x_factor,
        scale=variant.scale * x_factor,
        start=variant.start * x_factor,
        gain=variant.gain * f_factor,
    )


@functools.cache
def _compiled(index: int, n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Jitted (value, value and gradient) of one function at one dimension, of (variant, x)."""
    function = _LIST[index]
    points, half, _, _, minima = _geometry(n)

    def value(variant: Variant, x: jax.Array) -> jax.Array:
        w = points[index] + half[index] * (variant.rotation @ (x - variant.shift)) / variant.scale
        return variant.gain * (function.formula(w, variant.shape) - minima[index])

    return jax.jit(value), jax.jit(jax.value_and_grad(value, argnums=1))


class FunctionProblem:
    """A variant as a host-side problem for motionrecon.optimizers: float64 numpy in and out; the
    minimum is 0.
    """

    def __init__(self, variant: Variant) -> None:
        self.variant, self.n = variant, int(variant.shift.shape[0])
        self.start = np.asarray(variant.start, dtype=float)
        self._value, self._value_and_grad = _compiled(int(variant.which), self.n)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and gradient (n,) at x (n,)."""
        with jax.enable_x64(True):
            loss, grad = self._value_and_grad(self.variant, x)
        return float(loss), np.asarray(grad)

    def value(self, x: np.ndarray) -> float:
        """Loss at x (n,)."""
        with jax.enable_x64(True):
            return float(self._value(self.variant, x))


def problem(name: str, n: int, seed: int, rotate: bool = True) -> FunctionProblem:
    """The variant of function `name` at dimension n drawn by `seed`, shifted, and rotated unless
    told not to. Raises OptimizerError for an unknown name.
    """
    if name not in FUNCTIONS:
        raise OptimizerError(f"unknown function {name!r}: choose one of {', '.join(FUNCTIONS)}")
    index = tuple(FUNCTIONS).index(name)
    with jax.enable_x64(True):
        variant = draw(jax.random.key(seed), n, jnp.array([index]), rotate=1.0 if rotate else 0.0)
    return FunctionProblem(variant)
