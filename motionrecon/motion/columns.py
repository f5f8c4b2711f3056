"""Arrays that are written as their rows come: in memory while they are short, on disk beyond, so
that a long clip takes no more memory than a short one.
"""

import mmap
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from motionrecon.errors import OutputError

# Bytes of a column: the widest holds a minute and a half at 240 Hz.
IN_MEMORY = 8 * 2**20
_ROWS = 4096  # looked at together


class Column:
    """Rows of one array, all of one shape and type."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._bytes = 0
        self._count = 0
        self._file: IO[bytes] | None = None

    def append(self, rows: np.ndarray) -> None:
        """Add rows (n, ...). Raises OutputError where there is no room for temporary files."""
        self._rows.append(rows)
        self._bytes += rows.nbytes
        self._count += len(rows)
        if self._bytes <= IN_MEMORY:
            return
        try:
            if self._file is None:
                # it has no name, so nothing stays behind however the process ends
                self._file = tempfile.TemporaryFile(prefix="motionrecon-")  # noqa: SIM115  the array keeps it
            for kept in self._rows:
                self._file.write(np.ascontiguousarray(kept).data)
            self._file.flush()
        except OSError as e:
            raise OutputError(
                f"{tempfile.gettempdir()}: no room for the simulation's states ({e.strerror or e});"
                " make room or set TMPDIR to another folder"
            ) from e
        self._rows = [rows[:0]]

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    def array(self) -> np.ndarray:
        """All rows there are. Those on disk are mapped, and read-only; their file goes with the
        array.
        """
        if self._file is None:
            return np.concatenate(self._rows)
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        one = self._rows[0]
        return np.frombuffer(mapped, one.dtype).reshape(self._count, *one.shape[1:])


def as_float32(values: np.ndarray) -> np.ndarray:
    """The same in single precision, mapped where it is large."""
    column = Column()
    for rows in blocks(values):
        column.append(rows.astype(np.float32))
    return column.array()


def blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Its rows, some at a time, so that a mapped array is never in memory as a whole."""
    for first in range(0, len(values), _ROWS):
        yield values[first : first + _ROWS]
        let_go(values)


def let_go(values: np.ndarray) -> None:
    """What was read of a mapped array leaves memory, and is read again when it is asked for;
    nothing happens to others.
    """
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
