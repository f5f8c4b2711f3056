"""What is checked before the work, and numbers for a person."""

import os
from pathlib import Path

from motionrecon.cli.usage import UsageError
from motionrecon.errors import OutputError

MASS_RANGE_KG = (5.0, 300.0)  # as motionrecon.body takes it
_FLOORS = {"estimate": None, "file": 0.0}
_HIGHEST_M = 100.0  # no laboratory's origin is so far from its ground; larger is another unit


def check_writable(folder: Path) -> None:
    """Find out before the work whether its result can be written. Raises OutputError."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        found = f"{folder}: cannot be written ({place} is not a writable folder)"
        raise OutputError(f"{found}; give another with --out")


def check_noise(noise_m: float | None) -> None:
    """Raises UsageError for a noise of keypoints that is no length up to a metre."""
    if noise_m is not None and not 0 <= noise_m <= 1:
        raise UsageError(f"--noise {noise_m:g}: expected 0 to 1 m a coordinate")


def check_mass(mass_kg: float | None) -> None:
    """Raises UsageError for a mass that is no person's."""
    low, high = MASS_RANGE_KG
    if mass_kg is not None and not low <= mass_kg <= high:
        raise UsageError(f"--mass {mass_kg:g}: expected {low:g} to {high:g} kg")


def floor_height(text: str) -> float | None:
    """m, the height of the ground that --floor gives; None where it is to be estimated.

    "file": z = 0 as the file has it; "estimate"; or metres in the file's z-up coordinates. Raises
    UsageError for anything else.
    """
    if text in _FLOORS:
        return _FLOORS[text]
    try:
        height = float(text)
    except ValueError:
        raise UsageError(f"--floor {text}: expected metres, estimate or file") from None
    if not abs(height) <= _HIGHEST_M:
        raise UsageError(f"--floor {text}: expected -{_HIGHEST_M:g} to {_HIGHEST_M:g} m")
    return height


def number(value: float | None) -> str:
    """One decimal, or a question mark for what could not be measured."""
    return "?" if value is None else f"{value:.1f}"
