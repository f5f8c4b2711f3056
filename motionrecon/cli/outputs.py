"""What is checked before the work, and numbers for a person."""

import os
from pathlib import Path

from motionrecon import ranges
from motionrecon.cli.usage import UsageError
from motionrecon.errors import OutputError

_FLOORS = {"estimate": None, "file": 0.0}


def check_writable(folder: Path) -> None:
    """Find out before the work whether its result can be written. Raises OutputError."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        found = f"{folder}: cannot be written ({place} is not a writable folder)"
        raise OutputError(f"{found}; give another with --out")


def floor_height(text: str) -> float | None:
    """m, the height of the ground that --floor gives; None where it is to be estimated.

    "file": z = 0 as the file has it; "estimate"; or metres in the file's z-up coordinates. Raises
    UsageError for anything else, OptionError for a height that is no ground's.
    """
    if text in _FLOORS:
        return _FLOORS[text]
    try:
        height = float(text)
    except ValueError:
        raise UsageError(f"--floor {text}: expected metres, estimate or file") from None
    ranges.check("floor_m", height)
    return height


def number(value: float | None) -> str:
    """One decimal, or a question mark for what could not be measured."""
    return "?" if value is None else f"{value:.1f}"
