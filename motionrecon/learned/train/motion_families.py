"""The learned optimizers that are meta-trained on motion: how each is made from a vector, and
saved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from motionrecon.learned import learned, motion_policy, motion_start, motion_weights
from motionrecon.learned import weights_io as weights
from motionrecon.learned.adafactor.adafactor_mlp import AdafactorMlpConfig
from motionrecon.learned.optimus import rules
from motionrecon.learned.train.motion_tasks import TaskSource
from motionrecon.learned.train.motion_train import MotionTrainOptions
from motionrecon.optimizers.base import Optimizer
from motionrecon.optimizers.learned import Learned, LearnedOptions
from motionrecon.optimizers.motion_plain import MotionPlain
from motionrecon.optimizers.optimus_motion import OptimusMotion, OptimusMotionOptions


@dataclasses.dataclass(frozen=True)
class Family:
    """theta0 (D,); make(theta (D,)) -> Optimizer; save(folder, theta (D,)); options: its usual
    training.
    """

    theta0: np.ndarray
    make: Callable[[np.ndarray], Optimizer]
    save: Callable[[Path, np.ndarray], None]
    options: MotionTrainOptions
    rules: np.ndarray | None = (
        None  # (D,) bool: the few constants among the meta-parameters, where it has such
    )


_EVALUATIONS = MotionTrainOptions(
    clock="evaluations", truncation=10.0, episode=30.0, stages=("cold", "whole", "synthetic")
)


def optimus_motion(source: TaskSource) -> Family:
    """The policy of optimus-motion from its hand-built start; the clock is modelled milliseconds."""
    config = motion_policy.PolicyConfig()
    theta = lambda v: motion_policy.unravel(config, v)  # noqa: E731
    return Family(
        motion_policy.ravel(motion_policy.init_theta(config)),
        lambda v: OptimusMotion("optimus-motion", theta(v), OptimusMotionOptions()),
        lambda folder, v: motion_weights.save(folder, config, theta(v)),
        MotionTrainOptions(),
        np.concatenate(
            [
                np.full(np.prod(s), k in ("bias", "start"))
                for k, s in motion_policy.shapes(config).items()
            ]
        ),
    )


def optimus_motion_plain(source: TaskSource) -> Family:
    """Start scales and the secant rules are trained, from the spread of the first gradients of some
    training windows; the Transformer keeps the weights of optimus-classical.
    """
    config, theta = weights.load("optimus-classical")
    config = dataclasses.replace(config, explore=False, first_radius=0.02)
    tasks = [t for g in range(3) for t in source.group(g) if t.stage in ("cold", "whole")]
    start = start_from_gradients(tasks)
    names = sorted(theta["rules"])
    J = len(start.joints)

    def parts(v: np.ndarray):
        of = dict(zip(names, v[J + motion_start.CURVE :], strict=True))
        with jax.enable_x64(True):
            new = {k: jax.numpy.asarray(of[k], theta["rules"][k].dtype) for k in names}
        return theta | {"rules": new}, motion_start.Start(
            start.names, v[:J], v[J : J + motion_start.CURVE]
        )

    def save(folder: Path, v: np.ndarray) -> None:
        tree, own = parts(v)
        weights.save(folder, config, tree)
        motion_start.save(folder, own)

    v0 = np.concatenate([start.joints, start.curve, [float(theta["rules"][k]) for k in names]])
    assert set(names) == set(rules.Rules._fields)
    make = lambda v: MotionPlain("optimus-motion-plain", config, *parts(v), LearnedOptions())  # noqa: E731
    return Family(v0, make, save, _EVALUATIONS)


def start_from_gradients(tasks) -> motion_start.Start:
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
            bases.append(motion_start.basis(frames))
    joints = np.mean([a.mean(axis=0) for a in logs], axis=0)
    A, b = np.concatenate(bases), np.concatenate([a.mean(axis=1) for a in logs])
    fit = np.linalg.lstsq(np.column_stack([A, np.ones(len(A))]), b, rcond=None)[0][:-1]
    return motion_start.Start(
        names, -0.5 * (joints - joints.mean()) / motion_start.GAIN, -fit / motion_start.GAIN
    )


def adafactor_mlp_motion(source: TaskSource) -> Family:
    """The prior work's optimizer, from a fresh network."""
    config = AdafactorMlpConfig()
    with jax.enable_x64(True):
        theta0, unravel = ravel_pytree(learned.init_theta(config, jax.random.key(0)))

    def tree(v: np.ndarray):
        with jax.enable_x64(True):
            return unravel(jax.numpy.asarray(v, theta0.dtype))

    make = lambda v: Learned("adafactor-mlp-motion", config, tree(v), LearnedOptions())  # noqa: E731
    options = dataclasses.replace(_EVALUATIONS, sigma=0.01)
    return Family(
        np.asarray(theta0, float),
        make,
        lambda folder, v: weights.save(folder, config, tree(v)),
        options,
    )


FAMILIES: dict[str, Callable[[TaskSource], Family]] = {
    "optimus-motion": optimus_motion,
    "optimus-motion-plain": optimus_motion_plain,
    "adafactor-mlp-motion": adafactor_mlp_motion,
}
