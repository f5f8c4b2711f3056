"""Twenty classical test functions for optimizers, at any dimension, with shifted, rotated and
rescaled variants.

Definitions: Surjanovic & Bingham, Virtual Library of Simulation Experiments (sfu.ca/~ssurjano). All
are JAX functions of the natural coordinates w (n,); callers enable float64. A variant sees them
through x = shift + scale * R' (w - w*) / half, with w* the minimiser and `half` the half-width of
the natural domain, so that every domain has half-width `scale` in x.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


def _length(w):
    """|w|, with a zero gradient at zero in place of NaN."""
    square = jnp.sum(w**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _index(w):
    """1, 2, ..., n as floats."""
    return jnp.arange(1, w.shape[0] + 1, dtype=w.dtype)


def _ackley(w, shape):
    n = w.shape[0]
    mean_cos = jnp.mean(jnp.cos(2 * jnp.pi * w))
    return 20.0 - 20.0 * jnp.exp(-0.2 * _length(w) / jnp.sqrt(1.0 * n)) + jnp.e - jnp.exp(mean_cos)


def _griewank(w, shape):
    return jnp.sum(w**2) / 4000.0 - jnp.prod(jnp.cos(w / jnp.sqrt(_index(w)))) + 1.0


def _rastrigin(w, shape):
    return jnp.sum(w**2 + 10.0 * (1.0 - jnp.cos(2 * jnp.pi * w)))


def _levy(w, shape):
    v = 1.0 + (w - 1.0) / 4.0
    middle = (v[:-1] - 1.0) ** 2 * (1.0 + 10.0 * jnp.sin(jnp.pi * v[:-1] + 1.0) ** 2)
    end = (v[-1] - 1.0) ** 2 * (1.0 + jnp.sin(2 * jnp.pi * v[-1]) ** 2)
    return jnp.sin(jnp.pi * v[0]) ** 2 + jnp.sum(middle) + end


def _rosenbrock(w, shape):
    if w.shape[0] == 1:  # the chain has no link: what is left is its last term
        return (1.0 - w[0]) ** 2
    return jnp.sum(100.0 * (w[1:] - w[:-1] ** 2) ** 2 + (1.0 - w[:-1]) ** 2)


def _walled(inner: Callable, low: float, high: float, stiffness: float) -> Callable:
    """`inner` on its domain, and a quadratic wall outside: without it these two fall lower outside
    than inside.
    """

    def function(w, shape):
        inside = jnp.clip(w, low, high)
        return inner(inside, shape) + stiffness * jnp.sum((w - inside) ** 2)

    return function


def _schwefel(w, shape):
    size = jnp.abs(w)
    root = jnp.sqrt(jnp.where(size > 0, size, 1.0))
    return 418.98288727243374 * w.shape[0] - jnp.sum(jnp.where(size > 0, w * jnp.sin(root), 0.0))


def _sphere(w, shape):
    return jnp.sum(w**2)


def _sum_squares(w, shape):
    return jnp.sum(_index(w) * w**2)


def _hyper_ellipsoid(w, shape):
    return jnp.sum(_index(w)[::-1] * w**2)


def _sum_powers(w, shape):
    return jnp.sum(jnp.abs(w) ** (_index(w) + 1.0))


def _trid(w, shape):
    return jnp.sum((w - 1.0) ** 2) - jnp.sum(w[1:] * w[:-1])


def _zakharov(w, shape):
    slope = jnp.sum(0.5 * _index(w) * w)
    return jnp.sum(w**2) + slope**2 + slope**4


def _dixon_price(w, shape):
    return (w[0] - 1.0) ** 2 + jnp.sum(_index(w)[1:] * (2.0 * w[1:] ** 2 - w[:-1]) ** 2)


def _powell(w, shape):
    # Four by four; the last block of an n that four does not divide is filled with zeros, which
    # leaves the minimum where it is.
    a, b, c, d = jnp.pad(w, (0, -w.shape[0] % 4)).reshape(-1, 4).T
    return jnp.sum((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4)


def _perm(w, shape):
    n, j = w.shape[0], _index(w)
    powers = jnp.cumprod(jnp.broadcast_to(w, (n, n)), axis=0)  # row i: w_j^i
    target = jnp.exp(-_index(w)[:, None] * jnp.log(j))
    return jnp.sum(((powers - target) @ (j + 10.0)) ** 2)


def _styblinski_tang(w, shape):
    return 0.5 * jnp.sum(w**4 - 16.0 * w**2 + 5.0 * w)


def _michalewicz(w, shape):
    return -jnp.sum(jnp.sin(w) * jnp.sin(_index(w) * w**2 / jnp.pi) ** 20)


def _alpine(w, shape):
    return jnp.sum(jnp.abs(w * jnp.sin(w) + 0.1 * w))


def _salomon(w, shape):
    r = _length(w)
    return 1.0 - jnp.cos(2 * jnp.pi * r) + 0.1 * r


def _quadratic(w, shape):
    n = w.shape[0]
    spread = jnp.arange(n, dtype=w.dtype) / max(n - 1, 1)
    return 0.5 * jnp.sum(10.0 ** (6.0 * shape * spread) * w**2)


def _constant_point(value: float) -> Callable[[int], np.ndarray]:
    return lambda n: np.full(n, value)


def _dixon_price_point(n: int) -> np.ndarray:
    i = np.arange(1, n + 1, dtype=float)
    return 2.0 ** -(1.0 - 2.0 ** (1.0 - i))


def _trid_point(n: int) -> np.ndarray:
    i = np.arange(1, n + 1, dtype=float)
    return i * (n + 1.0 - i)


@functools.cache
def _michalewicz_point(n: int) -> np.ndarray:
    """Each coordinate by itself: a fine grid around pi/2, where sin(x) leaves the peak, then Newton
    on the derivative.
    """
    i = np.arange(1, n + 1, dtype=float)[:, None]
    value = lambda x: np.sin(x) * np.sin(i * x**2 / np.pi) ** 20  # noqa: E731
    # The peaks of the fast factor are pi * sqrt((k + 1/2) / i); the best lies within one spacing of
    # pi/2.
    k = np.round(i / 4.0 - 0.5) + np.arange(-2, 3)
    peaks = np.pi * np.sqrt(np.clip((k + 0.5) / i, 0.0, 1.0))
    x = np.take_along_axis(peaks, np.argmax(value(peaks), axis=1)[:, None], axis=1)
    width = 0.4 / i
    for _ in range(60):
        grid = x + width * np.linspace(-1.0, 1.0, 5)
        x = np.take_along_axis(grid, np.argmax(value(grid), axis=1)[:, None], axis=1)
        width = width * 0.6
    return x[:, 0]


@dataclasses.dataclass(frozen=True)
class Function:
    """A test function f(w (n,), shape) -> scalar on the box [low(n), high(n)]^n.

    `point(n)` is the minimiser (n,) and `minimum(n)` the value there. `shape` in [0, 1] sets the
    condition number 10^(6 shape) of the random quadratic; the others ignore it. `modes` tells "one"
    basin from "many".
    """

    name: str
    formula: Callable
    low: Callable[[int], float]
    high: Callable[[int], float]
    point: Callable[[int], np.ndarray]
    minimum: Callable[[int], float]
    modes: str

    def half_width(self, n: int) -> float:
        return 0.5 * (self.high(n) - self.low(n))


def _function(name, formula, low, high, point=0.0, minimum=0.0, modes="one") -> Function:
    as_rule = lambda v: v if callable(v) else (lambda n: v)  # noqa: E731
    point = point if callable(point) else _constant_point(point)
    return Function(name, formula, as_rule(low), as_rule(high), point, as_rule(minimum), modes)


def _michalewicz_minimum(n: int) -> float:
    x, i = _michalewicz_point(n), np.arange(1, n + 1)
    return float(-np.sum(np.sin(x) * np.sin(i * x**2 / np.pi) ** 20))


_LIST = (
    _function("ackley", _ackley, -32.768, 32.768, modes="many"),
    _function("griewank", _griewank, -600.0, 600.0, modes="many"),
    _function("rastrigin", _rastrigin, -5.12, 5.12, modes="many"),
    _function("levy", _levy, -10.0, 10.0, 1.0, modes="many"),
    _function("rosenbrock", _rosenbrock, -5.0, 10.0, 1.0),
    _function(
        "schwefel",
        _walled(_schwefel, -500.0, 500.0, 1.0),
        -500.0,
        500.0,
        420.968746359982,
        modes="many",
    ),
    _function("sphere", _sphere, -5.12, 5.12),
    _function("sum-squares", _sum_squares, -10.0, 10.0),
    _function("rotated-hyper-ellipsoid", _hyper_ellipsoid, -65.536, 65.536),
    _function("sum-of-powers", _sum_powers, -1.0, 1.0),
    _function(
        "trid",
        _trid,
        lambda n: -max(n * n, 2.0),
        lambda n: max(n * n, 2.0),
        _trid_point,
        lambda n: -n * (n + 4.0) * (n - 1.0) / 6.0,
    ),
    _function("zakharov", _zakharov, -5.0, 10.0),
    _function("dixon-price", _dixon_price, -10.0, 10.0, _dixon_price_point),
    _function("powell", _powell, -4.0, 5.0),
    _function("perm", _perm, -1.0, 1.0, lambda n: 1.0 / np.arange(1, n + 1)),
    _function(
        "styblinski-tang",
        _styblinski_tang,
        -5.0,
        5.0,
        -2.9035340276896057,
        lambda n: -39.166165703771412 * n,
        "many",
    ),
    _function(
        "michalewicz",
        _walled(_michalewicz, 0.0, float(np.pi), 10.0),
        0.0,
        float(np.pi),
        _michalewicz_point,
        _michalewicz_minimum,
        "many",
    ),
    _function("alpine", _alpine, -10.0, 10.0, modes="many"),
    _function("salomon", _salomon, -100.0, 100.0, modes="many"),
    _function("quadratic", _quadratic, -1.0, 1.0),
)
FUNCTIONS: dict[str, Function] = {f.name: f for f in _LIST}


class Variant(NamedTuple):
    """One problem drawn from a function; a pytree of arrays, so that batches of them go through
    vmap.

    index: place in FUNCTIONS. shift (n,): where the minimiser lies in x. rotation (n, n):
    orthogonal. scale: half-width of the domain in x. gain: factor on f. shape: see Function. start
    (n,): x0, drawn uniformly from the domain.
    """

    index: jax.Array
    shift: jax.Array
    rotation: jax.Array
    scale: jax.Array
    gain: jax.Array
    shape: jax.Array
    start: jax.Array


@functools.cache
def _geometry(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Minimisers (F, n), half-widths, lows, highs, minima (F,) of all functions at dimension n."""
    points = np.stack([f.point(n) for f in _LIST])
    columns = [[f.half_width(n), f.low(n), f.high(n), f.minimum(n)] for f in _LIST]
    return points, *np.array(columns, dtype=float).T


def gap(variant: Variant, x: jax.Array) -> jax.Array:
    """f(x) - minimum, times the variant's gain, at x (n,)."""
    points, half, _, _, minima = _geometry(x.shape[0])
    i = variant.index
    w = (
        jnp.asarray(points)[i]
        + jnp.asarray(half)[i] * (variant.rotation @ (x - variant.shift)) / variant.scale
    )
    value = jax.lax.switch(i, [f.formula for f in _LIST], w, variant.shape)
    return variant.gain * (value - jnp.asarray(minima)[i])


def gap_and_grad(variant: Variant, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`gap` and its gradient (n,). Differentiates each function by itself: under vmap a switch
    becomes a select, and the NaN of a branch not taken would leak through the gradient of the
    select.
    """
    points, half, _, _, minima = _geometry(x.shape[0])
    i = variant.index
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
def _compiled(index: int, n: int) -> tuple[Callable, Callable]:
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

    def __init__(self, variant: Variant):
        self.variant, self.n = variant, int(variant.shift.shape[0])
        self.start = np.asarray(variant.start, dtype=float)
        self._value, self._value_and_grad = _compiled(int(variant.index), self.n)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        with jax.enable_x64(True):
            loss, grad = self._value_and_grad(self.variant, x)
        return float(loss), np.asarray(grad)

    def value(self, x: np.ndarray) -> float:
        with jax.enable_x64(True):
            return float(self._value(self.variant, x))


def problem(name: str, n: int, seed: int, rotate: bool = True) -> FunctionProblem:
    """The variant of function `name` at dimension n drawn by `seed`, shifted, and rotated unless
    told not to.
    """
    index = tuple(FUNCTIONS).index(name)
    with jax.enable_x64(True):
        variant = draw(jax.random.key(seed), n, jnp.array([index]), rotate=1.0 if rotate else 0.0)
    return FunctionProblem(variant)
