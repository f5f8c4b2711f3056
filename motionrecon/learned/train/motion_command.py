"""scripts/train_optimus.py NAME-motion: meta-training on control windows."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from motionrecon.learned.train import motion_split
from motionrecon.learned.train.motion_families import FAMILIES
from motionrecon.learned.train.motion_search import search
from motionrecon.learned.train.motion_tasks import TaskSource
from motionrecon.learned.train.motion_train import MotionTrainer, MotionTrainOptions, train


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Meta-train a learned optimizer on control windows of clips."
    )
    parser.add_argument("kind", choices=FAMILIES)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of checkpoint, curve.jsonl and weights; resumed",
    )
    parser.add_argument(
        "--clips", type=Path, help="folder of npz clips (default: the bundled ones)"
    )
    parser.add_argument(
        "--without", choices=sorted(motion_split.KINDS), help="leave this kind of motion out"
    )
    parser.add_argument("--steps", type=int, default=MotionTrainOptions.steps, help="meta-steps")
    parser.add_argument(
        "--particles", type=int, default=MotionTrainOptions.particles, help="antithetic pairs"
    )
    parser.add_argument(
        "--groups", type=int, default=MotionTrainOptions.groups, help="clip variations drawn from"
    )
    parser.add_argument("--learning-rate", type=float, default=MotionTrainOptions.learning_rate)
    parser.add_argument("--sigma", type=float, help="of the perturbation")
    parser.add_argument("--validate-every", type=int, default=MotionTrainOptions.validate_every)
    parser.add_argument(
        "--only-rules",
        action="store_true",
        help="train the constants, not the network (optimus-motion)",
    )
    parser.add_argument(
        "--search",
        type=int,
        metavar="N",
        help="instead: search over the constants on N fixed windows",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--max-seconds", type=float, help="stop this call early; the next one resumes"
    )
    a = parser.parse_args(arguments)
    source = TaskSource(motion_split.clips(a.clips, "training", a.without), a.seed)
    family = FAMILIES[a.kind](source)
    options = dataclasses.replace(
        family.options,
        steps=a.steps,
        particles=a.particles,
        groups=a.groups,
        learning_rate=a.learning_rate,
        sigma=family.options.sigma if a.sigma is None else a.sigma,
        seed=a.seed,
        validate_every=a.validate_every,
    )
    if a.search:
        rng = np.random.default_rng(a.seed)
        drawn = [t for g in range(max(1, a.search // 6)) for t in source.group(g)]
        tasks = [drawn[i] for i in rng.permutation(len(drawn))[: a.search]]
        places = np.flatnonzero(
            family.rules if family.rules is not None else np.ones(len(family.theta0))
        )
        theta = search(
            family.make, family.theta0, places, (-0.1, 0.1), tasks, options.clock, options.episode
        )
        family.save(a.out / "weights", theta)
        return 0
    free = family.rules if a.only_rules else None
    trainer = train(
        MotionTrainer(family.make, family.theta0, source, options, free), a.out, a.max_seconds
    )
    family.save(a.out / "weights", trainer.best)
    print(f"weights in {a.out / 'weights'}")
    return 0
