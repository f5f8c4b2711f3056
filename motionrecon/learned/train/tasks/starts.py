"""Starts of control windows as training: the loss of a learned law's closed loop, by its exact
gradient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from motionrecon.engine import mujoco
from motionrecon.errors import ModelError
from motionrecon.learned.law import network, view
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.plan import Plan, plan
from motionrecon.learned.law.rollout import Law, Loop, regulated
from motionrecon.learned.law.view import View
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.learned.train.estimator import Estimator, Rows
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.unroll import unroll
from motionrecon.objective.window import Window
from motionrecon.windows import Handover

_SCRATCH = 0.4  # of the windows: nothing that was found before is given
_MOVED = 0.5  # of the others: begin between two windows, on the solution of one
_PERTURBED = 0.5  # of the usual errors, at most, of the state of those from scratch
_SOFT = 0.02  # losses well below it, as of synthetic motion, are as good as zero
_IMITATED = 4  # times the particles, windows of a batch of imitation: they cost no simulation
_WANDERED = 1.5  # usual errors, at most, from which the regulator is imitated
_SAID = 0.1  # rad, of a knot: a usual correction
_NORM = 1.0  # largest gradient, by its norm (Pascanu et al., ICML 2013)
_VALIDATED = 36  # windows of a validation, at most, evenly from all
_WORST = 1e4  # loss that a validation takes for a motion that falls apart


class Kept:
    """A group in memory, with its plan once it is asked for."""

    def __init__(self, path: Path) -> None:
        self.group: Group = files.load(path)

    @cached_property
    def plan(self) -> Plan:
        """Of the group's reference."""
        return plan(self.group.reference)


def cached(folder: Path, groups: int) -> tuple[list[Kept], list[Kept]]:
    """The first so many training groups of a cache and all validation groups. Raises ModelError
    where there are fewer, or they are of another objective.
    """
    training, validation = (files.listed(folder, p) for p in ("training", "validation"))
    if len(training) < groups or not validation:
        raise ModelError(
            f"{folder}: {len(training)} training and {len(validation)} validation groups, "
            f"expected at least {groups} and 1; build them with motionrecon train windows"
        )
    return [Kept(p) for p in training[:groups]], [Kept(p) for p in validation]


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """A window of a group, and where it begins."""

    kept: Kept
    begin: Handover
    window: Window


class Starts:
    """Meta-training's Tasks: a batch of windows a step, Adam on the mean gradient of the log of the
    loss. The state counts the motions that fell apart.
    """

    def __init__(
        self,
        config: LawConfig,
        unravel: Callable[[Array], dict[str, Any]],
        options: TrainOptions,
        training: Sequence[Kept],
        validation: Sequence[Kept],
    ) -> None:
        """unravel: weights, flat by path, of their vector."""
        self.config, self.unravel, self.options = config, unravel, options
        self.training, self.validation = training, validation

        def said(vector: Array, batch: dict[str, Array]) -> Array:
            theta = {k: v.astype(jnp.float32) for k, v in unravel(vector).items()}
            h = network.encode(theta, config, batch["tokens"], jnp)[:, : batch["seen"].shape[1] + 1]
            knots = network.decide(theta, h[:, :-1], h[:, 1:], batch["seen"], jnp)
            return jnp.sum(knots * batch["pushed"])

        def missed(vector: Array, batch: dict[str, Array]) -> Array:
            theta = {k: v.astype(jnp.float32) for k, v in unravel(vector).items()}
            h = network.encode(theta, config, batch["tokens"], jnp)[:, : batch["seen"].shape[1] + 1]
            knots = network.decide(theta, h[:, :-1], h[:, 1:], batch["seen"], jnp)
            return jnp.mean(((knots - batch["wanted"]) / _SAID) ** 2)

        self._gradient = jax.jit(jax.grad(said))
        self._imitation = jax.jit(jax.value_and_grad(missed))

    def start(self, estimator: Estimator) -> dict[str, np.ndarray]:
        """Nothing fell apart so far."""
        return {"fallen": np.array(0)}

    def law(self, theta: Float[Rows, " D"]) -> Law:
        """The law of a vector of weights, in single precision."""
        flat = self.unravel(jnp.asarray(theta))
        return Law(self.config, {k: np.asarray(v, np.float32) for k, v in flat.items()})

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: dict, step: int
    ) -> tuple[Float[Rows, " D"], float, dict]:
        """A batch of windows; the gradient is exact, so the estimator is not asked."""
        if step < self.options.starts.imitation:
            missed, gradient = self._imitation(jnp.asarray(theta), self._regulated(theta, step))
            return _bounded(np.asarray(gradient)), float(missed), state
        law, o = self.law(theta), self.options
        c, size = self.config, o.particles
        batch = {
            "tokens": np.zeros((size, c.frames + 1 + c.ahead, c.token + c.joints + 1), np.float32),
            "seen": np.zeros((size, c.frames, c.error), np.float32),
            "pushed": np.zeros((size, c.frames, c.joints), np.float32),
        }
        losses, fallen = [], int(state["fallen"])
        for i in range(size):
            drawn = self.draw(step, i)
            loop = self.loop(law, drawn, self._blurred(law, drawn.kept.plan, step, i))
            found = unroll(law, drawn.window, loop)
            drawn.window.forget()
            if found is None:
                fallen += 1
                continue
            losses.append(np.log(found.loss))
            n = len(loop.seen)
            batch["tokens"][i], batch["seen"][i, :n] = loop.view.tokens, loop.seen
            batch["pushed"][i, :n] = found.pushed / (found.loss + _SOFT) / size
        gradient = _bounded(np.asarray(self._gradient(jnp.asarray(theta), batch)))
        mean = float(np.mean(losses)) if losses else float(np.log(_WORST))
        return gradient, mean, {"fallen": np.array(fallen)}

    def _regulated(self, theta: Float[Rows, " D"], step: int) -> dict[str, np.ndarray]:
        """What the regulator adds to the knots of balance, of states around the reference."""
        law, c = self.law(theta), self.config
        size = _IMITATED * self.options.particles
        batch = {
            "tokens": np.zeros((size, c.frames + 1 + c.ahead, c.token + c.joints + 1), np.float32),
            "seen": np.zeros((size, c.frames, c.error), np.float32),
            "wanted": np.zeros((size, c.frames, c.joints), np.float32),
        }
        units = view.scales(c.joints)
        for i in range(size):
            rng = np.random.default_rng([self.options.seed, 5, step, i])
            kept = self.training[int(rng.integers(len(self.training)))]
            begin = kept.group.windows[rng.integers(len(kept.group.windows))].begin
            found = np.concatenate([begin.knot[None], begin.ahead])
            if rng.random() < _SCRATCH:
                found = found[:1]
            plan, first = kept.plan, begin.frame
            blurred = self._blurred(law, plan, step, i)
            seen = View.of(blurred, first, found[: c.frames + 1], c)
            batch["tokens"][i] = seen.tokens
            frames = min(c.frames, len(plan.knots) - 1 - first)
            errors = rng.uniform(0, _WANDERED, (frames, 1)) * units
            errors = errors * rng.standard_normal((frames, c.error))
            for f, error in enumerate(errors):
                wish = np.clip(regulated(plan, first + f, error), -plan.limit, plan.limit)
                batch["seen"][i, f] = seen.turned(f, error)
                batch["wanted"][i, f] = wish - plan.knots[first + f + 1]
        return batch

    def draw(self, step: int, i: int) -> Drawn:
        """Window i of a step's batch: a function of the cache, the seed, the step and i alone."""
        rng = np.random.default_rng([self.options.seed, 3, step, i])
        kept = self.training[int(rng.integers(len(self.training)))]
        group = kept.group
        solved = group.windows[rng.integers(len(group.windows))]
        begin = solved.begin
        if rng.random() < _SCRATCH or not 0 < len(begin.ahead) < solved.frames:
            frame = int(rng.integers(group.reference.last)) if not begin.frame else begin.frame
            begin = group.reference.beginning(frame) if not begin.frame else begin
            begin = self._perturbed(group, begin, rng)
        elif rng.random() < _MOVED:
            begin = _moved(group, solved, rng)
        frames = min(self.config.frames, group.reference.frames - begin.frame)
        return Drawn(kept, begin, group.reference.window(begin, frames))

    def _perturbed(self, group: Group, begin: Handover, rng: np.random.Generator) -> Handover:
        model = group.reference.simulator.model
        size = rng.uniform(0, _PERTURBED)
        error = size * view.scales(model.nu) * rng.standard_normal(3 * model.nu + 12)
        qpos = begin.qpos.copy()
        mujoco.mj_integratePos(model, qpos, error[: model.nv], 1.0)
        qvel = begin.qvel + error[model.nv : 2 * model.nv]
        knot = begin.knot + error[2 * model.nv :]
        return Handover(begin.frame, qpos, qvel, knot, begin.ahead[:0])

    def _blurred(self, law: Law, plan: Plan, step: int, i: int) -> Plan:
        """The plan as the network reads it in training: off by as much in every frame as from
        frame to frame.
        """
        size = self.options.starts.noise * np.sqrt(0.5)
        if not size or law.theta is None:
            return plan
        rng = np.random.default_rng([self.options.seed, 4, step, i])
        off = rng.standard_normal(plan.tokens.shape) + rng.standard_normal(plan.tokens.shape[1])
        off = (size * off * law.theta["scale"]).astype(np.float32)
        return dataclasses.replace(plan, tokens=plan.tokens + off)

    def loop(self, law: Law, drawn: Drawn, plan: Plan | None = None) -> Loop:
        """The closed loop of a drawn window; plan: in place of the group's own."""
        plan = drawn.kept.plan if plan is None else plan
        return law.start(plan, drawn.window, drawn.begin.frame, drawn.begin.ahead)

    def validate(self, theta: Float[Rows, " D"]) -> dict[str, float]:
        """Mean log of the start's loss over validation windows: as a reconstruction has them, and
        from scratch.
        """
        law = self.law(theta)
        found: dict[str, list[float]] = {"validation": [], "validation_scratch": []}
        tasks = [(kept, solved) for kept in self.validation for solved in kept.group.windows]
        for kept, solved in tasks[:: -(-len(tasks) // _VALIDATED)]:
            ahead, window = solved.begin.ahead, kept.group.window(solved)
            for name, given in zip(found, (ahead, ahead[:0]), strict=True):
                x = law.start(kept.plan, window, solved.begin.frame, given).x
                found[name].append(np.log(min(window.value(x.ravel()), _WORST)))
            window.forget()
        return {name: float(np.mean(values)) for name, values in found.items()}


def _bounded(gradient: Float[np.ndarray, " D"]) -> Float[np.ndarray, " D"]:
    norm = float(np.linalg.norm(gradient))
    return gradient * min(1.0, _NORM / (norm + 1e-12))


def statistics(kept: Sequence[Kept]) -> tuple[Float[np.ndarray, " D"], Float[np.ndarray, " D"]]:
    """(mean, spread and a bit) of the tokens of some groups."""
    tokens = np.concatenate([k.plan.tokens for k in kept]).astype(float)
    return tokens.mean(0), tokens.std(0) + 0.05


def _moved(group: Group, solved: Solved, rng: np.random.Generator) -> Handover:
    """A beginning some frames into a solution, before its knots run out."""
    kept = min(group.reference.options.keep_frames, solved.frames - 1)
    frames = min(kept, group.reference.last - solved.begin.frame - 1)
    later = int(rng.integers(1, frames + 1)) if frames > 0 else 0
    if later == 0:
        return solved.begin
    window = group.window(solved)
    r = window.rollout(solved.x.ravel())
    at = later * window.substeps
    return Handover(
        solved.begin.frame + later,
        r.qpos[at].copy(),
        r.qvel[at].copy(),
        solved.x[later - 1],
        solved.x[later:],
    )
