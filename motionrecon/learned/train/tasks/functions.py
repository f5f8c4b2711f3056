"""Twenty classical test functions for optimizers, at any dimension.

Definitions: Surjanovic & Bingham, Virtual Library of Simulation Experiments (sfu.ca/~ssurjano). All
are JAX functions of the natural coordinates w (n,); callers enable float64.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Point = Float[Array, " n"]
Scalar = Float[Array, ""]
Shape = float | Array
Formula = Callable[[Point, Shape], Scalar]


def _length(w: Point) -> Scalar:
    """|w|, with a zero gradient at zero in place of NaN."""
    square = jnp.sum(w**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _index(w: Point) -> Point:
    """1, 2, ..., n as floats."""
    return jnp.arange(1, w.shape[0] + 1, dtype=w.dtype)


def _ackley(w: Point, shape: Shape) -> Scalar:
    n = w.shape[0]
    mean_cos = jnp.mean(jnp.cos(2 * jnp.pi * w))
    return 20.0 - 20.0 * jnp.exp(-0.2 * _length(w) / jnp.sqrt(1.0 * n)) + jnp.e - jnp.exp(mean_cos)


def _griewank(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(w**2) / 4000.0 - jnp.prod(jnp.cos(w / jnp.sqrt(_index(w)))) + 1.0


def _rastrigin(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(w**2 + 10.0 * (1.0 - jnp.cos(2 * jnp.pi * w)))


def _levy(w: Point, shape: Shape) -> Scalar:
    v = 1.0 + (w - 1.0) / 4.0
    middle = (v[:-1] - 1.0) ** 2 * (1.0 + 10.0 * jnp.sin(jnp.pi * v[:-1] + 1.0) ** 2)
    end = (v[-1] - 1.0) ** 2 * (1.0 + jnp.sin(2 * jnp.pi * v[-1]) ** 2)
    return jnp.sin(jnp.pi * v[0]) ** 2 + jnp.sum(middle) + end


def _rosenbrock(w: Point, shape: Shape) -> Scalar:
    if w.shape[0] == 1:  # the chain has no link: what is left is its last term
        return (1.0 - w[0]) ** 2
    return jnp.sum(100.0 * (w[1:] - w[:-1] ** 2) ** 2 + (1.0 - w[:-1]) ** 2)


def _walled(inner: Formula, low: float, high: float, stiffness: float) -> Formula:
    """`inner` on its domain, and a quadratic wall outside: without it these two fall lower outside
    than inside.
    """

    def function(w: Point, shape: Shape) -> Scalar:
        inside = jnp.clip(w, low, high)
        return inner(inside, shape) + stiffness * jnp.sum((w - inside) ** 2)

    return function


def _schwefel(w: Point, shape: Shape) -> Scalar:
    size = jnp.abs(w)
    root = jnp.sqrt(jnp.where(size > 0, size, 1.0))
    return 418.98288727243374 * w.shape[0] - jnp.sum(jnp.where(size > 0, w * jnp.sin(root), 0.0))


def _sphere(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(w**2)


def _sum_squares(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(_index(w) * w**2)


def _hyper_ellipsoid(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(_index(w)[::-1] * w**2)


def _sum_powers(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(jnp.abs(w) ** (_index(w) + 1.0))


def _trid(w: Point, shape: Shape) -> Scalar:
    return jnp.sum((w - 1.0) ** 2) - jnp.sum(w[1:] * w[:-1])


def _zakharov(w: Point, shape: Shape) -> Scalar:
    slope = jnp.sum(0.5 * _index(w) * w)
    return jnp.sum(w**2) + slope**2 + slope**4


def _dixon_price(w: Point, shape: Shape) -> Scalar:
    return (w[0] - 1.0) ** 2 + jnp.sum(_index(w)[1:] * (2.0 * w[1:] ** 2 - w[:-1]) ** 2)


def _powell(w: Point, shape: Shape) -> Scalar:
    # Four by four; the last block of an n that four does not divide is filled with zeros, which
    # leaves the minimum where it is.
    a, b, c, d = jnp.pad(w, (0, -w.shape[0] % 4)).reshape(-1, 4).T
    return jnp.sum((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4)


def _perm(w: Point, shape: Shape) -> Scalar:
    n, j = w.shape[0], _index(w)
    powers = jnp.cumprod(jnp.broadcast_to(w, (n, n)), axis=0)  # row i: w_j^i
    target = jnp.exp(-_index(w)[:, None] * jnp.log(j))
    return jnp.sum(((powers - target) @ (j + 10.0)) ** 2)


def _styblinski_tang(w: Point, shape: Shape) -> Scalar:
    return 0.5 * jnp.sum(w**4 - 16.0 * w**2 + 5.0 * w)


def _michalewicz(w: Point, shape: Shape) -> Scalar:
    return -jnp.sum(jnp.sin(w) * jnp.sin(_index(w) * w**2 / jnp.pi) ** 20)


def _alpine(w: Point, shape: Shape) -> Scalar:
    return jnp.sum(jnp.abs(w * jnp.sin(w) + 0.1 * w))


def _salomon(w: Point, shape: Shape) -> Scalar:
    r = _length(w)
    return 1.0 - jnp.cos(2 * jnp.pi * r) + 0.1 * r


def _quadratic(w: Point, shape: Shape) -> Scalar:
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
    formula: Formula
    low: Callable[[int], float]
    high: Callable[[int], float]
    point: Callable[[int], np.ndarray]
    minimum: Callable[[int], float]
    modes: str

    def half_width(self, n: int) -> float:
        """Half of what a coordinate spans at dimension n."""
        return 0.5 * (self.high(n) - self.low(n))


def _rule(value: float | Callable[[int], float]) -> Callable[[int], float]:
    """A number as a function of n."""
    return value if callable(value) else (lambda n: value)


def _function(
    name: str,
    formula: Formula,
    low: float | Callable[[int], float],
    high: float | Callable[[int], float],
    point: float | Callable[[int], np.ndarray] = 0.0,
    minimum: float | Callable[[int], float] = 0.0,
    modes: str = "one",
) -> Function:
    place = point if callable(point) else _constant_point(point)
    return Function(name, formula, _rule(low), _rule(high), place, _rule(minimum), modes)


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
