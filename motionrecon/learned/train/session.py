"""Meta-training as one call: what the command line does."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from motionrecon.errors import OptimizerError
from motionrecon.learned.train import families
from motionrecon.learned.train.nres import Nres
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.pes import Pes
from motionrecon.learned.train.search import search
from motionrecon.learned.train.tasks.windows import Task, TaskSource
from motionrecon.learned.train.trainer import Say, Trainer, run
from motionrecon.learned.train.usual import STARTS, USUAL
from motionrecon.optimizers import resolve

_DELTAS = (-0.1, 0.1)  # of the search over the constants: half to twice what GAIN makes of them


def train(options: TrainOptions, say: Say = print) -> None:
    """Meta-trains options.kind into options.out, or searches over its constants.

    Raises OptimizerError for an unknown kind, options that it has no use for, or a folder of
    another training; ClipError where there are no clips; ModelError for weights that do not load.
    """
    options = dataclasses.replace(options, kind=resolve(options.kind))
    if options.kind not in USUAL:
        raise OptimizerError(f"unknown kind {options.kind!r}: choose one of {', '.join(USUAL)}")
    with jax.enable_x64(True):
        if options.search:
            _search(options, say)
        else:
            run(trainer(options), options.out, options.max_seconds, say)


def trainer(options: TrainOptions) -> Trainer:
    """The trainer of a kind, before its first meta-step. Float64 must be enabled."""
    if options.kind in families.CLASSICAL:
        subject = families.classical(options)
    elif options.kind in STARTS:
        subject = families.starts(options)
    elif options.gradient == "exact":
        subject = families.descents(options)
    else:
        source = families.window_source(options)
        form = families.MOTION[options.kind](options, source)
        subject = families.control(options, form, source)
    estimator = Nres if options.gradient == "nres" else Pes
    return Trainer(subject, estimator(options.clip_pair), options)


def _search(options: TrainOptions, say: Say) -> None:
    """One round over the constants on fixed windows; the result goes to out/best."""
    if options.kind not in families.MOTION:
        raise OptimizerError(
            f"search is for {', '.join(families.MOTION)}, on control windows; got {options.kind}"
        )
    source = families.window_source(options)
    form = families.MOTION[options.kind](options, source)
    tasks = _some(source, options)
    rules = form.rules if form.rules is not None else np.ones(len(form.theta0), bool)
    w = options.windows
    places = np.flatnonzero(rules).tolist()
    theta = search(form.make, form.theta0, places, _DELTAS, tasks, w.clock, w.episode, say)
    form.save(options.out / "best", theta)
    say(f"weights in {options.out / 'best'}")


def _some(source: TaskSource, options: TrainOptions) -> list[Task]:
    """options.search windows of about a sixth as many groups."""
    drawn = [t for g in range(max(1, options.search // 6)) for t in source.group(g)]
    order = np.random.default_rng(options.seed).permutation(len(drawn))
    return [drawn[i] for i in order[: options.search]]
