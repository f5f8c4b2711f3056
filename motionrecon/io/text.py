"""Text files as their tools write them: any line ends, a byte-order mark, Latin letters, blanks for
missing numbers.
"""

import warnings
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_BYTES

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


def read_text(path: Path) -> str:
    r"""The file's text with "\n" line ends. Raises ClipError where it is empty, too large, or not
    text.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ClipError(
            f"{path}: {size / 2**20:.0f} MiB; expected at most {LARGEST_BYTES / 2**20:.0f}: cut "
            "it into pieces"
        )
    content = path.read_bytes()
    if not content.strip():
        raise ClipError(f"{path}: the file is empty")
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


def numbers(text: str) -> np.ndarray:
    """All numbers of a text that holds nothing else, separated by white space. Raises
    ValueError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how numpy reports what is not a number
        try:
            return np.fromstring(text, sep=" ")
        except DeprecationWarning as error:
            raise ValueError("not a number") from error
