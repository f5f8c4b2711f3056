"""What a meta-training is told: one frozen dataclass, from which a command line can be made."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal

from motionrecon.errors import OptimizerError

Clock = Literal["milliseconds", "evaluations"]
Gradient = Literal["pes", "nres", "exact"]
Stage = Literal["cold", "growing", "whole", "synthetic"]


@dataclasses.dataclass(frozen=True)
class ClassicalOptions:
    """Random variants of the classical functions as tasks."""

    dimensions: tuple[int, ...] = (4, 16)
    """Unknowns, each >= 1, trained in turn, a pool of particles each, opened one by one."""
    opening: float = 0.15
    """Share in [0, 1] of the meta-steps by which all dimensions are open and episodes at their
    longest."""
    lengths: tuple[int, int] = (30, 200)
    """Evaluations of the longest episode, at the start of training and once all is open,
    ascending; every episode lasts at least the first."""
    truncation: int = 10
    """Evaluations an unroll, from 1 to half of the first of the lengths."""
    long_validation: int = 0
    """Evaluations of a second validation beside that of 100, 0 for none; the weights kept as best
    are those with the lowest sum of both."""

    def __post_init__(self) -> None:
        low, high = self.lengths
        if not 1 <= self.truncation <= low // 2 or low > high:
            raise OptimizerError(
                "truncation must be at least 1 and at most half the shortest episode, lengths "
                f"ascending: got {self}"
            )
        if not self.dimensions or min(self.dimensions) < 1:
            raise OptimizerError(f"dimensions must be one or more numbers >= 1: got {self}")
        if not 0 <= self.opening <= 1 or self.long_validation < 0:
            raise OptimizerError(
                f"opening must be in [0, 1], long_validation at least 0: got {self}"
            )


@dataclasses.dataclass(frozen=True)
class WindowOptions:
    """Control windows of clips as tasks."""

    clips: Path | None = None
    """Folder of npz clips; None for the bundled ones."""
    cache: Path | None = None
    """Folder that ``motionrecon train windows`` wrote: exact gradients need one."""
    without: str | None = None
    """Kind of motion that is left out ("jump", "floor")."""
    groups: int = 40
    """Clip variations that tasks are drawn from, >= 1, about two seconds of motion each."""
    stages: tuple[Stage, ...] = ("cold", "growing", "whole", "synthetic")
    """Kinds of windows to train on."""
    clock: Clock = "milliseconds"
    """What an episode is measured in: modelled milliseconds of one core, or evaluations."""
    truncation: float = 60.0
    """Length of an unroll, in the clock's units, > 0."""
    episode: float = 240.0
    """Length of an episode, in the clock's units, a multiple of the truncation."""
    validation_tasks: int = 24
    """Windows of a validation, >= 1."""

    def __post_init__(self) -> None:
        if min(self.groups, self.validation_tasks) < 1:
            raise OptimizerError(f"groups and validation_tasks must be positive: got {self}")
        if not 0 < self.truncation <= self.episode:
            raise OptimizerError(f"0 < truncation <= episode is needed: got {self}")
        if not self.stages:
            raise OptimizerError(f"stages must name at least one kind of windows: got {self}")


@dataclasses.dataclass(frozen=True)
class StartOptions:
    """A law that gives a window's start, trained on a cache of windows."""

    cache: Path = Path("runs/windows")
    """Folder that ``motionrecon train windows`` wrote."""
    groups: int = 400
    """The first so many training groups of it, >= 1."""
    encoder: Literal["transformer", "mlp"] = "transformer"
    """How a frame learns of those around it."""
    regulator: bool = True
    """Whether the network corrects the linear-quadratic regulator, or stands alone, and needs no
    Jacobian of the reference."""
    gated: bool = False
    """Whether the head also answers errors with gains that the frame sets."""
    imitation: int = 0
    """Meta-steps, >= 0, at first, in which a network that stands alone learns what the regulator
    says, of errors drawn at random: its own falls would teach it little."""
    noise: float = 0.5
    """Of what the network reads of a reference, in its own spreads, >= 0: a few people in a few
    clips are soon known by heart."""

    def __post_init__(self) -> None:
        if self.groups < 1 or self.imitation < 0 or not 0 <= self.noise < math.inf:
            raise OptimizerError(
                f"groups is {self.groups}, imitation is {self.imitation}, noise is {self.noise}: "
                "at least 1, 0 and 0 are needed"
            )
        if self.imitation and self.regulator:
            raise OptimizerError(
                "a network that corrects the regulator has nothing to learn from it: give "
                "imitation only with no-regulator"
            )


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """How to meta-train. `usual.USUAL` has those that are usual for each kind."""

    kind: str = "optimus"
    """What is trained: one of usual.USUAL."""
    out: Path = Path("runs/optimus")
    """Folder of checkpoints, curve.jsonl and weights (best, last); resumed where it exists."""
    steps: int = 2000
    """Meta-steps in all, >= 1."""
    seed: int = 0
    """>= 0; fixes everything but the seconds reported."""
    gradient: Gradient = "pes"
    """How the meta-gradient is had: by persistent or noise-reuse evolution strategies, or by
    differentiating descents, of motion on a cache of windows. optimus-start's is always exact."""
    particles: int = 32
    """Antithetic pairs a meta-step, >= 1 (a pool of them for each dimension)."""
    sigma: float = 0.01
    """Standard deviation of the perturbation of a meta-parameter, > 0."""
    sigma_rules: float = 0.02
    """The same of the secant family's rules, on classical functions, > 0."""
    only_rules: bool = False
    """Train the few constants alone, which gives far less noise than all of the network."""
    learning_rate: float = 1e-3
    """Adam's, > 0, decayed by a cosine to a tenth."""
    warmup: int = 0
    """Meta-steps over which the rate grows from zero, >= 0, at most a tenth of all: a start that is
    good already must not be thrown away before Adam knows the gradient's size."""
    average: float = 0.0
    """In [0, 1): decay of an exponential average of the weights, which is what is validated and
    kept (Polyak & Juditsky 1992); 0 takes them as they are."""
    clip_gradient: float = 3.0
    """Largest size of an entry of the meta-gradient, > 0."""
    clip_pair: float = math.inf
    """Largest difference of meta-loss within an antithetic pair, > 0."""
    validate_every: int = 100
    """Meta-steps between validations and checkpoints, >= 1."""
    start: Path | None = None
    """Folder of weights to begin from; None for fresh ones."""
    search: int = 0
    """In place of training: windows of a search over the constants, one at a time; 0 for none."""
    max_seconds: float | None = None
    """Seconds after which this call ends, with a checkpoint; the next one goes on where it
    stopped."""
    classical: ClassicalOptions = ClassicalOptions()
    """Of kinds that train on classical functions."""
    windows: WindowOptions = WindowOptions()
    """Of kinds that train on control windows."""
    starts: StartOptions = StartOptions()
    """Of the kind that trains on starts of windows."""

    def __post_init__(self) -> None:
        numbers = {
            name: getattr(self, name)
            for name in ("steps", "particles", "validate_every", "sigma", "sigma_rules")
        } | {name: getattr(self, name) for name in ("learning_rate", "clip_gradient", "clip_pair")}
        wrong = [f"{name} is {value}" for name, value in numbers.items() if not value > 0]
        if wrong:
            raise OptimizerError(f"{', '.join(wrong)}: these must be positive")
        whole = {name: getattr(self, name) for name in ("seed", "search", "warmup")}
        wrong = [f"{name} is {value}" for name, value in whole.items() if value < 0]
        if wrong:
            raise OptimizerError(f"{', '.join(wrong)}: these must not be negative")
        if not 0 <= self.average < 1:
            raise OptimizerError(f"average is {self.average}: expected at least 0 and below 1")

    def identity(self) -> dict[str, object]:
        """What two calls must have in common to be one training, as plain values."""
        fields = dataclasses.asdict(self)
        for name in ("out", "validate_every", "start", "search", "max_seconds"):
            del fields[name]
        clips = fields["windows"]["clips"]
        fields["windows"]["clips"] = None if clips is None else str(clips)
        for part in ("starts", "windows"):
            cache = fields[part]["cache"]
            fields[part]["cache"] = None if cache is None else str(cache)
        return fields
