"""The meta-training loop: PES with Adam, dimensions in turn, orbax checkpoints, exact resume."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from jax.flatten_util import ravel_pytree

from motionrecon.errors import OptimizerError
from motionrecon.learned import learned
from motionrecon.learned import weights_io as weights
from motionrecon.learned.train import pes, tasks


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """steps: meta-steps in all. dimensions: trained in turn, a pool of particles each, opened one
    by one over the first `opening` of the steps (curriculum), as the episodes' longest length grows
    from the first to the second of `lengths` by then.

    particles: antithetic pairs a pool. truncation: evaluations an unroll, at most half the shortest
    episode. sigma: of the perturbation; sigma_rules: of the secant family's rules, which alone are
    trained when `only_rules`: two dozen numbers give PES far less noise than all of the network.
    learning_rate: Adam's, decayed by a cosine to a tenth. clip: element-wise on the meta-gradient.
    seed: fixes everything. validate_every: meta-steps between validations and checkpoints.
    long_validation: evaluations of a second validation, 0 for none; the weights kept as best are
    those with the lowest sum of both.
    """

    steps: int = 2000
    dimensions: tuple[int, ...] = (4, 16)
    opening: float = 0.15
    lengths: tuple[int, int] = (30, 200)
    particles: int = 32
    truncation: int = 10
    sigma: float = 0.01
    sigma_rules: float = 0.02
    only_rules: bool = False
    learning_rate: float = 1e-3
    clip: float = 3.0
    seed: int = 0
    validate_every: int = 100
    long_validation: int = 0

    def __post_init__(self):
        if self.truncation > self.lengths[0] // 2 or self.lengths[0] > self.lengths[1]:
            raise OptimizerError(
                f"truncation must be at most half the shortest episode, lengths ascending: got {self}"
            )
        if (
            min(self.steps, self.particles, self.validate_every) < 1
            or not self.sigma > 0
            or not self.learning_rate > 0
        ):
            raise OptimizerError(
                f"steps, particles, validate_every, sigma and learning_rate must be positive: got {self}"
            )


class Trainer:
    """Meta-training of one configuration. All state is in `self.state`, a pytree that a checkpoint
    holds whole.
    """

    def __init__(self, config: learned.Config, options: TrainOptions):
        self.config, self.options = config, options
        key = jax.random.key(options.seed)
        theta, self.unravel = ravel_pytree(learned.init_theta(config, jax.random.fold_in(key, 0)))
        theta = theta.astype(jnp.float64)
        self.sigma = self._spread()
        schedule = optax.cosine_decay_schedule(options.learning_rate, options.steps, alpha=0.1)
        self.adam = optax.adam(schedule, b1=0.9, b2=0.99)
        self.inners = [tasks.classical(config, n) for n in options.dimensions]
        pools = [
            self._pool(inner, jax.random.fold_in(key, 1 + i), theta.size)
            for i, inner in enumerate(self.inners)
        ]
        self.state = {
            "theta": theta,
            "adam": self.adam.init(theta),
            "pools": pools,
            "step": jnp.zeros((), jnp.int32),
        }
        # Fixed types from the start: a weakly typed scalar would compile every meta-step twice.
        self.state = jax.tree.map(lambda a: jnp.array(a, dtype=a.dtype), self.state)
        self._steps = [jax.jit(self._make_step(inner)) for inner in self.inners]
        self._validate = {
            steps: self._validation(steps) for steps in (100, options.long_validation) if steps
        }

    def _spread(self) -> jax.Array:
        """Standard deviation of the perturbation of each meta-parameter (D,)."""
        o = self.options
        named = {
            name: jax.tree.map(
                lambda a, name=name: jnp.full(
                    jnp.shape(a),
                    o.sigma_rules if name == "rules" else 0.0 if o.only_rules else o.sigma,
                ),
                part,
            )
            for name, part in learned.init_theta(self.config, jax.random.key(0)).items()
        }
        return ravel_pytree(named)[0].astype(jnp.float64)

    def _validation(self, steps: int):
        each = [
            jax.jit(
                lambda theta, n=n: tasks.validation_loss(
                    self.config, self.unravel(theta), n, 10_000, 64, steps
                )
            )
            for n in self.options.dimensions[-2:]
        ]
        return lambda theta: float(np.mean([f(theta) for f in each]))

    def _lengths(self, step: int | jax.Array):
        """Shortest and longest episode at a meta-step: the curriculum on length."""
        low, high = self.options.lengths
        share = jnp.clip(step / max(1.0, self.options.opening * self.options.steps), 0.0, 1.0)
        return low, (low + share * (high - low)).astype(jnp.int32)

    def _pool(self, inner: pes.Inner, key: jax.Array, size: int) -> pes.Particle:
        """Particles whose first episodes end at different times, so that they are de-synchronised
        from the start.
        """
        low, high = self.options.truncation, self.options.lengths[0]
        return jax.vmap(lambda k: pes.new_particle(inner, k, size, (low, high)))(
            jax.random.split(key, self.options.particles)
        )

    def _make_step(self, inner: pes.Inner):
        o = self.options

        def step(theta, adam, pool, count):
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(o.seed), 1_000_000), count)
            grad, loss, pool = pes.gradient(
                inner,
                self.unravel,
                theta,
                pool,
                key,
                sigma=self.sigma,
                truncation=o.truncation,
                lengths=self._lengths(count),
            )
            grad = jnp.clip(jnp.nan_to_num(grad, nan=0.0, posinf=0.0, neginf=0.0), -o.clip, o.clip)
            update, adam = self.adam.update(grad, adam)
            return theta + update, adam, pool, loss

        return step

    def _turn(self, count: int) -> int:
        """Which pool meta-step `count` trains: the open ones in turn."""
        opening = self.options.opening * self.options.steps
        share = 1.0 if opening <= 0 else min(1.0, count / opening)
        return count % max(1, int(np.ceil(share * len(self.inners))))

    def step(self) -> float:
        """One meta-step; returns its mean meta-loss."""
        s = self.state
        count = int(s["step"])
        i = self._turn(count)
        theta, adam, pool, loss = self._steps[i](s["theta"], s["adam"], s["pools"][i], s["step"])
        pools = [*s["pools"][:i], pool, *s["pools"][i + 1 :]]
        self.state = {"theta": theta, "adam": adam, "pools": pools, "step": s["step"] + 1}
        return float(loss)

    def validate(self) -> dict[str, float]:
        """Mean meta-loss on fixed variants of the training functions at the two largest dimensions:
        "validation" over 100 evaluations and, where asked for, "validation_long".
        """
        names = ("validation", "validation_long")
        return dict(
            zip(names, [f(self.state["theta"]) for f in self._validate.values()], strict=False)
        )

    @property
    def theta(self) -> Any:
        """The meta-parameters as a pytree."""
        return self.unravel(self.state["theta"])


def _lowest(folder: Path) -> float:
    """The least sum of validation losses in the curve so far."""
    if not (folder / "curve.jsonl").exists():
        return np.inf
    lines = map(json.loads, (folder / "curve.jsonl").read_text().splitlines())
    return min(sum(v for k, v in line.items() if k.startswith("validation")) for line in lines)


def train(
    config: learned.Config,
    options: TrainOptions,
    folder: Path,
    max_seconds: float | None = None,
    say=print,
    theta: Any = None,
) -> Trainer:
    """Trains (from `theta`, or from fresh weights), resuming from the latest checkpoint in
    `folder`, whose curve.jsonl gets a line a validation, best/ the weights with the lowest. Float64
    must be enabled.

    `max_seconds` of this call end it early, after a checkpoint; calling again goes on exactly where
    it stopped.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, options)
    if theta is not None:
        trainer.state["theta"] = ravel_pytree(theta)[0].astype(jnp.float64)
    begun, spent = time.perf_counter(), 0.0
    cpu_begun, cpu_spent = time.process_time(), 0.0
    with ocp.CheckpointManager(
        folder / "checkpoints", options=ocp.CheckpointManagerOptions(max_to_keep=2)
    ) as manager:
        if manager.latest_step() is not None:
            like = {"train": trainer.state, "spent": 0.0, "cpu_spent": 0.0}
            restored = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(like))
            trainer.state = restored["train"]
            spent, cpu_spent = float(restored["spent"]), float(restored["cpu_spent"])
        first = int(trainer.state["step"])
        losses, lowest = [], _lowest(folder)
        for count in range(first, options.steps + 1):
            over = max_seconds is not None and time.perf_counter() - begun > max_seconds
            if count % options.validate_every == 0 or count == options.steps or over:
                seconds = spent + time.perf_counter() - begun
                cpu = (
                    cpu_spent + time.process_time() - cpu_begun
                )  # a shared machine's wall-clock says little
                line = {"step": count, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
                line |= (measured := trainer.validate())
                if sum(measured.values()) < lowest:
                    lowest = sum(measured.values())
                    weights.save(folder / "best", config, trainer.theta)
                line["train"] = float(np.mean(losses)) if losses else None
                losses = []
                left = (options.steps - count) * (seconds - spent) / max(count - first, 1)
                say(f"{json.dumps(line)} left {left:.0f} s", flush=True)
                with open(folder / "curve.jsonl", "a") as file:
                    file.write(json.dumps(line) + "\n")
                if count > first:
                    manager.save(
                        count,
                        args=ocp.args.StandardSave(
                            {"train": trainer.state, "spent": seconds, "cpu_spent": cpu}
                        ),
                    )
            if over or count == options.steps:
                break
            losses.append(trainer.step())
        manager.wait_until_finished()
    return trainer
