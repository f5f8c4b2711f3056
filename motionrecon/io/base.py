"""What a reader hands over, and the registry of readers by file extension."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError


@dataclass(frozen=True)
class Raw:
    """A file's content before anything is detected or converted: its own units, axes and names.

    positions (T, J, 3); names of the J keypoints, or the name of their skeleton; fps in Hz or time (T,) in s;
    units "m", "cm" or "mm" and up "z", "y", "-y" ... where the file states them; confidence (T, J);
    extras: arrays that pass through unchanged (grf_*, body_mass_kg).
    """

    positions: np.ndarray
    names: tuple[str, ...] | None = None
    skeleton: str | None = None
    fps: float | None = None
    time: np.ndarray | None = None
    units: str | None = None
    up: str | None = None
    confidence: np.ndarray | None = None
    extras: dict = field(default_factory=dict)


Reader = Callable[[Path], Raw]
READERS: dict[str, Reader] = {}


def reader(*extensions: str) -> Callable[[Reader], Reader]:
    """Registers a reader for extensions such as ".npz"."""

    def register(function: Reader) -> Reader:
        for extension in extensions:
            READERS[extension] = function
        return function

    return register


def read(path: Path) -> Raw:
    """Reads a file with the reader of its extension. Raises ClipError: no such file, no reader, damaged content."""
    if path.is_dir():
        raise ClipError(f"{path}: this is a folder; name one clip, such as {path / 'clip.npz'}")
    if not path.exists():
        raise ClipError(f"{path}: there is no such file; check the path")
    if path.suffix.lower() not in READERS:
        raise ClipError(
            f"{path}: no reader for '{path.suffix}' files; there are readers for {', '.join(sorted(READERS))}"
        )
    try:
        return READERS[path.suffix.lower()](path)
    except OSError as error:
        raise ClipError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
