"""What every optimizer shares: the problem it sees, its state, the loop that drives it, and the
counting of evaluations.
"""

from __future__ import annotations

import abc
import dataclasses
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from motionrecon.errors import OptimizerError

Grid: TypeAlias = tuple[int, tuple[str, ...]]
"""Frames and joint names of unknowns that are a (frames, joints) grid, frames first."""

Linearization: TypeAlias = tuple[float, Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]
"""Loss, gradient and Gauss-Newton matrix at one point."""


class Status(StrEnum):
    """Why a minimisation ended; equal to, and written to reports as, its plain string."""

    CONVERGED = "converged"
    """The gradient vanished, or an iteration no longer gains what its optimizer asks for."""
    STALLED = "stalled"
    """No step lowers the loss, and the gradient does not say why."""
    NON_FINITE = "non-finite"
    """The start, or everything around the last point, is not finite."""
    STOPPED = "stopped"
    """The caller's callback asked for it."""
    EVALUATIONS_SPENT = "evaluations spent"
    """The budget is used up."""


@runtime_checkable
class Problem(Protocol):
    """A function of n unknowns to be minimised; its gradient is exact."""

    n: int

    def value_and_grad(self, x: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """Loss and gradient at x."""

    def value(self, x: Float[np.ndarray, " n"]) -> float:
        """Loss at x."""


@runtime_checkable
class LeastSquaresProblem(Problem, Protocol):
    """A problem that knows its curvature: what Levenberg-Marquardt and its like need."""

    def linearize(self, x: Float[np.ndarray, " n"]) -> Linearization:
        """Loss, gradient and Gauss-Newton matrix at x."""


@runtime_checkable
class SinglePrecisionProblem(LeastSquaresProblem, Protocol):
    """A least-squares problem that is linearised faster where single precision will do."""

    def linearize_single(self, x: Float[np.ndarray, " n"]) -> Linearization:
        """As `linearize`, the matrix in single precision."""


@runtime_checkable
class GriddedProblem(Problem, Protocol):
    """A problem whose unknowns may be a grid; `grid` is None where they are not."""

    @property
    def grid(self) -> Grid | None:
        """Frames and joint names."""


def least_squares(problem: Problem, name: str) -> LeastSquaresProblem:
    """The problem, which must know its curvature; `name` is the optimizer that asks.

    Raises OptimizerError where the problem has no `linearize`.
    """
    if not isinstance(problem, LeastSquaresProblem):
        raise OptimizerError(
            f"{name} needs a problem with linearize(x) (residual Jacobians); use lbfgs"
        )
    return problem


def linearize_fast(problem: LeastSquaresProblem, x: Float[np.ndarray, " n"]) -> Linearization:
    """problem.linearize, in single precision where the problem knows that faster way."""
    if isinstance(problem, SinglePrecisionProblem):
        return problem.linearize_single(x)
    return problem.linearize(x)


def grid_of(problem: Problem) -> Grid | None:
    """Frames and joint names of the problem's unknowns, None where they are no grid."""
    return problem.grid if isinstance(problem, GriddedProblem) else None


@dataclasses.dataclass
class State:
    """Where an optimizer stands. Algorithms subclass it to carry what they need.

    `x` (n,) is the current iterate and always finite; `loss` and `grad` (n,) belong to it.
    `best_x`, `best_loss` are the lowest seen. `stop` is None while a step has found no reason to
    end, else that reason (`Optimizer.done` may know others); `message` tells the last unusual
    event.
    """

    x: Float[np.ndarray, " n"]
    loss: float
    grad: Float[np.ndarray, " n"]
    best_x: Float[np.ndarray, " n"]
    best_loss: float
    iteration: int = 0
    message: str = ""
    stop: Status | None = None

    def accept(
        self, x: Float[np.ndarray, " n"], loss: float, grad: Float[np.ndarray, " n"]
    ) -> None:
        """Moves the iterate to a finite point, and keeps it as the best when it is."""
        self.x, self.loss, self.grad = x, loss, grad
        if loss < self.best_loss:
            self.best_x, self.best_loss = x.copy(), loss

    def end(self, status: Status, message: str) -> None:
        """Marks the state as finished, and says why in words."""
        self.stop, self.message = status, message


@dataclasses.dataclass
class LinearizedState(State):
    """A state with `hessian` (n, n): the Gauss-Newton matrix of the last linearisation."""

    hessian: Float[np.ndarray, "n n"] = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))


S = TypeVar("S", bound=State)
L = TypeVar("L", bound=LinearizedState)


class Optimizer(abc.ABC, Generic[S]):
    """An algorithm: `init` makes its state, `step` advances it (in place, and returns it), `done`
    says why to stop.
    """

    name: str
    gradient_tolerance: float = 0.0
    # whether its rules come from training, and may fail where nothing like it was trained on
    learned: bool = False

    @abc.abstractmethod
    def init(self, problem: Problem, x0: Float[np.ndarray, " n"]) -> S:
        """The state at the start x0; costs one evaluation."""

    @abc.abstractmethod
    def step(self, problem: Problem, state: S) -> S:
        """One iteration; costs one or more evaluations."""

    def done(self, state: S) -> Status | None:
        """None, or the reason for stopping; asks, and changes nothing."""
        if state.stop is not None:
            return state.stop
        flat = np.max(np.abs(state.grad), initial=0.0) <= self.gradient_tolerance
        return Status.CONVERGED if flat else None


def checked_start(problem: Problem, x0: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """A copy of the start in double precision.

    Raises OptimizerError where its shape is not the problem's or an entry is not finite.
    """
    x = np.array(x0, dtype=float)
    if x.shape != (problem.n,):
        raise OptimizerError(
            f"the start has shape {x.shape}, the problem has {problem.n} unknowns: "
            f"expected ({problem.n},)"
        )
    if not np.all(np.isfinite(x)):
        raise OptimizerError("the start holds values that are not finite: give a finite start")
    return x


def start_state(problem: Problem, x0: Float[np.ndarray, " n"], kind: type[S], **extra: Any) -> S:
    """Evaluates the start; `extra` are further fields of the state's `kind`.

    A start where loss or gradient is not finite gives a state that is already stopped, with loss
    infinite. Raises OptimizerError as `checked_start` does.
    """
    x = checked_start(problem, x0)
    loss, grad = finite_or_inf(*problem.value_and_grad(x))
    state = kind(x=x, loss=loss, grad=grad, best_x=x.copy(), best_loss=loss, **extra)
    if not np.isfinite(loss):
        state.end(Status.NON_FINITE, "the objective or its gradient is not finite at the start")
    return state


def linearized_start_state(
    linearization: Linearization, x: Float[np.ndarray, " n"], kind: type[L], **extra: Any
) -> L:
    """The state at a checked start x that was linearised.

    Stopped already where anything in the linearisation is not finite.
    """
    loss, grad, hessian = finite_linearization(linearization)
    state = kind(
        x=x, loss=loss, grad=grad, best_x=x.copy(), best_loss=loss, hessian=hessian, **extra
    )
    if not np.isfinite(loss):
        state.end(
            Status.NON_FINITE, "the objective or its linearisation is not finite at the start"
        )
    return state


def finite_or_inf(
    loss: float, grad: Float[np.ndarray, " n"]
) -> tuple[float, Float[np.ndarray, " n"]]:
    """(loss, grad) as floats; (inf, zeros) when the loss or any entry of the gradient is not
    finite.
    """
    grad = np.asarray(grad, dtype=float)
    loss = float(loss)
    if np.isfinite(loss) and np.all(np.isfinite(grad)):
        return loss, grad
    return np.inf, np.zeros_like(grad)


def finite_linearization(linearization: Linearization) -> Linearization:
    """The same with an infinite loss where anything in it is not finite; the gradient is zeros
    where it or the loss is not.
    """
    loss, grad = finite_or_inf(*linearization[:2])
    gauss_newton = linearization[2]
    return loss if np.isfinite(gauss_newton).all() else np.inf, grad, gauss_newton


class EvaluationsSpent(Exception):
    """Raised by the counting wrapper inside a step when the budget is used up; `minimize` catches
    it.
    """


class Counted:
    """A problem that counts: one value_and_grad, value or linearize is one evaluation;
    linearizations are also counted apart. `count` makes the one that fits a problem.

    Keeps the lowest point seen and the history [(evaluations, seconds, best loss)], an entry an
    evaluation. A loss or gradient that is not finite comes out as (inf, zeros), so an optimizer
    only ever has to compare numbers. Every question raises EvaluationsSpent once the budget is
    used up.
    """

    def __init__(self, problem: Problem, max_evaluations: int) -> None:
        self.problem, self.n, self.max_evaluations = problem, problem.n, max_evaluations
        self.grid = grid_of(problem)
        self.evaluations = self.linearizations = self.non_finite = 0
        self.best_x: Float[np.ndarray, " n"] | None = None
        self.best_loss = np.inf
        self.history: list[tuple[int, float, float]] = []
        self._start = time.perf_counter()

    def _spend(self) -> None:
        if self.evaluations >= self.max_evaluations:
            raise EvaluationsSpent
        self.evaluations += 1

    def _record(self, x: Float[np.ndarray, " n"], loss: float) -> None:
        if not np.isfinite(loss):
            self.non_finite += 1
        elif loss < self.best_loss:
            self.best_x, self.best_loss = np.array(x, dtype=float), loss
        self.history.append((self.evaluations, time.perf_counter() - self._start, self.best_loss))

    def value_and_grad(self, x: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """The problem's, (inf, zeros) where it is not finite."""
        self._spend()
        loss, grad = finite_or_inf(*self.problem.value_and_grad(x))
        self._record(x, loss)
        return loss, grad

    def value(self, x: Float[np.ndarray, " n"]) -> float:
        """The problem's, infinite where it is not finite."""
        self._spend()
        loss = float(self.problem.value(x))
        loss = loss if np.isfinite(loss) else np.inf
        self._record(x, loss)
        return loss


class CountedLeastSquares(Counted):
    """Counted, for a problem that knows its curvature.

    The gradient is zeros where loss or gradient is not finite; the matrix is handed on as it is.
    """

    problem: LeastSquaresProblem

    def linearize(self, x: Float[np.ndarray, " n"]) -> Linearization:
        """The problem's, in double precision."""
        return self._count(self.problem.linearize, x)

    def linearize_single(self, x: Float[np.ndarray, " n"]) -> Linearization:
        """The problem's in single precision, or its `linearize` where it knows no other."""
        return self._count(lambda at: linearize_fast(self.problem, at), x)

    def _count(
        self,
        linearize: Callable[[Float[np.ndarray, " n"]], Linearization],
        x: Float[np.ndarray, " n"],
    ) -> Linearization:
        self._spend()
        self.linearizations += 1
        found = finite_linearization(linearize(x))
        self._record(x, found[0])
        return found


def count(problem: Problem, max_evaluations: int) -> Counted:
    """The problem with its evaluations counted; it can be linearised where the problem can."""
    kind = CountedLeastSquares if isinstance(problem, LeastSquaresProblem) else Counted
    return kind(problem, max_evaluations)


@dataclasses.dataclass(frozen=True)
class Result:
    """The best point x (n,) and its loss; what it cost; why it ended; history [(evaluations,
    seconds, best loss)].
    """

    x: Float[np.ndarray, " n"]
    loss: float
    evaluations: int
    iterations: int
    status: Status
    history: list[tuple[int, float, float]]
    linearizations: int = 0
    message: str = ""


def minimize(
    problem: Problem,
    x0: Float[np.ndarray, " n"],
    optimizer: Optimizer[S],
    max_evaluations: int,
    callback: Callable[[S], object] | None = None,
) -> Result:
    """Runs `optimizer` from x0 until it is done or exactly `max_evaluations` are spent, and
    returns the lowest point seen.

    `callback(state)` is called after every iteration; a true return stops with Status.STOPPED.
    Raises OptimizerError for a start of the wrong shape or a budget below one evaluation. Never
    raises for an objective that is not finite: the result then holds the best finite point, or the
    start with an infinite loss and Status.NON_FINITE when there was none.
    """
    if max_evaluations < 1:
        raise OptimizerError(f"max_evaluations is {max_evaluations}: at least 1 is needed")
    counted = count(problem, max_evaluations)
    state = optimizer.init(counted, x0)
    status = optimizer.done(state)
    while status is None and counted.evaluations < max_evaluations:
        try:
            state = optimizer.step(counted, state)
        except EvaluationsSpent:
            break
        status = optimizer.done(state)
        if callback is not None and callback(state):
            status = status or Status.STOPPED
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
        status=status or Status.EVALUATIONS_SPENT,
        history=counted.history,
        linearizations=counted.linearizations,
        message=message,
    )
