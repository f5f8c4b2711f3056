"""Words of a command line to a dataclass of options, by tyro; what it objects to in one line."""

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from itertools import zip_longest
from typing import TypeVar

import tyro

from motionrecon import terminal
from motionrecon.cli.config import added
from motionrecon.cli.usage import UsageError

T = TypeVar("T")

# "-" for None is never needed: an option that is not given is None.
MARKERS = (tyro.conf.DisallowNone, tyro.conf.PositionalMetavarFromFieldName)
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_NAME = re.compile(r" {5}(\S.*)")  # of what is missing, above its description
_MEANT = re.compile(r"Perhaps you meant: (--[\w-]+)")
_WRONG = re.compile(r"^Error parsing (\S+): no type matching (.+) could be instantiated from (.+)$")


def parse(kind: type[T], words: Sequence[str], prog: str) -> T:
    """An instance of the dataclass `kind`, from a command's words and the file of its --config.

    Raises UsageError for a file or words that do not fit; SystemExit(0) where help was asked for.
    """
    from_file = added(kind, words)
    if odd := [word for word in from_file.words if "\0" in word]:
        raise UsageError(f"{odd[0]!r}: a zero byte; no name and no number has one")
    for word, after in zip_longest(from_file.words, from_file.words[1:]):
        if word == "--out=" or (word == "--out" and after == ""):
            raise UsageError("--out is empty; give a folder (. is this one)")
    told = io.StringIO()
    try:
        with terminal.printing(), redirect_stderr(told):
            return tyro.cli(kind, args=from_file.words, prog=prog, config=MARKERS)
        raise SystemExit(0)  # the reader of the help has gone
    except SystemExit as e:
        if not e.code:
            raise
        line = one_line(told.getvalue())
        for key in from_file.keys:  # an option of the file is mended there
            if re.search(rf"--{re.escape(key)}(?![\w-])", line):
                raise UsageError(f"{from_file.path}: {key}: {line}; see {prog} --help") from None
        raise UsageError(f"{line}; see {prog} --help") from None


def one_line(box: str) -> str:
    """What a box that tyro draws around an error says first, and what it thinks may be meant."""
    paragraphs = _paragraphs(box)
    title, first = paragraphs[0][0].strip("╭─╮ "), paragraphs[min(1, len(paragraphs) - 1)]
    if title == "Required options" and (names := [m[1] for x in first if (m := _NAME.match(x))]):
        return f"missing: {', '.join(names)}"
    line = _joined(first).partition(" Got errors:")[0].rstrip(".")
    line = _WRONG.sub(r"\1: expected \2, found \3", line)
    meant = _MEANT.search(" ".join(map(_joined, paragraphs)))
    return line[:1].lower() + line[1:] + (f" (perhaps {meant[1]})" if meant else "")


def _paragraphs(box: str) -> list[list[str]]:
    """A box's title, and its lines between rules; the box is drawn with dashes where standard
    output knows no better.
    """
    title, *lines = [line.rstrip("│ ") for line in _COLOUR.sub("", box).splitlines() or [""]]
    out: list[list[str]] = [[]]
    for line in lines:
        if len(bare := line.strip("│╰╯ ")) > 4 and set(bare) <= {"─", "-"}:
            out.append([])
        elif line:
            out[-1].append(line[1:])
    return [[title], *filter(None, out)]


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
