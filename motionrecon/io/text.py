"""Text files as their tools write them: any line ends, a byte-order mark, Latin letters, blanks for
missing numbers.
"""

import re
import warnings
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.inputs import read_input, too_large
from motionrecon.io.base import LARGEST_TEXT, check_count

# as programs write them in headers, in lower case
UNIT_WORDS = {
    "m": "m",
    "meters": "m",
    "metres": "m",
    "cm": "cm",
    "centimeters": "cm",
    "mm": "mm",
    "millimeters": "mm",
}


_PIECE = 2**20  # characters of which numbers are made at a time
_GAP = re.compile(r"[ \t\n]")


def read_text(path: Path, most_bytes: int = LARGEST_TEXT) -> str:
    r"""The file's text with "\n" line ends. Raises ClipError where it is empty, too large, or not
    text.
    """
    content = read_input(path, ClipError, most_bytes)
    if not content or content.isspace():
        raise ClipError(f"{path}: the file is empty")
    widest = int(np.frombuffer(content, np.uint8).max())
    # Python keeps a text in 1, 2 or 4 bytes a character, by the first byte of the widest in UTF-8
    held = len(content) * (4 if widest >= 0xF0 else 2 if widest >= 0xC4 else 1)
    if held > most_bytes:
        raise too_large(path, held, most_bytes, ClipError)
    if b"\0" in content:
        raise ClipError(f"{path}: this is not a text file, or it is damaged (it holds zero bytes)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def number(text: str) -> float:
    """A number, NaN for blanks and nan in any spelling, comma accepted as the decimal point. Raises
    ValueError.
    """
    text = text.strip().strip('"')
    if not text or text.lower() in ("nan", "na", "n/a", "null", "none", "-"):
        return np.nan
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)


def each_line(text: str) -> Iterator[str]:
    r"""The lines one by one: a list of short ones takes twenty times the memory of the text."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


class Numbers:
    """Rows of numbers as they are read, eight bytes a number."""

    def __init__(self, path: Path) -> None:
        self._path, self._all = path, array("d")

    def __len__(self) -> int:
        return len(self._all)

    def add(self, row: Iterable[float]) -> None:
        """Raises ClipError, naming the file, where there are too many."""
        self._all.extend(row)
        check_count(self._path, len(self._all))

    def table(self, columns: int) -> np.ndarray:
        """(rows, columns)."""
        return np.array(self._all, dtype=float).reshape(-1, columns)


def numbers(path: Path, text: str, start: int) -> np.ndarray:
    """All numbers of a text from `start` on, where it holds nothing else, separated by white space.
    Raises ValueError for anything else, and ClipError, naming the file, where there are too many.
    """
    found, count = [np.empty(0)], 0
    while start < len(text):
        gap = _GAP.search(text, start + _PIECE)
        end = gap.start() if gap else len(text)
        piece, start = text[start:end], end
        if not piece.strip(" \t\n"):
            continue
        with warnings.catch_warnings():
            # how numpy reports what is not a number
            warnings.simplefilter("error", DeprecationWarning)
            try:
                found.append(np.fromstring(piece, sep=" "))
            except DeprecationWarning as error:
                raise ValueError("not a number") from error
        check_count(path, count := count + len(found[-1]))
    return np.concatenate(found)
