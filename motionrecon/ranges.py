"""What the numbers of a reconstruction may be: said once, for the command line, the batch and the
Python API, which refuse with the same line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from motionrecon.errors import OptionError


@dataclass(frozen=True)
class Range:
    """low to high, both included unless `above`: then more than low. unit: in words; option: of the
    command line, where there is one.
    """

    low: float
    high: float
    unit: str = ""
    option: str = ""
    above: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Whether the value is a number within; NaN is not."""
        kind = Integral if self.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        try:
            number = float(value)
        except OverflowError:  # a whole number of 400 digits
            return False
        return self.low <= number <= self.high and not (self.above and number == self.low)

    def __str__(self) -> str:
        number = "a whole number from " if self.whole else "more than " if self.above else ""
        return f"{number}{self.low:g} to {self.high:g}{' ' if self.unit else ''}{self.unit}"


def _weight(unit: str = "") -> Range:
    # The largest that ships is 400; squared and summed, 1e9 still is far from overflow in the
    # optimizers' single precision, where 3e38 ends a search at its start.
    return Range(0, 1e9, unit)


RANGES: dict[str, Range] = {
    "max_evaluations": Range(1, 10**6, "evaluations", "--max-evaluations", whole=True),
    # the lightest child who walks, and half as much again as the heaviest walker of gait studies
    "mass_kg": Range(5.0, 300.0, "kg", "--mass"),
    "noise_m": Range(0.0, 1.0, "m a coordinate", "--noise"),
    # no laboratory's origin is so far from its ground; more is another unit
    "floor_m": Range(-100.0, 100.0, "m", "--floor"),
    "control_rate": Range(1.0, 250.0, "Hz"),
    # slower, contacts whose time constant is 15 ms are missed; faster, a step is below its rounding
    "simulation_rate": Range(60.0, 1e4, "Hz"),
    "window_frames": Range(1, 1000, "control frames", whole=True),
    "keep_frames": Range(1, 1000, "control frames", whole=True),
    "grow_frames": Range(1, 1000, "control frames", whole=True),
    "grow_evaluations": Range(1, 10**6, "evaluations", whole=True),
    # of the loss: 0 goes on to the last bit, 1 takes one Jacobian
    "gain": Range(0.0, 1.0),
    "grow_gain": Range(0.0, 1.0),
    "keypoints": _weight("1/m^2"),
    "velocity": _weight("s^2/rad^2"),
    "posture": _weight("1/rad^2"),
    "posture_unseen": _weight("1/rad^2"),
    "momentum": _weight("s^2/m^2"),
    "spin": _weight("s^2/m^4"),
    "torque": _weight(),
    "effort": _weight("1/rad^2"),
    "smoothness": _weight("1/rad^2"),
    "outlier_m": Range(0.0, 1e3, "m", above=True),
    "threads": Range(1, 2, "threads", whole=True),
}
_OPTIONAL = ("mass_kg", "noise_m", "floor_m")  # None: found out


def check(field: str, value: Any) -> None:
    """Raises OptionError for a number that the field of motionrecon.pipeline.Options cannot be."""
    allowed = RANGES[field]
    if (value is None and field in _OPTIONAL) or allowed.holds(value):
        return
    found = f"{value:g}" if isinstance(value, float) else repr(value)[:40]
    name = f"{allowed.option} " if allowed.option else ""
    raise OptionError(f"{name or field + ' '}{found}: expected {allowed}")


def check_all(value_of: Callable[[str], Any]) -> None:
    """The same of all fields. value_of: of a field, by its name."""
    for field in RANGES:
        check(field, value_of(field))
    kept, frames = value_of("keep_frames"), value_of("window_frames")
    if kept > frames:
        raise OptionError(f"keep_frames {kept}: expected at most window_frames, {frames}")
