"""Starts of control windows: what each is worth, and what the optimizer makes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tyro.conf import Positional

from motionrecon import optimizers
from motionrecon.atomic import write_atomically
from motionrecon.errors import ModelError
from motionrecon.learned import store
from motionrecon.learned.law import network
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.planner import Planner
from motionrecon.learned.law.rollout import Law
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.objective.window import Window
from motionrecon.optimizers.base import Result
from motionrecon.terminal import say_text
from motionrecon.windows import Effort, Solve, candidates, grow, solving
from motionrecon_benchmarks.motion_windows import Clocked, geometric

LM = "levenberg-marquardt, grown"
TODAY = "today's, grown"
_JACOBIANS = 3  # after which a trained law is compared with an untrained one
Row = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Starts of validation windows: their loss, and Jacobians, seconds and loss from there on."""

    cache: Positional[Path]
    """folder that motionrecon train windows wrote"""
    weights: tuple[Path, ...] = ()
    """folders of weights of a law, which motionrecon train optimus-start wrote"""
    every: int = 1
    """one window in so many, evenly from all"""
    solve: bool = True
    """whether to optimise from the starts, and not only to look at them"""
    out: Path = field(default=Path("out/benchmark-start"))
    """folder of start.json and start.md"""


def _marquardt(window: Window, x0: np.ndarray, effort: Effort) -> tuple[Result, bool]:
    """To its own, converged end, wherever ours may stop."""
    optimizer = optimizers.make("levenberg-marquardt")
    return optimizers.minimize(window, x0, optimizer, effort.evaluations), False


def outcome(
    group: Group,
    planner: Planner | None,
    prepared: float,
    grown: bool,
    solve: Solve,
    solved: Solved,
) -> Row:
    """One way through a window, by the CPU clock of this thread, which starts before the start is
    computed; curve [(s, lowest loss)] of the whole window. prepared: the window's share, s, of what
    the law took to read the reference, counted with it.
    """
    o, at = group.reference.options, solved.begin
    window = group.window(solved)
    clock = time.thread_time() - prepared
    starts = candidates(window, at, planner)
    name = min(starts, key=lambda key: starts[key][1])
    x0, loss = starts[name]
    seconds = time.thread_time() - clock
    row: Row = {"start": loss, "taken": name, "start_seconds": seconds}
    if planner is not None:
        row["law"] = min(starts["feedback"][1], 1e4)
    if solve is _looked:
        return row
    jacobians = evaluations = 0
    if grown:
        known = min(o.window_frames - o.keep_frames, window.frames) if at.frame and x0.any() else 0
        better, results = grow(window, x0, known, o, solve)
        x0 = better if window.value(better) <= loss else x0
        jacobians, evaluations = (
            sum(getattr(r, k) for r, _ in results) for k in ("linearizations", "evaluations")
        )
    begun = time.thread_time() - clock
    clocked = Clocked(window)
    result, _ = solve(clocked, x0, Effort(o.max_evaluations, o.gain))  # type: ignore[arg-type]
    row["seconds"] = time.thread_time() - clock
    row["curve"] = [(begun + s, value) for s, value in clocked.history]
    row["jacobians"] = jacobians + result.linearizations
    row["evaluations"] = evaluations + result.evaluations
    row["end"] = result.loss
    if not grown:
        row["after"] = clocked.after(_JACOBIANS)
    return row


def _looked(window: Window, x0: np.ndarray, effort: Effort) -> tuple[Result, bool]:
    raise AssertionError("nothing is solved where starts are only looked at")


def ways(study: Study, group: Group) -> dict[str, Callable[[Solved], Row]]:
    """The ways through a window of a group, by name. A network that corrects the regulator is
    the regulator itself before it is trained.
    """
    laws = {"regulator": Law(LawConfig(), None)}
    for folder in study.weights:
        config, tree = store.load(folder)
        run = folder.parent.name if folder.name in ("best", "last") else folder.name
        laws[run] = Law(config, store.leaves(tree))
        if not config.regulator:  # whatever the seed, before training it adds nothing
            laws["untrained law"] = Law(config, network.init_theta(config, 0))
    solve = solving(group.reference.options.optimizer) if study.solve else _looked
    marquardt = _marquardt if study.solve else _looked
    out: dict[str, Callable[[Solved], Row]] = {
        LM: partial(outcome, group, None, 0.0, True, marquardt),
        TODAY: partial(outcome, group, None, 0.0, True, solve),
        "today's, not grown": partial(outcome, group, None, 0.0, False, solve),
    }
    for name, law in laws.items():
        planner = Planner(law, group.reference)
        clock = time.thread_time()
        planner.prepare(group.windows[0].begin.frame)
        prepared = (time.thread_time() - clock) / len(group.windows)
        out[name] = partial(outcome, group, planner, prepared, False, solve)
    return out


def table(rows: list[Row]) -> str:
    """Markdown over all windows, first windows and later ones."""
    head = (
        "start | loss at the start: all, first, later | the law alone | its share of starts"
        f" | loss after {_JACOBIANS} Jacobians | Jacobians | CPU s, start included | within 5 % of "
        "LM's end | CPU s to there over LM's to there, over all of LM's (medians) | there in a "
        "quarter of all LM's | end over today's"
    )
    lines = [f"| {head} |", "|---" * (head.count("|") + 1) + "|"]
    first = np.array([row["frame"] == 0 for row in rows])
    for name in rows[0]["ways"]:
        some = [row["ways"][name] for row in rows]
        start = np.array([r["start"] for r in some])
        cells = [
            " / ".join(_mean(start[m]) for m in (first | ~first, first, ~first)),
            f"{geometric([r['law'] for r in some]):.2f}" if "law" in some[0] else "",
            f"{100 * np.mean([r['taken'] == 'feedback' for r in some]):.0f} %",
        ]
        if "end" in some[0]:
            near = np.array([_to(row, name) for row in rows])
            own = near / [_to(row, LM) for row in rows]
            whole = near / [row["ways"][LM]["seconds"] for row in rows]
            ends = [r["end"] / row["ways"][TODAY]["end"] for r, row in zip(some, rows, strict=True)]
            cells += [
                f"{geometric([r['after'] for r in some]):.2f}" if "after" in some[0] else "",
                f"{np.mean([r['jacobians'] for r in some]):.1f}",
                f"{np.mean([r['seconds'] for r in some]):.3f}",
                f"{100 * np.mean(np.isfinite(near)):.0f} %",
                f"{np.median(own):.2f}, {np.median(whole):.2f}",
                f"{100 * np.mean(whole <= 0.25):.0f} %",
                f"{geometric(ends):.3f}",
            ]
        else:
            cells += [""] * 7
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _mean(losses: np.ndarray) -> str:
    return f"{geometric(losses):.2f}" if len(losses) else "none"


def _to(row: Row, name: str) -> float:
    """CPU seconds to within 5 % of Levenberg-Marquardt's end; infinite if never."""
    target = 1.05 * row["ways"][LM]["end"]
    return next((s for s, loss in row["ways"][name]["curve"] if loss <= target), np.inf)


@threadpool_limits.wrap(limits=1)
def main(a: Study) -> int:
    """Writes start.json and start.md, after every group. Raises ModelError."""
    paths = files.listed(a.cache, "validation")
    if not paths:
        raise ModelError(
            f"{a.cache}: no validation groups; build them with motionrecon train windows"
        )
    a.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    count = 0
    for path in paths:
        group = files.load(path)
        found = ways(a, group)
        for solved in group.windows:
            count += 1
            if count % a.every:
                continue
            order = list(found)
            turn = len(rows) % len(order)
            done = {name: found[name](solved) for name in order[turn:] + order[:turn]}
            ways_done = {name: done[name] for name in order}
            rows.append({"clip": group.name, "frame": solved.begin.frame, "ways": ways_done})
        if rows:
            with write_atomically(a.out / "start.json") as part:
                part.write_text(json.dumps(rows))
            with write_atomically(a.out / "start.md") as part:
                part.write_text(f"{len(rows)} windows\n\n{table(rows)}")
    say_text((a.out / "start.md").read_text())
    return 0
