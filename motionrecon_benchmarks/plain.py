"""Gradients alone, on cached control windows: Optimus and BFGS after so many evaluations, from the
usual start and from the learned one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from threadpoolctl import threadpool_limits
from tyro.conf import Positional

from motionrecon import optimizers
from motionrecon.atomic import write_atomically
from motionrecon.errors import ModelError, OptionError
from motionrecon.learned import store
from motionrecon.learned.law import network
from motionrecon.learned.law.planner import SHIPPED, Planner
from motionrecon.learned.law.rollout import Law
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.objective.window import Window
from motionrecon.terminal import say_text
from motionrecon.windows import candidates
from motionrecon_benchmarks.motion_windows import Clocked, geometric

SCIPY, BFGS, PLAIN = "scipy's BFGS", "bfgs", "optimus-motion-plain"
_ITERATIONS = 30  # of BFGS, whose loss then is to be reached in fewer evaluations
Row = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Gradients alone, on validation windows: the lowest loss after so many evaluations."""

    cache: Positional[Path]
    """folder that motionrecon train windows wrote"""
    evaluations: int = 30
    """of each way, that of the learned start included, at least 2"""
    every: int = 1
    """one window in so many, evenly from all"""
    out: Path = field(default=Path("out/benchmark-plain"))
    """folder of plain.json and plain.md"""


def _losses(window: Window, x0: np.ndarray, name: str, budget: int) -> list[float]:
    """Lowest loss after every evaluation."""
    clocked = Clocked(window)
    if name == SCIPY:

        def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
            if len(clocked.history) >= budget:
                raise StopIteration
            loss, gradient = clocked.value_and_grad(x)
            return (loss if np.isfinite(loss) else 1e30), gradient

        try:
            scipy.optimize.minimize(fun, x0, jac=True, method="BFGS")
        except StopIteration:
            pass
    else:
        optimizers.minimize(clocked, x0, optimizers.make(name), budget)
    return [loss for _, loss in clocked.history]


def _row(group: Group, solved: Solved, planners: dict[str, Planner], budget: int) -> Row:
    """Lowest losses by way; `bfgs_long`: evaluations and loss of 30 iterations of BFGS."""
    window, at = group.window(solved), solved.begin
    starts = candidates(window, at, None)
    x0 = min(starts.values(), key=lambda start: start[1])[0]
    losses = {name: _losses(window, x0, name, budget) for name in (SCIPY, BFGS, PLAIN)}
    for title, planner in planners.items():
        found = candidates(window, at, planner)
        best, loss = min(found.values(), key=lambda start: start[1])
        # the usual starts are looked at by every way; the law's costs one evaluation more
        for name in (BFGS, PLAIN):
            losses[f"{name}, {title}"] = [loss, *_losses(window, best, name, budget - 1)]
    clocked = Clocked(window)
    enough = lambda state: state.iteration >= _ITERATIONS  # noqa: E731
    long = optimizers.minimize(clocked, x0, optimizers.make(BFGS), 4 * _ITERATIONS, enough)
    window.forget()
    return {"losses": losses, "bfgs_long": [long.evaluations, long.loss]}


def table(rows: list[Row], budget: int) -> str:
    """Markdown, a line a way."""
    head = ["way", "lower than scipy's BFGS, ratio", "lower than bfgs, ratio"]
    head += [
        f"bfgs' loss after {_ITERATIONS} iterations reached",
        "in this share of its evaluations",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    end = lambda row, name: row["losses"][name][-1]  # noqa: E731
    for name in rows[0]["losses"]:
        cells = []
        for other in (SCIPY, BFGS):
            ratio = np.array([end(row, name) / end(row, other) for row in rows])
            cells.append(f"{100 * np.mean(ratio < 1):.0f} %, {geometric(ratio):.2f}")
        shares = []
        for row in rows:
            evaluations, loss = row["bfgs_long"]
            below = np.flatnonzero(np.array(row["losses"][name]) <= loss)
            shares.append((below[0] + 1) / evaluations if len(below) else np.inf)
        cells += [f"{100 * np.mean(np.isfinite(shares)):.0f} %", f"{np.median(shares):.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return f"{len(rows)} windows, {budget} evaluations\n\n" + "\n".join(lines) + "\n"


@threadpool_limits.wrap(limits=1)
def main(a: Study) -> int:
    """Writes plain.json and plain.md, after every group. Raises ModelError and OptionError."""
    if a.evaluations < 2 or a.every < 1:
        raise OptionError("--evaluations of at least 2 and --every of at least 1 are needed")
    paths = files.listed(a.cache, "validation")
    if not paths:
        raise ModelError(
            f"{a.cache}: no validation groups; build them with motionrecon train windows"
        )
    config, tree = store.load(SHIPPED)
    laws = {
        "learned start": Law(config, store.leaves(tree)),
        "untrained start": Law(config, network.init_theta(config, 0)),
    }
    rows: list[Row] = []
    count = 0
    for path in paths:
        group = files.load(path)
        planners = {title: Planner(law, group.reference) for title, law in laws.items()}
        for solved in group.windows:
            count += 1
            if count % a.every:
                continue
            place = {"clip": group.name, "frame": solved.begin.frame}
            rows.append(place | _row(group, solved, planners, a.evaluations))
        if rows:
            a.out.mkdir(parents=True, exist_ok=True)
            with write_atomically(a.out / "plain.json") as part:
                part.write_text(json.dumps(rows))
            with write_atomically(a.out / "plain.md") as part:
                part.write_text(table(rows, a.evaluations))
    say_text((a.out / "plain.md").read_text())
    return 0
