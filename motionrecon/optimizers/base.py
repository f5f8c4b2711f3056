"""What every optimizer shares: the problem it sees, its state, the loop that drives it, and the
counting of evaluations.
"""

from __future__ import annotations

import abc
import dataclasses
import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from motionrecon.errors import OptimizerError


@runtime_checkable
class Problem(Protocol):
    """A function of n unknowns to be minimised; its gradient is exact.

    `linearize(x) -> (loss, grad (n,), gauss_newton (n, n))` is optional: only Levenberg-Marquardt
    and optimus-motion ask for it, the latter for `linearize_single` where there is one: the same in
    single precision. `grid`, optional: (frames, joint names) where the unknowns are a grid of them.
    """

    n: int

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and gradient (n,) at x (n,)."""

    def value(self, x: np.ndarray) -> float:
        """Loss at x (n,)."""


@dataclasses.dataclass
class State:
    """Where an optimizer stands. Algorithms subclass it to carry what they need.

    `x` is the current iterate and always finite; `loss` and `grad` belong to it. `best_x`,
    `best_loss` are the lowest seen. `stop` is None while there is work to do, else the reason for
    stopping; `message` tells the last unusual event.
    """

    x: np.ndarray
    loss: float
    grad: np.ndarray
    best_x: np.ndarray
    best_loss: float
    iteration: int = 0
    message: str = ""
    stop: str | None = None

    def accept(self, x: np.ndarray, loss: float, grad: np.ndarray) -> None:
        """Moves the iterate to a finite point, and keeps it as the best when it is."""
        self.x, self.loss, self.grad = x, loss, grad
        if loss < self.best_loss:
            self.best_x, self.best_loss = x.copy(), loss


class Optimizer(abc.ABC):
    """An algorithm: `init` makes its state, `step` advances it (in place, and returns it), `done`
    says why to stop.
    """

    name: str
    gradient_tolerance: float = 0.0
    # whether its rules come from training, and may fail where nothing like it was trained on
    learned: bool = False

    @abc.abstractmethod
    def init(self, problem: Problem, x0: np.ndarray) -> State:
        """The state at the start x0 (n,); costs one evaluation."""

    @abc.abstractmethod
    def step(self, problem: Problem, state: State) -> State:
        """One iteration; costs one or more evaluations."""

    def done(self, state: State) -> str | None:
        """None, or the reason for stopping: "converged", "stalled", "non-finite"."""
        if (
            state.stop is None
            and np.max(np.abs(state.grad), initial=0.0) <= self.gradient_tolerance
        ):
            state.stop = "converged"
        return state.stop


def start_state(problem: Problem, x0: np.ndarray, kind: type[State] = State, **extra: Any) -> State:
    """Evaluates the start. A start that is not finite gives a state that is already stopped, with
    loss infinite.
    """
    x = np.array(x0, dtype=float)
    if x.shape != (problem.n,):
        raise OptimizerError(
            f"the start has shape {x.shape}, the problem has {problem.n} unknowns: expected ({problem.n},)"
        )
    if not np.all(np.isfinite(x)):
        raise OptimizerError("the start holds values that are not finite: give a finite start")
    loss, grad = finite_or_inf(*problem.value_and_grad(x))
    state = kind(x=x, loss=loss, grad=grad, best_x=x.copy(), best_loss=loss, **extra)
    if not np.isfinite(loss):
        state.stop, state.message = (
            "non-finite",
            "the objective or its gradient is not finite at the start",
        )
    return state


def finite_or_inf(loss: float, grad: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, grad (n,)) as floats; (inf, zeros) when the loss or any entry of the gradient is not
    finite.
    """
    grad = np.asarray(grad, dtype=float)
    loss = float(loss)
    if np.isfinite(loss) and np.all(np.isfinite(grad)):
        return loss, grad
    return np.inf, np.zeros_like(grad)


def linearize(problem: Problem, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """problem.linearize, in single precision where the problem knows that faster way."""
    return getattr(problem, "linearize_single", problem.linearize)(x)


class EvaluationsSpent(Exception):
    """Raised by the counting wrapper inside a step when the budget is used up; `minimize` catches
    it.
    """


class Counted:
    """A problem that counts: one value_and_grad, value or linearize is one evaluation;
    linearizations are also counted apart.

    Keeps the lowest point seen and the history [(evaluations, seconds, best loss)], an entry an
    evaluation. A loss or gradient that is not finite comes out as (inf, zeros), so an optimizer
    only ever has to compare numbers.
    """

    def __init__(self, problem: Problem, max_evaluations: int):
        self.problem, self.n, self.max_evaluations = problem, problem.n, max_evaluations
        self.evaluations = self.linearizations = self.non_finite = 0
        self.best_x: np.ndarray | None = None
        self.best_loss = np.inf
        self.history: list[tuple[int, float, float]] = []
        self._start = time.perf_counter()
        if hasattr(problem, "grid"):
            self.grid = problem.grid
        if hasattr(problem, "linearize"):
            self.linearize = lambda x: self._linearize(problem.linearize, x)
        if hasattr(problem, "linearize_single"):
            self.linearize_single = lambda x: self._linearize(problem.linearize_single, x)

    def _spend(self) -> None:
        if self.evaluations >= self.max_evaluations:
            raise EvaluationsSpent
        self.evaluations += 1

    def _record(self, x: np.ndarray, loss: float) -> None:
        if not np.isfinite(loss):
            self.non_finite += 1
        elif loss < self.best_loss:
            self.best_x, self.best_loss = np.array(x, dtype=float), loss
        self.history.append((self.evaluations, time.perf_counter() - self._start, self.best_loss))

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self._spend()
        loss, grad = finite_or_inf(*self.problem.value_and_grad(x))
        self._record(x, loss)
        return loss, grad

    def value(self, x: np.ndarray) -> float:
        self._spend()
        loss = float(self.problem.value(x))
        loss = loss if np.isfinite(loss) else np.inf
        self._record(x, loss)
        return loss

    def _linearize(
        self, linearize: Callable, x: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        self._spend()
        self.linearizations += 1
        loss, grad, gauss_newton = linearize(x)
        loss, grad = finite_or_inf(loss, grad)
        if not np.all(np.isfinite(gauss_newton)):
            loss = np.inf
        self._record(x, loss)
        return loss, grad, gauss_newton


@dataclasses.dataclass(frozen=True)
class Result:
    """The best point x (n,) and its loss; what it cost; why it ended; history [(evaluations,
    seconds, best loss)].
    """

    x: np.ndarray
    loss: float
    evaluations: int
    iterations: int
    status: str
    history: list[tuple[int, float, float]]
    linearizations: int = 0
    message: str = ""


def minimize(
    problem: Problem,
    x0: np.ndarray,
    optimizer: Optimizer,
    max_evaluations: int,
    callback: Callable[[State], object] | None = None,
) -> Result:
    """Runs `optimizer` from x0 (n,) until it is done or exactly `max_evaluations` are spent, and
    returns the lowest point seen.

    `callback(state)` is called after every iteration; a true return stops with status "stopped".
    Raises OptimizerError for a start of the wrong shape or a budget below one evaluation. Never
    raises for an objective that is not finite: the result then holds the best finite point, or the
    start with an infinite loss and status "non-finite" when there was none.
    """
    if max_evaluations < 1:
        raise OptimizerError(f"max_evaluations is {max_evaluations}: at least 1 is needed")
    counted = Counted(problem, max_evaluations)
    state = optimizer.init(counted, x0)
    status = optimizer.done(state)
    while status is None and counted.evaluations < max_evaluations:
        try:
            state = optimizer.step(counted, state)
        except EvaluationsSpent:
            break
        status = optimizer.done(state)
        if callback is not None and callback(state):
            status = status or "stopped"
    best = counted.best_x if counted.best_x is not None else np.array(x0, dtype=float)
    message = state.message
    if counted.non_finite:
        message = (
            f"{message + '; ' if message else ''}{counted.non_finite} evaluations were not finite"
        )
    return Result(
        x=best,
        loss=counted.best_loss,
        evaluations=counted.evaluations,
        iterations=state.iteration,
        status=status or "evaluations spent",
        history=counted.history,
        linearizations=counted.linearizations,
        message=message,
    )
