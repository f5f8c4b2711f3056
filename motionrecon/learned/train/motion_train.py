"""Meta-training on control windows: Persistent Evolution Strategies over optimizers that live
outside JAX.

The estimator is that of motionrecon.learned.train.pes (Vicol, Metz & Sohl-Dickstein 2021); there
tasks are traced and batched, here a task is a window of the simulator and an inner step any
Optimizer's. Time within an episode is what a step costs: modelled milliseconds or evaluations, so
that a learned optimizer is taught to be quick by the clock that is chosen.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from motionrecon.atomic import write_atomically
from motionrecon.errors import OptimizerError
from motionrecon.learned.train.motion_cost import Costed
from motionrecon.learned.train.motion_tasks import Task, TaskSource
from motionrecon.optimizers.base import Optimizer

_STAGES = {"cold": 0.25, "growing": 0.35, "whole": 0.3, "synthetic": 0.1}


@dataclasses.dataclass(frozen=True)
class MotionTrainOptions:
    """steps: meta-steps. particles: antithetic pairs. truncation, episode: of an inner run, in the
    clock's units; the episode a multiple of the truncation. sigma: of the perturbation.
    learning_rate: Adam's, decayed by a cosine to a tenth. clip: of a pair's difference of
    meta-loss. groups: of tasks that are drawn from. stages: what tasks to train on. clock:
    "milliseconds" (modelled) or "evaluations". seed: fixes everything but the seconds reported.
    """

    steps: int = 400
    particles: int = 8
    truncation: float = 60.0
    episode: float = 240.0
    sigma: float = 0.02
    learning_rate: float = 3e-3
    clip: float = 1.0
    groups: int = 40
    stages: tuple[str, ...] = ("cold", "growing", "whole", "synthetic")
    clock: str = "milliseconds"
    seed: int = 0
    validate_every: int = 50
    validation_tasks: int = 24

    def __post_init__(self):
        if (
            min(self.steps, self.particles, self.groups, self.validate_every, self.validation_tasks)
            < 1
        ):
            raise OptimizerError(
                f"steps, particles, groups, validate_every and validation_tasks must be positive: {self}"
            )
        if not (0 < self.truncation <= self.episode and self.sigma > 0 and self.learning_rate > 0):
            raise OptimizerError(
                f"0 < truncation <= episode, sigma > 0 and learning_rate > 0 are needed: got {self}"
            )


class Run:
    """One optimizer on one task: advanced by the clock, scored by the log of the lowest loss along
    it.
    """

    def __init__(self, task: Task, clock: str):
        self.task, self.problem, self.state = task, Costed(task.window, clock), None
        self.clock, self.stopped, self.first = 0.0, False, np.nan

    def advance(self, optimizer: Optimizer, until: float) -> float:
        """Mean over the clock's advance to `until` of log10(lowest loss / first loss)."""
        begun, total = self.clock, 0.0
        score = self._score()
        while self.clock < until:
            if self.stopped:
                total += (until - self.clock) * score
                self.clock = until
                break
            if self.state is None:
                self.state = optimizer.init(self.problem, self.task.x0)
                self.first = self.problem.best
            else:
                self.state = optimizer.step(self.problem, self.state)
            self.stopped = optimizer.done(self.state) is not None
            for at, best in self.problem.take():
                stop = min(at, until)
                total += (
                    max(0.0, stop - self.clock) * score
                )  # what was known before the evaluation was done
                self.clock = max(self.clock, stop)
                score = self._score(best)
            self.clock = max(self.clock, min(self.problem.spent, until))
        self.task.window.forget()
        return total / (until - begun)

    def _score(self, best: float | None = None) -> float:
        best = self.problem.best if best is None else best
        if not np.isfinite(self.first) or not np.isfinite(best):
            return 0.0
        return float(np.log10(max(best, 1e-300) / max(self.first, 1e-300)))


@dataclasses.dataclass
class Particle:
    """A task seen by both signs. past: (+ and - meta-parameters, clock reached) of the episode so
    far; with it a checkpoint need not hold the runs, which are replayed.
    """

    entry: tuple[int, int]
    xi: np.ndarray
    end: float
    past: list[tuple[np.ndarray, np.ndarray, float]]
    plus: Run | None = None
    minus: Run | None = None


class MotionTrainer:
    """Meta-training of `make(theta (D,)) -> Optimizer`, from theta0 (D,)."""

    def __init__(
        self,
        make: Callable[[np.ndarray], Optimizer],
        theta0,
        source: TaskSource,
        o: MotionTrainOptions,
        free=None,
    ):
        """free (D,) bool: the meta-parameters that are trained, all of them by default."""
        self.make, self.source, self.options = make, source, o
        self.theta = np.array(theta0, float)
        self.free = np.ones(self.theta.shape) if free is None else np.asarray(free, float)
        self.m, self.v, self.count = np.zeros_like(self.theta), np.zeros_like(self.theta), 0
        self.best, self.best_loss = (
            self.theta,
            np.inf,
        )  # by `validate`: of noisy estimates the last need not be the best
        # First episodes end at different times, so that the particles are out of step from the
        # start.
        ends = o.truncation * (1 + np.arange(o.particles) % max(1, round(o.episode / o.truncation)))
        self.particles = [self._fresh(i, 0, end) for i, end in enumerate(ends)]

    def _fresh(self, i: int, step: int, end: float) -> Particle:
        rng = np.random.default_rng([self.options.seed, 2, step, i])
        group = int(rng.integers(self.options.groups))
        return Particle(
            (group, int(rng.integers(2**31))), np.zeros_like(self.theta), float(end), []
        )

    def _task(self, entry: tuple[int, int]) -> Task:
        group, rng = self.source.group(entry[0]), np.random.default_rng(entry[1])
        there = [s for s in self.options.stages if any(t.stage == s for t in group)] or [
            group[0].stage
        ]
        weights = np.array([_STAGES[s] for s in there])
        stage = rng.choice(there, p=weights / weights.sum())
        some = [t for t in group if t.stage == stage]
        return some[int(rng.integers(len(some)))]

    def _awake(self, p: Particle) -> None:
        """Brings a particle's runs to where its past says they are."""
        if p.plus is None:
            task, clock = self._task(p.entry), self.options.clock
            p.plus, p.minus = Run(task, clock), Run(task, clock)
            for up, down, until in p.past:
                p.plus.advance(self.make(up), until)
                p.minus.advance(self.make(down), until)

    @threadpool_limits.wrap(limits=1)  # several threads round otherwise
    def step(self) -> float:
        """One meta-step; returns the mean meta-loss of its truncations."""
        o = self.options
        gradient, losses = np.zeros_like(self.theta), []
        for i, p in enumerate(self.particles):
            self._awake(p)
            rng = np.random.default_rng([o.seed, 1, self.count, i])
            epsilon = o.sigma * self.free * rng.standard_normal(self.theta.shape)
            p.xi = p.xi + epsilon
            up, down = self.theta + epsilon, self.theta - epsilon
            until = p.plus.clock + o.truncation
            pair = p.plus.advance(self.make(up), until), p.minus.advance(self.make(down), until)
            gradient += (
                p.xi * np.clip(pair[0] - pair[1], -o.clip, o.clip) / (2 * o.sigma**2 * o.particles)
            )
            losses.append(np.mean(pair))
            p.past.append((up, down, until))
            if until >= p.end - 1e-9 or (p.plus.stopped and p.minus.stopped):
                self.particles[i] = self._fresh(i, self.count + 1, o.episode)
        self._adam(np.nan_to_num(gradient))
        return float(np.mean(losses))

    def _adam(self, gradient: np.ndarray) -> None:
        """Adam (Kingma & Ba 2015)."""
        o, b1, b2 = self.options, 0.9, 0.99
        share = min(1.0, self.count / o.steps)
        rate = o.learning_rate * (0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * share)))
        self.count += 1
        self.m = b1 * self.m + (1 - b1) * gradient
        self.v = b2 * self.v + (1 - b2) * gradient**2
        unbiased = self.m / (1 - b1**self.count), self.v / (1 - b2**self.count)
        self.theta = self.theta - rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)

    def validate(self) -> float:
        """Mean meta-loss of whole episodes on fixed draws that training does not see (groups of
        their own).
        """
        o, losses = self.options, []
        optimizer = self.make(self.theta)
        for i in range(o.validation_tasks):
            task = self._task((o.groups + i % max(1, o.validation_tasks // 4), i))
            losses.append(Run(task, o.clock).advance(optimizer, o.episode))
        loss = float(np.mean(losses))
        if loss < self.best_loss:
            self.best, self.best_loss = self.theta.copy(), loss
        return loss

    def save(self, path: Path, spent: float) -> None:
        """All state as plain arrays; the file appears whole or not at all."""
        arrays = {
            "theta": self.theta,
            "m": self.m,
            "v": self.v,
            "count": np.array(self.count),
            "spent": np.array(spent),
        }
        arrays |= {"best": self.best, "best_loss": np.array(self.best_loss)}
        for i, p in enumerate(self.particles):
            arrays |= {
                f"{i}/entry": np.array(p.entry),
                f"{i}/xi": p.xi,
                f"{i}/end": np.array(p.end),
            }
            arrays[f"{i}/theta"] = np.array([(up, down) for up, down, _ in p.past])
            arrays[f"{i}/until"] = np.array([until for _, _, until in p.past])
        with write_atomically(path) as part:
            np.savez(part, **arrays)

    def load(self, path: Path) -> float:
        """Goes on where `save` left off; returns the CPU seconds spent until then. Raises
        OptimizerError.
        """
        with np.load(path, allow_pickle=False) as a:
            if (
                a["theta"].shape != self.theta.shape
                or f"{self.options.particles - 1}/xi" not in a.files
            ):
                raise OptimizerError(
                    f"{path}: a checkpoint of another configuration; give another folder with --out"
                )
            self.theta, self.m, self.v, self.count = a["theta"], a["m"], a["v"], int(a["count"])
            self.best, self.best_loss = a["best"], float(a["best_loss"])
            self.particles = []
            for i in range(self.options.particles):
                past = [
                    (t[0], t[1], float(u))
                    for t, u in zip(a[f"{i}/theta"], a[f"{i}/until"], strict=True)
                ]
                group, draw = a[f"{i}/entry"]
                self.particles.append(
                    Particle((int(group), int(draw)), a[f"{i}/xi"], float(a[f"{i}/end"]), past)
                )
            return float(a["spent"])


@threadpool_limits.wrap(limits=1)
def train(
    trainer: MotionTrainer, folder: Path, max_seconds: float | None = None, say=print
) -> MotionTrainer:
    """Trains to options.steps, resuming from `folder`/checkpoint.npz, with a line a validation in
    curve.jsonl.

    max_seconds of this call end it early, after a checkpoint; calling again goes on exactly where
    it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, o = folder / "checkpoint.npz", trainer.options
    before = trainer.load(path) if path.is_file() else 0.0
    begun, cpu, losses = time.perf_counter(), time.process_time(), []
    while True:
        over = max_seconds is not None and time.perf_counter() - begun > max_seconds
        if trainer.count % o.validate_every == 0 or trainer.count >= o.steps or over:
            line = {
                "step": trainer.count,
                "cpu_seconds": round(before + time.process_time() - cpu, 1),
            }
            line |= {
                "validation": trainer.validate(),
                "train": float(np.mean(losses)) if losses else None,
            }
            losses = []
            with open(folder / "curve.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")
            trainer.save(path, before + time.process_time() - cpu)
            say(json.dumps(line), flush=True)
        if over or trainer.count >= o.steps:
            return trainer
        losses.append(trainer.step())
