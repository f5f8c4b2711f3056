"""``motionrecon train KIND --out DIR``: meta-training of a learned optimizer."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon.cli.console import Common, Console
from motionrecon.cli.words import unset
from motionrecon.errors import OptimizerError
from motionrecon.learned.train.usual import CLASSICAL

KINDS = Literal[
    "optimus",
    "optimus-factorised",
    "optimus-paper",
    "adafactor-mlp",
    "steered-gauss-newton",
    "optimus-motion",
    "optimus-motion-plain",
    "adafactor-mlp-motion",
]


@dataclass(frozen=True)
class TrainOptions:
    """Meta-train a learned optimizer: on random variants of the classical functions, or, for
    steered-gauss-newton (alias optimus-motion) and the kinds that end in motion or motion-plain, on
    control windows of clips.

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
    """functions: unknowns, trained in turn"""
    lengths: Annotated[tuple[int, int] | None, unset("LEAST MOST")] = None
    """functions: evaluations of the shortest and the longest episode"""
    long_validation: Annotated[int | None, unset("N")] = None
    """functions: evaluations of a second validation"""
    truncation: Annotated[int | None, unset("N")] = None
    """evaluations (of windows: units of their clock) between meta-gradients"""
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
    """Exit code 0. Raises OptimizerError, ClipError and ModelError."""
    from motionrecon.learned.train.session import train
    from motionrecon.learned.train.usual import USUAL
    from motionrecon.optimizers import resolve

    usual = USUAL[resolve(o.kind)]
    own, classical, windows = (
        {field.name: getattr(o, field.name) for field in fields(part) if _given(o, field.name)}
        for part in (usual, usual.classical, usual.windows)
    )
    _used(o.kind, usual.kind in CLASSICAL, classical, windows)
    parts = {
        "classical": replace(usual.classical, **classical),
        "windows": replace(usual.windows, **windows),
    }
    train(replace(usual, **(own | {"kind": usual.kind} | parts)), console.note)
    console.report({"paths": [o.out / "best", o.out / "last"]})
    return 0


def _given(o: TrainOptions, name: str) -> bool:
    """Whether an option has a value of its own on the command line."""
    return hasattr(o, name) and getattr(o, name) is not None and getattr(o, name) != ()


def _used(kind: str, classical: bool, *given: dict[str, Any]) -> None:
    """Raises OptimizerError for options of the other kind of tasks, which would do nothing."""
    of_functions, of_windows = given
    strange = set(of_windows if classical else of_functions) - {"truncation"}
    if strange:
        tasks = "classical functions" if classical else "control windows"
        raise OptimizerError(
            f"{kind} trains on {tasks}: it has no use for {', '.join(sorted(strange))}"
        )
