"""``motionrecon train KIND --out DIR``: meta-training of a learned optimizer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon.cli.console import Common, Console
from motionrecon.cli.words import unset

KINDS = Literal[
    "optimus",
    "optimus-factorised",
    "optimus-paper",
    "adafactor-mlp",
    "optimus-motion",
    "optimus-motion-plain",
    "adafactor-mlp-motion",
]


@dataclass(frozen=True)
class TrainOptions:
    """Meta-train a learned optimizer: on random variants of the classical functions, or, for the
    kinds that end in motion or motion-plain, on control windows of clips.

    What is not given is the kind's own.
    """

    kind: Positional[KINDS]
    """what is trained"""
    out: Annotated[Path, arg(metavar="FOLDER")]
    """folder of checkpoints, curve.jsonl and the weights; resumed if it exists"""
    steps: Annotated[int | None, unset("N")] = None
    """meta-steps, at least 1"""
    seed: int = 0
    """of the random draws"""
    particles: Annotated[int | None, unset("N")] = None
    """antithetic pairs a meta-step, at least 1"""
    sigma: Annotated[float | None, unset("SIGMA")] = None
    """of the perturbation of the weights, above 0"""
    learning_rate: Annotated[float | None, unset("RATE")] = None
    """of the meta-step, above 0"""
    validate_every: Annotated[int | None, unset("N")] = None
    """meta-steps"""
    only_rules: bool = False
    """train the constants alone, not the network"""
    max_seconds: Annotated[float | None, unset("S")] = None
    """stop this call early, s; the next one resumes"""
    sigma_rules: Annotated[float | None, unset("SIGMA")] = None
    """functions: of the perturbation of the constants"""
    start: Annotated[Path | None, unset("FOLDER")] = None
    """functions: weights to start from"""
    dimensions: Annotated[tuple[int, ...], unset("N ...")] = ()
    """functions: number of variables"""
    lengths: Annotated[tuple[int, int] | None, unset("LEAST MOST")] = None
    """functions: steps of an unroll"""
    long_validation: Annotated[int | None, unset("N")] = None
    """functions: evaluations of a second validation"""
    truncation: Annotated[int | None, unset("N")] = None
    """functions: steps between meta-gradients"""
    clips: Annotated[Path | None, unset("FOLDER")] = None
    """motion: npz clips (default: the bundled ones)"""
    without: Annotated[Literal["jump", "floor"] | None, unset("{jump,floor}")] = None
    """motion: leave this kind of motion out"""
    groups: Annotated[int | None, unset("N")] = None
    """motion: clip variations drawn from"""
    search: Annotated[int | None, unset("N")] = None
    """motion: instead, search over the constants on N fixed windows"""
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: TrainOptions, console: Console) -> int:
    """Exit code 0."""
    from motionrecon.learned.train.command import main

    words: list[str] = [o.kind]
    for name in o.__dataclass_fields__:
        value = getattr(o, name)
        if name in ("kind", "common") or value is None or value is False or value == ():
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words += map(str, value) if isinstance(value, tuple) else [str(value)]
    code = main(words)
    console.report({"paths": [o.out / "weights"]})
    return code
