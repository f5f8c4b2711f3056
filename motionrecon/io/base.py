"""What a reader hands over, and the registry of readers by file extension."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ClipError
from motionrecon.inputs import open_input

FOLDER = "folder"  # the key of the reader that takes a folder instead of a file
LARGEST_VALUE = 1e8  # in any unit, degrees too: beyond it a file is damaged
# Of a binary file's arrays and of a text in memory, and numbers of coordinates: with the copies of
# all readers and steps a clip stays below 1 GiB (tests/test_input_memory.py measures it).
LARGEST_BYTES = 160 * 2**20
LARGEST_TEXT = 128 * 2**20
MOST_NUMBERS = 16 * 2**20
MOST_LABELS = 10_000  # markers and joints: laboratories record hundreds


@dataclass(frozen=True)
class Plates:
    """Force plates in the file's own axes: time (G,) s on the keypoints' clock, force (G, P, 3) N
    on the person, centre of pressure cop (G, P, 3) in metres, NaN while unloaded.
    """

    time: Float[np.ndarray, " G"]
    force: Float[np.ndarray, "G P 3"]
    cop: Float[np.ndarray, "G P 3"]


@dataclass(frozen=True)
class ForceFile:
    """P force plates from a file beside the clip's: path; plates in the file's axes, cop in its
    unit of length (it says neither); names of the P plates.
    """

    path: Path
    plates: Plates
    names: tuple[str, ...]


@dataclass(frozen=True)
class Raw:
    """A file's content before anything is detected or converted: its own units, axes and names.

    positions (T, J, 3), or (P, T, J, 3) or (T, P, J, 3) of P persons, whose numbers are `persons`
    where the file has any (one for a person that was chosen); names of the J
    keypoints, joints or markers, or the name of their skeleton;
    fps in Hz or time (T,) in s; units "m", "cm" or "mm" and up "z", "y", "-y" ... where the file
    states them, else likely_units are tried in that order; confidence (T, J); plates: force plates;
    forces: those of another file, which take the place of any others; extras: arrays that pass
    through unchanged (grf_*, body_mass_kg); findings and warnings: what the reader has to say.
    """

    positions: Float[np.ndarray, "*people T J 3"]
    names: tuple[str, ...] | None = None
    skeleton: str | None = None
    fps: float | None = None
    time: Float[np.ndarray, " T"] | None = None
    units: str | None = None
    up: str | None = None
    likely_units: tuple[str, ...] = ("m", "cm", "mm")
    confidence: Float[np.ndarray, "*people T J"] | None = None
    plates: Plates | None = None
    forces: ForceFile | None = None
    persons: tuple[int, ...] = ()
    extras: dict = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What a file alone does not settle.

    person: which of several, a number or a track's id; everyone: all of them, as positions
    (P, T, J, 3); subject: which of several subjects, a name,
    or the first, second ... of labels that stand twice; model: the skeleton (.asf) or the model
    (.xml) that a motion belongs to; allow_pickle: read pickled NumPy objects (VideoPose3D's
    archives).
    """

    person: int | None = None
    subject: str | None = None
    model: Path | None = None
    allow_pickle: bool = False
    everyone: bool = False


Reader = Callable[[Path, ReadOptions], Raw]
READERS: dict[str, Reader] = {}


def reader(*extensions: str) -> Callable[[Reader], Reader]:
    """Registers a reader for extensions such as ".npz"."""

    def register(function: Reader) -> Reader:
        for extension in extensions:
            READERS[extension] = function
        return function

    return register


def check_count(path: Path, numbers: int) -> None:
    """Raises ClipError for more numbers than a clip may have, before memory is taken for them."""
    if numbers > MOST_NUMBERS:
        raise ClipError(
            f"{path}: {numbers} numbers; expected at most {MOST_NUMBERS}: it is damaged, or must "
            "be cut into pieces"
        )


def read(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Reads a file with the reader of its extension. Raises ClipError: no such file, no regular
    one, no reader, damaged content.
    """
    folder = os.path.isdir(path)  # pathlib's raises for some names
    if not folder:
        open_input(path, ClipError).close()
    if options.model is not None:
        open_input(options.model, ClipError).close()
    key = FOLDER if folder else path.suffix.lower()
    if key not in READERS:
        known = ", ".join(sorted(set(READERS) - {FOLDER}))
        raise ClipError(
            f"{path}: no reader for '{path.suffix}' files; there are readers for {known}"
        )
    try:
        return READERS[key](path, options)
    except OSError as error:
        raise ClipError(
            f"{path}: cannot be read ({error.strerror or error}); check its permissions"
        ) from error
    except MemoryError as error:
        raise ClipError(
            f"{path}: asks for more memory than there is; it is damaged, or must be cut shorter"
        ) from error
