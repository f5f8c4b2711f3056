"""``motionrecon train KIND --out DIR``: meta-training of a learned optimizer."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon.cli.console import Common, Console
from motionrecon.cli.words import unset
from motionrecon.errors import OptimizerError
from motionrecon.learned.train.usual import CLASSICAL, STARTS

_GROUPS = 400  # of a cache, unless said; about 2,500 windows

KINDS = Literal[
    "optimus",
    "optimus-factorised",
    "optimus-paper",
    "adafactor-mlp",
    "steered-gauss-newton",
    "optimus-motion",
    "optimus-motion-plain",
    "adafactor-mlp-motion",
    "windows",
    "optimus-start",
]


@dataclass(frozen=True)
class TrainOptions:
    """Meta-train a learned optimizer: on random variants of the classical functions, or, for
    steered-gauss-newton (alias optimus-motion) and the kinds that end in motion or motion-plain, on
    control windows of clips. `windows` makes a cache of solved windows; optimus-start, the law that
    gives a window's start, trains on one.

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
    gradient: Annotated[Literal["pes", "nres", "exact"] | None, unset("{pes,nres,exact}")] = None
    """how the meta-gradient is had; exact: descents differentiated, of motion on a --cache"""
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
    """functions, optimus-start: weights to start from"""
    dimensions: Annotated[tuple[int, ...], unset("N ...")] = ()
    """functions: unknowns, trained in turn"""
    lengths: Annotated[tuple[int, int] | None, unset("LEAST MOST")] = None
    """functions: evaluations of the shortest and the longest episode"""
    long_validation: Annotated[int | None, unset("N")] = None
    """functions: evaluations of a second validation"""
    truncation: Annotated[int | None, unset("N")] = None
    """evaluations (of windows: units of their clock) between meta-gradients"""
    clips: Annotated[Path | None, unset("FOLDER")] = None
    """motion, windows: npz clips (default: the bundled ones)"""
    without: Annotated[Literal["jump", "floor"] | None, unset("{jump,floor}")] = None
    """motion, windows: leave this kind of motion out"""
    groups: Annotated[int | None, unset("N")] = None
    """motion, windows, optimus-start: clip variations drawn from"""
    cache: Annotated[Path | None, unset("FOLDER")] = None
    """optimus-start, exact gradients of motion: that `train windows` wrote"""
    encoder: Annotated[Literal["transformer", "mlp"] | None, unset("{transformer,mlp}")] = None
    """optimus-start: how a frame learns of those around it"""
    regulator: Annotated[bool | None, unset("BOOL")] = None
    """optimus-start: whether the network corrects the regulator or stands alone"""
    gated: Annotated[bool | None, unset("BOOL")] = None
    """optimus-start: whether the head has gains that the frame sets"""
    imitation: Annotated[int | None, unset("N")] = None
    """optimus-start without the regulator: first meta-steps that learn what it says"""
    search: Annotated[int | None, unset("N")] = None
    """motion: instead, search over the constants on N fixed windows"""
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: TrainOptions, console: Console) -> int:
    """Exit code 0. Raises OptimizerError, ClipError and ModelError."""
    if o.kind == "windows":
        return _windows(o, console)
    from motionrecon.learned.train.session import train
    from motionrecon.learned.train.usual import USUAL
    from motionrecon.optimizers import resolve

    usual = USUAL[resolve(o.kind)]
    parts: dict[str, Any] = {
        "classical": usual.classical,
        "windows": usual.windows,
        "starts": usual.starts,
    }
    given = {name: _own(o, part) for name, part in parts.items()}
    of_windows = "starts" if usual.kind in STARTS else "windows"
    used = "classical" if usual.kind in CLASSICAL else of_windows
    _used(usual.kind, given, used)
    changed = {used: replace(parts[used], **given[used])}
    train(replace(usual, **(_own(o, usual) | {"kind": usual.kind} | changed)), console.note)
    console.report({"paths": [o.out / "best", o.out / "last"]})
    return 0


def _windows(o: TrainOptions, console: Console) -> int:
    """The cache of windows. Raises OptimizerError for options that it has no use for."""
    from motionrecon.learned.train.cache.build import build

    known = {"kind", "out", "seed", "clips", "without", "groups", "max_seconds", "common"}
    strange = sorted(
        f.name for f in fields(o) if f.name not in known and getattr(o, f.name) != f.default
    )
    if strange:
        raise OptimizerError(f"windows are only solved: no use for {', '.join(strange)}")
    groups = _GROUPS if o.groups is None else o.groups
    if groups < 1 or o.seed < 0:
        raise OptimizerError(f"groups is {groups}, seed is {o.seed}: at least 1 and 0 are needed")
    build(o.clips, o.out, groups, o.seed, o.without, o.max_seconds, console.note)
    console.report({"paths": [o.out]})
    return 0


def _own(o: TrainOptions, part: Any) -> dict[str, Any]:
    """What the command line gives of a part's fields."""
    return {f.name: getattr(o, f.name) for f in fields(part) if _given(o, f.name)}


def _given(o: TrainOptions, name: str) -> bool:
    """Whether an option has a value of its own on the command line."""
    return hasattr(o, name) and getattr(o, name) is not None and getattr(o, name) != ()


def _used(kind: str, given: dict[str, dict[str, Any]], used: str) -> None:
    """Raises OptimizerError for options of other kinds of tasks, which would do nothing."""
    strange = {name for part in given.values() for name in part} - set(given[used])
    if strange:
        tasks = {
            "classical": "classical functions",
            "windows": "control windows",
            "starts": "a cache of windows",
        }[used]
        raise OptimizerError(
            f"{kind} trains on {tasks}: it has no use for {', '.join(sorted(strange))}"
        )
