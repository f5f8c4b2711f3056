"""What is checked before the work, and numbers for a person."""

import os
from pathlib import Path

from motionrecon.cli.usage import UsageError
from motionrecon.errors import OutputError


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


def number(value: float | None) -> str:
    """One decimal, or a question mark for what could not be measured."""
    return "?" if value is None else f"{value:.1f}"
