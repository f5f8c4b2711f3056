"""The learned optimizers that can be meta-trained: how each is made from a vector of
meta-parameters, and saved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from motionrecon.errors import OptimizerError
from motionrecon.learned import algorithm, store
from motionrecon.learned.adafactor import AdafactorMlpConfig
from motionrecon.learned.law import network
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.optimizer import Learned
from motionrecon.learned.optimus import OptimusConfig
from motionrecon.learned.start import scales
from motionrecon.learned.start.scaled import ScaledOptimus
from motionrecon.learned.steered import policy
from motionrecon.learned.steered.gauss_newton import SteeredGaussNewton
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.tasks import split
from motionrecon.learned.train.tasks.classical import ClassicalTasks
from motionrecon.learned.train.tasks.control import ControlTasks
from motionrecon.learned.train.tasks.descents import Descents, Meta, whole
from motionrecon.learned.train.tasks.exact import ExactTasks
from motionrecon.learned.train.tasks.starts import Starts, cached, statistics
from motionrecon.learned.train.tasks.windows import Task, TaskSource
from motionrecon.learned.train.trainer import Subject
from motionrecon.optimizers.base import Optimizer

Vector = Float[np.ndarray, " D"]

CLASSICAL: dict[str, algorithm.Config] = {
    "optimus": OptimusConfig(),
    "optimus-factorised": OptimusConfig(columns=24),
    "optimus-paper": OptimusConfig(family="paper"),
    "adafactor-mlp": AdafactorMlpConfig(),
}


@dataclasses.dataclass(frozen=True)
class Form:
    """An optimizer of control windows as a function of its meta-parameters.

    rules: which of them (bool, (D,)) are constants that can be trained or searched alone.
    """

    theta0: Vector
    make: Callable[[Vector], Optimizer]
    save: Callable[[Path, Vector], None]
    rules: np.ndarray | None = None


def classical(options: TrainOptions) -> Subject:
    """An Optimus or an Adafactor-MLP on classical functions."""
    config: Any = CLASSICAL[options.kind]
    if options.start is None:
        key = jax.random.fold_in(jax.random.key(options.seed), 0)
        theta = algorithm.init_theta(config, key)
    else:
        config, theta = store.load(options.start)
    if options.only_rules and "rules" not in theta:
        raise OptimizerError(f"{options.kind} has no rules that could be trained alone")
    vector, unravel = ravel_pytree(theta)
    kind = ExactTasks if options.gradient == "exact" else ClassicalTasks
    tasks = kind(config, unravel, _spread(theta, options), options)
    return Subject(
        np.asarray(vector, float),
        tasks,
        lambda folder, v: store.save(folder, config, unravel(jnp.asarray(v))),
    )


def _spread(theta: dict[str, Any], o: TrainOptions) -> Vector:
    """Standard deviation of the perturbation of each meta-parameter."""
    spread = {"rules": o.sigma_rules}
    others = 0.0 if o.only_rules else o.sigma
    full = {
        name: jax.tree.map(
            lambda a, s=spread.get(name, others): jnp.full(jnp.shape(a), s, jnp.float64), part
        )
        for name, part in theta.items()
    }
    return np.asarray(ravel_pytree(full)[0], float)


def steered(options: TrainOptions, source: TaskSource) -> Form:
    """The policy of steered-gauss-newton, from its hand-built start."""
    config = policy.PolicyConfig()
    theta0: policy.Theta = policy.init_theta(config)
    if options.start is not None:
        config, theta0 = store.load(options.start)
    return Form(
        policy.ravel(theta0),
        lambda v: SteeredGaussNewton("steered-gauss-newton", policy.unravel(config, v)),
        lambda folder, v: store.save(folder, config, policy.unravel(config, v)),
        policy.constants(config),
    )


def scaled(options: TrainOptions, source: TaskSource) -> Form:
    """Start scales and the secant rules are trained, from the spread of the first gradients of some
    training windows; the Transformer keeps its weights, those of optimus-classical by default.
    """
    if options.start is None:
        config, theta = store.load("optimus-classical")
        config = dataclasses.replace(config, explore=False, first_radius=0.02)
        tasks = [t for g in range(3) for t in source.group(g) if t.stage in ("cold", "whole")]
        start = start_from_gradients(tasks)
    else:
        config, theta = store.load(options.start)
        start = scales.load(options.start)
    names, joints = sorted(theta["rules"]), len(start.joints)
    knee = joints + scales.CURVE

    def parts(v: Vector) -> tuple[dict[str, Any], scales.Start]:
        rules = {
            name: np.asarray(value, theta["rules"][name].dtype)
            for name, value in zip(names, v[knee:], strict=True)
        }
        return theta | {"rules": rules}, scales.Start(start.names, v[:joints], v[joints:knee])

    def save(folder: Path, v: Vector) -> None:
        tree, own = parts(v)
        store.save(folder, config, tree)
        scales.save(folder, own)

    theta0 = np.concatenate([start.joints, start.curve, [float(theta["rules"][k]) for k in names]])
    return Form(theta0, lambda v: ScaledOptimus("optimus-motion-plain", config, *parts(v)), save)


def start_from_gradients(tasks: Sequence[Task]) -> scales.Start:
    """Scales that make the first gradients of the tasks alike: over joints by half of what would
    make them equal (a curve over time by all of it), in logs. Gradients only; no Jacobian.
    """
    names = tasks[0].window.grid[1]
    logs, bases = [], []
    for task in tasks:
        frames, here = task.window.grid
        loss, grad = task.window.value_and_grad(task.x0)
        task.window.forget()
        if here == names and np.isfinite(loss) and np.any(grad):
            size = np.abs(grad.reshape(frames, -1))
            logs.append(np.log(size / size.mean() + 1e-3))
            bases.append(scales.basis(frames))
    joints = np.mean([a.mean(axis=0) for a in logs], axis=0)
    A, b = np.concatenate(bases), np.concatenate([a.mean(axis=1) for a in logs])
    fit = np.linalg.lstsq(np.column_stack([A, np.ones(len(A))]), b, rcond=None)[0][:-1]
    return scales.Start(names, -0.5 * (joints - joints.mean()) / scales.GAIN, -fit / scales.GAIN)


def adafactor(options: TrainOptions, source: TaskSource) -> Form:
    """The prior work's optimizer, from a fresh network."""
    config: Any = AdafactorMlpConfig()
    if options.start is None:
        theta = algorithm.init_theta(config, jax.random.key(0))
    else:
        config, theta = store.load(options.start)
    vector, unravel = ravel_pytree(theta)
    tree = lambda v: unravel(jnp.asarray(v, vector.dtype))  # noqa: E731
    return Form(
        np.asarray(vector, float),
        lambda v: Learned("adafactor-mlp-motion", config, tree(v)),
        lambda folder, v: store.save(folder, config, tree(v)),
    )


def descents(options: TrainOptions) -> Subject:
    """optimus-motion-plain or adafactor-mlp-motion by exact gradients on cached windows: of the
    first all is trained, network, rules and the start's scales. Raises ModelError and
    OptimizerError.
    """
    if options.kind not in DESCENTS:
        raise OptimizerError(f"{options.kind}: gradient exact is not for it; choose pes or nres")
    if options.windows.cache is None:
        raise OptimizerError("exact gradients of motion need a cache: --cache FOLDER")
    training, validation = cached(options.windows.cache, options.windows.groups)
    plain = options.kind == "optimus-motion-plain"
    where = options.start or options.kind
    config, theta = store.load(where)
    scaling = scales.load(where) if plain else None
    if options.start is None and not plain:
        theta = algorithm.init_theta(config, jax.random.key(options.seed))
    trained: dict[str, Any] = {"theta": theta}
    if scaling is not None:
        trained |= {"joints": scaling.joints, "curve": scaling.curve}
    vector, unravel = ravel_pytree(trained)
    frames, names = whole(training[0].group).grid
    n = frames * len(names)

    def own(tree: dict[str, Any]) -> scales.Start:
        assert scaling is not None
        return scales.Start(scaling.names, tree["joints"], tree["curve"])

    def parts(v: jax.Array) -> tuple[dict[str, Any], jax.Array]:
        tree = unravel(v.astype(vector.dtype))
        size = scales.scale(own(tree), (frames, names), n, jnp) if plain else jnp.ones(n)
        return tree["theta"], jnp.asarray(size)

    def save(folder: Path, v: Vector) -> None:
        tree = unravel(jnp.asarray(v, vector.dtype))
        store.save(folder, config, tree["theta"])
        if plain:
            scales.save(folder, own(tree))

    tasks = Descents(Meta(config, parts), options, training, validation)
    return Subject(np.asarray(vector, float), tasks, save)


DESCENTS = ("optimus-motion-plain", "adafactor-mlp-motion")

MOTION: dict[str, Callable[[TrainOptions, TaskSource], Form]] = {
    "steered-gauss-newton": steered,
    "optimus-motion-plain": scaled,
    "adafactor-mlp-motion": adafactor,
}


def window_source(options: TrainOptions) -> TaskSource:
    """Random control windows of the training clips. Raises ClipError where there are none."""
    clips = split.clips(options.windows.clips, "training", options.windows.without)
    return TaskSource(clips, options.seed)


def control(options: TrainOptions, form: Form, source: TaskSource) -> Subject:
    """An optimizer of control windows, to be trained on them."""
    free = np.ones(len(form.theta0), bool)
    if options.only_rules:
        if form.rules is None:
            raise OptimizerError(f"{options.kind} has no rules that could be trained alone")
        free = form.rules
    tasks = ControlTasks(form.make, options.sigma * free, source, options)
    return Subject(form.theta0, tasks, form.save)


_STATISTICS = 8  # groups that tell how large the tokens are


def starts(options: TrainOptions) -> Subject:
    """A law that gives a window's start, from fresh weights or those of options.start."""
    training, validation = cached(options.starts.cache, options.starts.groups)
    theta: dict[str, Any]
    if options.start is None:
        tokens, joints = training[0].plan.tokens.shape[1], training[0].plan.knots.shape[1]
        config = LawConfig(
            encoder=options.starts.encoder,
            regulator=options.starts.regulator,
            gated=options.starts.gated,
            token=tokens,
            error=3 * joints + 12,
            joints=joints,
        )
        theta = network.init_theta(config, options.seed)
        theta["mean"], theta["scale"] = statistics(training[:_STATISTICS])
    else:
        config, tree = store.load(options.start)
        theta = store.leaves(tree)
    vector, unravel = ravel_pytree({k: jnp.asarray(v, jnp.float64) for k, v in theta.items()})

    def save(folder: Path, v: Vector) -> None:
        store.save(folder, config, unravel(jnp.asarray(v)))

    tasks = Starts(config, unravel, options, training, validation)
    return Subject(np.asarray(vector, float), tasks, save)
