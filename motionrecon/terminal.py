"""The one place that prints. File names and file contents end up in what is said: whatever a
terminal would obey, or cannot show, is written as Python writes it in a string.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from motionrecon.errors import OutputError


def visible(text: str) -> str:
    r"""The text with escapes such as \x1b or \n for control characters, marks that turn the
    direction of writing, and bytes of file names that are no letters.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(*lines: str, error: bool = False) -> None:
    """Prints lines on standard output, or standard error; a line stays one line. Raises
    OutputError where standard output cannot take them, except that where its reader has gone
    (`| head`) the rest goes nowhere.
    """
    _print(map(visible, lines), error)


def say_text(text: str) -> None:
    """Prints a text of several lines, tabs and all, on standard output. Raises OutputError as `say`
    does.
    """
    lines = ("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    _print(lines, error=False)


def prepare() -> None:
    """Before anything is opened: closed standard streams lead nowhere, else the next file opened
    would be in their place; letters that the terminal lacks are written as escapes.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def printing(error: bool = False) -> Iterator[TextIO | None]:
    """Around what prints, libraries included; yields the stream, which is written out at the end.
    Raises OutputError as `say` does.
    """
    stream = sys.stderr if error else sys.stdout
    try:
        try:
            yield stream
        finally:
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as e:
        _silence(stream)
        if not error:
            raise OutputError(f"standard output: cannot be written ({e.strerror or e})") from e


def _print(lines: Iterable[str], error: bool) -> None:
    with printing(error) as stream:
        if stream is not None:
            for line in lines:
                print(line, file=stream)


def _silence(stream: TextIO | None) -> None:
    """Whatever is still to be written there, at the interpreter's end too, goes nowhere."""
    if stream is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def muted() -> Iterator[None]:
    """Without what libraries in C++ print on standard output."""
    sys.stdout.flush()
    output, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(output, 1)
        os.close(output)
        os.close(nowhere)
