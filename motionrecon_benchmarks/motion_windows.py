"""Optimizers on single control windows: the lowest loss after every evaluation, and after every CPU
second.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from motionrecon import optimizers
from motionrecon.learned.train.tasks.windows import Task
from motionrecon.objective.window import Window

Row = dict[str, Any]  # of one window
Say = Callable[[str, list[Row]], None]


def make(spec: str) -> optimizers.Optimizer:
    """NAME, NAME@LEARNING_RATE (first order), NAME+single (Levenberg-Marquardt), or NAME=FOLDER of
    other weights.
    """
    if "@" in spec:
        name, rate = spec.split("@")
        return optimizers.make(name, learning_rate=float(rate))
    if spec.endswith("+single"):
        return optimizers.make(spec.removesuffix("+single"), single=True)
    name, _, folder = spec.partition("=")
    return optimizers.make(name, folder=folder) if folder else optimizers.make(name)


class Clocked:
    """A problem that notes this thread's CPU seconds and the lowest loss after every evaluation;
    history [(s, loss)]. at_jacobians: the lowest loss when each Jacobian was asked for.
    """

    def __init__(self, problem: Window) -> None:
        self.problem, self.n, self.grid = problem, problem.n, problem.grid
        self.history: list[tuple[float, float]] = []
        self.at_jacobians: list[float] = []
        self._begun = time.thread_time()

    def _note(self, loss: float) -> None:
        best = min(loss, self.history[-1][1]) if self.history else loss
        self.history.append((time.thread_time() - self._begun, best))

    def _linearized(self, loss: float) -> None:
        self._note(loss)
        self.at_jacobians.append(self.history[-1][1])

    def after(self, jacobians: int) -> float:
        """Lowest loss that so many Jacobians and the steps between them found."""
        found = [*self.at_jacobians, self.history[-1][1]]
        return found[min(jacobians, len(found) - 1)]

    def value(self, x: np.ndarray) -> float:
        """As the window's."""
        loss = self.problem.value(x)
        self._note(loss)
        return loss

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """As the window's."""
        out = self.problem.value_and_grad(x)
        self._note(out[0])
        return out

    def linearize(self, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """As the window's."""
        out = self.problem.linearize(x)
        self._linearized(out[0])
        return out

    def linearize_single(self, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """As the window's."""
        out = self.problem.linearize_single(x)
        self._linearized(out[0])
        return out


@dataclasses.dataclass
class Outcome:
    """losses (evaluations,): lowest after each; seconds (evaluations,): CPU of this thread at each;
    total: to the end.
    """

    losses: np.ndarray
    seconds: np.ndarray
    total: float
    evaluations: int
    linearizations: int
    iterations: int

    def at(self, evaluations: int) -> float:
        """Lowest loss after so many evaluations, or at the end."""
        return float(self.losses[min(evaluations, len(self.losses)) - 1])

    def needed(self, loss: float) -> float:
        """Evaluations until the loss is at most so high; infinite if never."""
        below = np.flatnonzero(self.losses <= loss)
        return float(below[0] + 1) if len(below) else np.inf

    def needed_seconds(self, loss: float) -> float:
        """The same in CPU seconds."""
        below = np.flatnonzero(self.losses <= loss)
        return float(self.seconds[below[0]]) if len(below) else np.inf


def solve(task: Task, spec: str, budget: int, iterations: int | None = None) -> Outcome:
    """One optimizer on one window from the start it has; stopped after so many iterations, if
    given.
    """
    optimizer = make(spec)
    task.window.forget()
    clocked = Clocked(task.window)
    stop = None if iterations is None else (lambda state: state.iteration >= iterations)
    result = optimizers.minimize(clocked, task.x0, optimizer, budget, stop)
    total = time.thread_time() - clocked._begun
    task.window.forget()
    losses, seconds = (
        np.array([h[1] for h in clocked.history]),
        np.array([h[0] for h in clocked.history]),
    )
    return Outcome(
        losses, seconds, total, result.evaluations, result.linearizations, result.iterations
    )


def geometric(ratios: Sequence[float] | np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-12)))))


def by_evaluations(tasks: list[Task], specs: list[str], say: Say) -> list[Row]:
    """A row a window: each optimizer's lowest loss after every evaluation up to what BFGS took for
    30 iterations.
    """
    rows = []
    for i, task in enumerate(tasks):
        bfgs = solve(task, "bfgs", 120, iterations=30)
        budget = max(30, bfgs.evaluations)
        row: Row = {
            "clip": task.clip,
            "stage": task.stage,
            "frames": task.window.frames,
            "bfgs_evaluations": bfgs.evaluations,
        }
        row["losses"] = {"bfgs": bfgs.losses.tolist()}
        for spec in specs:
            row["losses"][spec] = solve(task, spec, budget).losses.tolist()
        rows.append(row)
        say(f"{i + 1}/{len(tasks)} {task.clip} {task.stage}", rows)
    return rows


def compare_evaluations(rows: list[Row], spec: str, other: str = "bfgs", at: int = 30) -> dict:
    """Share of windows lower than `other` after `at` evaluations, geometric mean of the ratio; and,
    against BFGS, the median share of its evaluations that its loss after 30 iterations takes.
    """
    last = lambda losses: losses[min(at, len(losses)) - 1]  # noqa: E731
    ratio = np.array([last(r["losses"][spec]) / last(r["losses"][other]) for r in rows])
    out = {"windows": len(rows), "lower": float(np.mean(ratio < 1)), "ratio": geometric(ratio)}
    if other == "bfgs":
        shares = []
        for r in rows:
            below = np.flatnonzero(np.array(r["losses"][spec]) <= r["losses"]["bfgs"][-1])
            shares.append((below[0] + 1) / r["bfgs_evaluations"] if len(below) else np.inf)
        out |= {
            "evaluations_share": float(np.median(shares)),
            "reached": float(np.mean(np.isfinite(shares))),
        }
    return out


def by_seconds(tasks: list[Task], specs: list[str], budget: int, say: Say) -> list[Row]:
    """A row a window: CPU seconds, Jacobians and evaluations to the end of each optimizer, and to
    within 5 % of Levenberg-Marquardt's end. The optimizers take turns, window by window, in an
    order that changes.
    """
    rows = []
    for i, task in enumerate(tasks):
        order = specs[i % len(specs) :] + specs[: i % len(specs)]
        outcomes = {spec: solve(task, spec, budget) for spec in order}
        target = 1.05 * outcomes["levenberg-marquardt"].losses[-1]
        row: Row = {"clip": task.clip, "stage": task.stage, "frames": task.window.frames}
        for spec, o in outcomes.items():
            row[spec] = {
                "loss": float(o.losses[-1]),
                "seconds": o.total,
                "evaluations": o.evaluations,
                "jacobians": o.linearizations,
                "seconds_to_5": o.needed_seconds(target),
                "evaluations_to_5": o.needed(target),
                "curve": [o.seconds.tolist(), o.losses.tolist()],
            }
        rows.append(row)
        say(f"{i + 1}/{len(tasks)} {task.clip} {task.stage}", rows)
    return rows


def compare_seconds(rows: list[Row], spec: str) -> dict:
    """Against Levenberg-Marquardt run to its end. share_of_seconds: median of the seconds to within
    5 % of its loss over all its seconds; own_share: the same of Levenberg-Marquardt itself.
    """
    lm = "levenberg-marquardt"
    to = np.array([r[spec]["seconds_to_5"] for r in rows])
    all_, own = (np.array([r[lm][k] for r in rows]) for k in ("seconds", "seconds_to_5"))
    of = lambda key: float(np.mean([r[spec][key] for r in rows]))  # noqa: E731
    return {
        "windows": len(rows),
        "reached": float(np.mean(np.isfinite(to))),
        "share_of_seconds": float(np.median(to / all_)),
        "share_to_5": float(np.median(to / own)),
        "total_share": float(np.median([r[spec]["seconds"] for r in rows] / all_)),
        "loss_ratio": geometric([r[spec]["loss"] / r[lm]["loss"] for r in rows]),
        "jacobians": of("jacobians"),
        "evaluations": of("evaluations"),
        "seconds": of("seconds"),
    }
