"""The meta-training loop: an estimator's gradients, Adam, validations and checkpoints."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float
from threadpoolctl import threadpool_limits

from motionrecon.atomic import write_atomically
from motionrecon.learned.train.checkpoint import Checkpoints
from motionrecon.learned.train.estimator import Estimator
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.tasks import Tasks

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is trained: the first meta-parameters, where to train them, and how to save them."""

    theta0: Float[np.ndarray, " D"]
    tasks: Tasks
    save: Callable[[Path, Float[np.ndarray, " D"]], None]


class Trainer:
    """Meta-training of one subject. All that goes on is in `self.state`, a pytree of arrays that a
    checkpoint holds whole. Float64 must be enabled.
    """

    def __init__(self, subject: Subject, estimator: Estimator, options: TrainOptions) -> None:
        self.subject, self.estimator, self.options = subject, estimator, options
        rate, warmup = options.learning_rate, min(options.warmup, options.steps // 10)
        schedule = optax.warmup_cosine_decay_schedule(
            0.0 if warmup else rate, rate, warmup, options.steps, 0.1 * rate
        )
        adam = optax.adam(schedule, b1=0.9, b2=0.99)
        theta = jnp.asarray(subject.theta0, jnp.float64)
        self.state: dict[str, Any] = {
            "theta": theta,
            "mean": theta,
            "adam": adam.init(theta),
            "tasks": subject.tasks.start(estimator),
            "step": np.array(0),
            "lowest": np.array(np.inf),  # sum of the validation losses, so far
            "losses": np.zeros(2),  # sum and count since the last validation
            "seconds": np.zeros(2),  # wall-clock and CPU, of all calls so far
        }
        clip, average = options.clip_gradient, options.average

        def move(theta: Array, mean: Array, state: Any, gradient: Array, step: Array) -> Any:
            finite = jnp.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
            update, state = adam.update(jnp.clip(finite, -clip, clip), state)
            theta = theta + update
            # at first over the steps so far, so that the start is forgotten
            share = jnp.maximum(1 - average, 1 / (step + 1))
            return theta, optax.incremental_update(theta, mean, share), state

        self._move = jax.jit(move)

    @property
    def theta(self) -> Float[np.ndarray, " D"]:
        """The meta-parameters that are validated and kept: their average, if one is asked for."""
        return np.asarray(self.state["mean"])

    @property
    def count(self) -> int:
        """Meta-steps done."""
        return int(self.state["step"])

    # Several threads round otherwise, and two trainings of one seed would part.
    @threadpool_limits.wrap(limits=1)
    def step(self) -> float:
        """One meta-step; returns its mean meta-loss."""
        s = self.state
        gradient, loss, tasks = self.subject.tasks.estimate(
            self.estimator, s["theta"], s["tasks"], self.count
        )
        moved = self._move(s["theta"], s["mean"], s["adam"], gradient, s["step"])
        theta, mean, adam = moved
        losses = s["losses"] + [loss, 1.0]
        self.state = s | {
            "theta": theta,
            "mean": mean,
            "adam": adam,
            "tasks": tasks,
            "losses": losses,
        }
        self.state["step"] = s["step"] + 1
        return loss

    @threadpool_limits.wrap(limits=1)
    def validate(self) -> tuple[dict[str, Any], bool]:
        """(a line of the curve, whether these meta-parameters are the best so far)."""
        s = self.state
        measured = self.subject.tasks.validate(s["mean"])
        total, (summed, count) = sum(measured.values()), s["losses"]
        self.state = s | {"losses": np.zeros(2), "lowest": np.minimum(s["lowest"], total)}
        train = float(summed / count) if count else None
        return {"step": self.count} | measured | {"train": train}, bool(total < s["lowest"])


def run(
    trainer: Trainer, folder: Path, max_seconds: float | None = None, say: Say = print
) -> Trainer:
    """Trains to options.steps, going on from the latest checkpoint in `folder`.

    folder/curve.jsonl gets a line a validation, best/ the weights with the lowest sum of validation
    losses, last/ those at the end. `max_seconds` of this call end it early, after a checkpoint; the
    next call goes on exactly where it stopped. Raises OptimizerError for a folder of other options.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    o, clock = trainer.options, _Clock()
    with Checkpoints(folder / "checkpoints", o.identity()) as checkpoints:
        trainer.state = checkpoints.latest(trainer.state)
        first, before = trainer.count, trainer.state["seconds"]
        if first == 0 or not (folder / "curve.jsonl").exists():
            _look(trainer, folder, say, clock)
        else:
            _cut(folder / "curve.jsonl", first)
        while trainer.count < o.steps:
            if max_seconds is not None and clock.seconds()[0] > max_seconds:
                checkpoints.save(trainer.count, trainer.state)
                say(f"stopped after {trainer.count} of {o.steps} meta-steps; call again to go on")
                return trainer
            trainer.step()
            trainer.state["seconds"] = before + clock.seconds()
            if trainer.count % o.validate_every == 0 or trainer.count == o.steps:
                _look(trainer, folder, say, clock, first)
                checkpoints.save(trainer.count, trainer.state)
    trainer.subject.save(folder / "last", trainer.theta)
    say(f"weights with the lowest validation in {folder / 'best'}, the last in {folder / 'last'}")
    return trainer


class _Clock:
    """Seconds of this call; on a shared machine wall-clock says little without CPU time."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> Float[np.ndarray, " 2"]:
        return np.array([time.perf_counter() - self._wall, time.process_time() - self._cpu])


def _look(trainer: Trainer, folder: Path, say: Say, clock: _Clock, first: int = 0) -> None:
    """Validates, writes the curve's line, keeps the best weights, and tells the time left."""
    line, best = trainer.validate()
    if best:
        trainer.subject.save(folder / "best", trainer.theta)
    wall, cpu = trainer.state["seconds"]
    line |= {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}
    with open(folder / "curve.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")
    done = trainer.count - first
    left = (trainer.options.steps - trainer.count) * clock.seconds()[0] / max(done, 1)
    say(json.dumps(line) + (f" left {left:.0f} s" if done else ""))


def _cut(path: Path, step: int) -> None:
    """Drops what a call wrote after its last checkpoint, which is now done again."""
    lines = [line for line in path.read_text().splitlines() if json.loads(line)["step"] <= step]
    with write_atomically(path) as part:
        part.write_text("".join(line + "\n" for line in lines))
