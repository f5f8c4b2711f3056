"""A line search for the strong Wolfe conditions that survives objectives which are not finite
everywhere.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from motionrecon.optimizers.base import Problem


@dataclasses.dataclass(frozen=True)
class Trial:
    """A point on the line: step length along the direction, x (n,), loss, gradient (n,), slope =
    gradient . direction.
    """

    length: float
    x: Float[np.ndarray, " n"]
    loss: float
    grad: Float[np.ndarray, " n"]
    slope: float


def strong_wolfe(
    problem: Problem,
    x: Float[np.ndarray, " n"],
    loss: float,
    grad: Float[np.ndarray, " n"],
    direction: Float[np.ndarray, " n"],
    first: float = 1.0,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    max_trials: int = 20,
) -> Trial | None:
    """A point along `direction` (n,) that satisfies the strong Wolfe conditions, else the lowest
    acceptable one, else None.

    Nocedal & Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6, with cubic
    interpolation inside the bracket. A trial that is not finite closes the bracket from above and
    the next is a quarter of the way to it. One evaluation a trial.
    """
    low = start = Trial(0.0, x, loss, grad, float(grad @ direction))
    if not start.slope < 0.0:
        return None
    high: Trial | None = None
    length = first
    for _ in range(max_trials):
        point = x + length * direction
        value, gradient = problem.value_and_grad(point)
        trial = Trial(length, point, value, gradient, float(gradient @ direction))
        if (
            not np.isfinite(value)
            or value > loss + decrease * length * start.slope
            or value >= low.loss
        ):
            high = trial
        elif abs(trial.slope) <= -curvature * start.slope:
            return trial
        elif high is None and trial.slope < 0.0:
            previous, low = low, trial
            length = _extrapolate(previous, low)
            continue
        else:
            if high is None or trial.slope * (high.length - low.length) >= 0.0:
                high = low
            low = trial
        length = _interpolate(low, high)
        if abs(length - low.length) <= 1e-16 * max(1.0, abs(low.length)):
            break
    return low if low.length > 0.0 else None


def _cubic_minimum(a: Trial, b: Trial) -> float | None:
    """Where the cubic through two points and slopes has its minimum (Nocedal & Wright eq. 3.59), or
    None.
    """
    width = b.length - a.length
    d1 = a.slope + b.slope - 3.0 * (b.loss - a.loss) / width
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0.0:
        return None
    d2 = np.copysign(np.sqrt(square), width)
    bottom = b.slope - a.slope + 2.0 * d2
    return b.length - width * (b.slope + d2 - d1) / bottom if bottom != 0.0 else None


def _extrapolate(previous: Trial, last: Trial) -> float:
    """The next longer trial: the cubic's minimum, kept between 2 and 10 times the last length."""
    guess = _cubic_minimum(previous, last)
    if guess is None or not np.isfinite(guess) or guess <= last.length:
        guess = 4.0 * last.length
    return float(np.clip(guess, 2.0 * last.length, 10.0 * last.length))


def _interpolate(low: Trial, high: Trial) -> float:
    """The next trial inside the bracket, at least a tenth of its width away from either end."""
    width = high.length - low.length
    if not np.isfinite(high.loss):
        return low.length + 0.25 * width
    guess = _cubic_minimum(low, high)
    if guess is None or not np.isfinite(guess):
        return low.length + 0.5 * width
    first, last = sorted((low.length + 0.1 * width, high.length - 0.1 * width))
    return float(np.clip(guess, first, last))
