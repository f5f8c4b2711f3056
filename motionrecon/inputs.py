"""The one place that opens what is read: regular files only, and never more of one than is allowed.

A FIFO would be waited for without an end, a device may have no end, and a file may grow while it
is read: nothing but an open descriptor is believed.
"""

import os
import stat
from io import BufferedReader
from pathlib import Path

# Opening a FIFO returns at once; regular files know no difference. (Windows has neither.)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_input(path: str | Path, error: type[Exception]) -> BufferedReader:
    """The file at `path`, open for reading bytes. Raises `error`, in one line that names the file,
    where it is absent, may not be read, or is no regular file (links are followed).
    """
    try:
        _refuse_others(path, os.stat(path).st_mode, error)  # some devices act on being opened
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except (OSError, ValueError) as e:  # ValueError: a path with a zero byte
        raise _unreadable(path, e, error) from e
    try:
        _refuse_others(path, os.fstat(file.fileno()).st_mode, error)
    except BaseException:
        file.close()
        raise
    return file


def read_input(path: str | Path, error: type[Exception], most_bytes: int) -> bytes:
    """The content of a regular file of at most so many bytes. Raises `error` as open_input does,
    and for a file that is larger.
    """
    with open_input(path, error) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            content = file.read(most_bytes + 1) if size <= most_bytes else b""
        except OSError as e:
            raise _unreadable(path, e, error) from e
    if (found := max(size, len(content))) > most_bytes:
        raise too_large(path, found, most_bytes, error)
    return content


def too_large(path: str | Path, found: int, most: int, error: type[Exception]) -> Exception:
    """The error, for the caller to raise, of a file of more bytes than are taken."""
    unit, divisor = ("MiB", 2**20) if most >= 2**20 else ("KiB", 2**10)
    return error(
        f"{path}: {found / divisor:.0f} {unit}; expected at most {most / divisor:.0f}: cut it into "
        "pieces"
    )


def _refuse_others(path: str | Path, mode: int, error: type[Exception]) -> None:
    if stat.S_ISREG(mode):
        return
    what = next((w for w, holds in _OTHERS if holds(mode)), "something else")
    raise error(f"{path}: this is {what}; expected a regular file: copy the content into one")


def _unreadable(path: str | Path, e: Exception, error: type[Exception]) -> Exception:
    if isinstance(e, FileNotFoundError):
        return error(f"{path}: there is no such file; check the path")
    return error(f"{path}: cannot be read ({getattr(e, 'strerror', None) or e})")


_OTHERS = (
    ("a folder", stat.S_ISDIR),
    ("a FIFO", stat.S_ISFIFO),
    ("a socket", stat.S_ISSOCK),
    ("a device", stat.S_ISCHR),
    ("a device", stat.S_ISBLK),
)
