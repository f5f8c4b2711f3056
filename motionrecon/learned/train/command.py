"""The command of scripts/train_optimus.py."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import jax

from motionrecon.learned import weights_io as weights
from motionrecon.learned.adafactor.adafactor_mlp import AdafactorMlpConfig
from motionrecon.learned.optimus.optimus import OptimusConfig
from motionrecon.learned.train.train import TrainOptions, train

KINDS = {
    "optimus": OptimusConfig(),
    "optimus-factorised": OptimusConfig(columns=24),
    "optimus-paper": OptimusConfig(family="paper"),
    "adafactor-mlp": AdafactorMlpConfig(),
}


def main(arguments: list[str] | None = None) -> int:
    """NAME-motion trains on control windows, with options of its own (NAME-motion --help)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and "motion" in arguments[0]:
        from motionrecon.learned.train.motion_command import main as motion

        return motion(arguments)
    parser = argparse.ArgumentParser(
        description="Meta-train a learned optimizer on random variants of the classical functions."
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of checkpoints, curve.jsonl and the weights; resumed if it exists",
    )
    parser.add_argument("--steps", type=int, default=TrainOptions.steps, help="meta-steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--particles", type=int, default=TrainOptions.particles, help="antithetic pairs a meta-step"
    )
    parser.add_argument("--sigma", type=float, default=TrainOptions.sigma)
    parser.add_argument("--sigma-rules", type=float, default=TrainOptions.sigma_rules)
    parser.add_argument(
        "--only-rules", action="store_true", help="train the two dozen constants alone"
    )
    parser.add_argument("--start", type=Path, help="folder of weights to start from")
    parser.add_argument("--dimensions", type=int, nargs="+", default=list(TrainOptions.dimensions))
    parser.add_argument(
        "--lengths",
        type=int,
        nargs=2,
        default=list(TrainOptions.lengths),
        metavar=("LEAST", "MOST"),
    )
    parser.add_argument(
        "--long-validation", type=int, default=0, help="evaluations of a second validation"
    )
    parser.add_argument("--validate-every", type=int, default=TrainOptions.validate_every)
    parser.add_argument("--learning-rate", type=float, default=TrainOptions.learning_rate)
    parser.add_argument("--truncation", type=int, default=TrainOptions.truncation)
    parser.add_argument(
        "--max-seconds", type=float, help="stop this call early; the next one resumes"
    )
    a = parser.parse_args(arguments)
    options = TrainOptions(
        steps=a.steps,
        seed=a.seed,
        particles=a.particles,
        sigma=a.sigma,
        sigma_rules=a.sigma_rules,
        only_rules=a.only_rules,
        dimensions=tuple(a.dimensions),
        lengths=tuple(a.lengths),
        long_validation=a.long_validation,
        validate_every=a.validate_every,
        learning_rate=a.learning_rate,
        truncation=a.truncation,
    )
    with jax.enable_x64(True):
        config, theta = weights.load(a.start.name, a.start) if a.start else (KINDS[a.kind], None)
        trainer = train(config, options, a.out, a.max_seconds, theta=theta)
        weights.save(a.out / "weights", trainer.config, trainer.theta)
    print(
        f"last weights in {a.out / 'weights'}, those with the lowest validation in {a.out / 'best'}"
    )
    return 0
