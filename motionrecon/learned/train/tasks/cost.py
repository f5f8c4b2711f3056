"""What an optimizer's questions cost: the clock of meta-training on control windows."""

from __future__ import annotations

from typing import get_args

import numpy as np

from motionrecon.errors import OptimizerError
from motionrecon.learned.train.options import Clock
from motionrecon.objective.window import Window

# Milliseconds of one core for a window of 20 frames of 37 joints (740 unknowns) and 160 steps,
# measured once by thread time (AMD EPYC). Powers: how each grows with the frames.
ROLLOUT, GRADIENT, LINEARIZE, LINEARIZE_SQUARE, FACTORISE = 3.4, 2.7, 12.7, 3.6, 1.8


class Costed:
    """A window that charges its questions to `spent`; in milliseconds, or one an evaluation.

    A factorisation is charged with every `value`, for which steered-gauss-newton needs one. A point
    that was just simulated is not simulated again, and costs no second evaluation.
    """

    def __init__(self, window: Window, clock: Clock) -> None:
        if clock not in get_args(Clock):
            raise OptimizerError(
                f"unknown clock {clock!r}: choose one of {', '.join(get_args(Clock))}"
            )
        self.window, self.n, self.grid, self.clock = window, window.n, window.grid, clock
        self.spent, self.best = 0.0, np.inf
        self._share = window.frames / 20.0
        self._last: np.ndarray | None = None
        self._events: list[tuple[float, float]] = []

    def take(self) -> list[tuple[float, float]]:
        """(clock, lowest loss so far) of the evaluations since the last call."""
        events, self._events = self._events, []
        return events

    def _charge(self, x: np.ndarray, milliseconds: float, loss: float) -> None:
        new = self._last is None or not np.array_equal(x, self._last)
        self._last = x.copy()
        if self.clock == "milliseconds":
            self.spent += milliseconds + ROLLOUT * self._share * new
        else:
            self.spent += 1.0 * new
        if loss < self.best:
            self.best = loss
        self._events.append((self.spent, self.best))

    def value(self, x: np.ndarray) -> float:
        """As the window's; charged a factorisation and, where new, a rollout."""
        loss = self.window.value(x)
        self._charge(x, FACTORISE * self._share**3, loss)
        return loss

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """As the window's; charged a gradient and, where new, a rollout."""
        loss, grad = self.window.value_and_grad(x)
        self._charge(x, GRADIENT * self._share, loss)
        return loss, grad

    def linearize(self, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """As the window's in single precision; charged Jacobians and, where new, a rollout."""
        out = self.window.linearize_single(x)
        self._charge(x, LINEARIZE * self._share + LINEARIZE_SQUARE * self._share**2, out[0])
        return out
