"""Where a command's words go: results to standard output, all else to standard error."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

from motionrecon import terminal
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class Common:
    """What is printed, and options from a file."""

    quiet: bool = False
    """print errors and warnings only"""
    json: bool = False
    """print the report on standard output as JSON and nothing else there"""
    config: Annotated[Path | None, unset("FILE")] = None
    """a .yaml or .toml file of options: keys are option names, the command line wins"""


@dataclass(frozen=True)
class Console:
    """How a command speaks; where standard output is closed (`| head`) it works on in silence.

    begun: time.perf_counter() when the command began.
    """

    quiet: bool = False
    json: bool = False
    begun: float = field(default_factory=perf_counter)

    def say(self, *lines: str) -> None:
        """Lines for a person: standard output, or standard error where that is for JSON."""
        if not self.quiet:
            terminal.say(*lines, error=self.json)

    def note(self, line: str) -> None:
        """A line about the work under way, on standard error."""
        if not self.quiet:
            terminal.say(line, error=True)

    def warn(self, lines: Iterable[str]) -> None:
        """Warnings, on standard error whatever was asked."""
        terminal.say(*(f"warning: {line}" for line in lines), error=True)

    def paths(self, paths: Iterable[Path]) -> None:
        """Where the results are, for a person."""
        self.say(" ".join(["results:", *map(str, paths)]))

    def verdict(self, verdict: dict[str, Any]) -> None:
        """The last lines: whether the motion can be trusted, and a line a reason. A verdict that is
        not ok is a warning: it is said even where only those are wanted.
        """
        word, reasons = verdict["verdict"], verdict["reasons"]
        if self.quiet and word != "ok":
            self.warn([f"verdict {word}: {reason}" for reason in reasons])
        self.say(f"verdict: {word}", *(f"  {reason}" for reason in reasons))

    def report(self, report: dict[str, Any]) -> None:
        """The report as JSON on standard output where that was asked for: paths as text, null for
        NaN.
        """
        if self.json:
            text = json.dumps(_plain(report), indent=1, allow_nan=False, default=str)
            terminal.say_text(text)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[float], None]]:
        """A bar on a terminal's standard error; yields the function that takes the share done, 0 to
        1.
        """
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        screen = Terminal(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        off = self.quiet or not screen.is_terminal
        with Progress(*columns, console=screen, transient=True, disable=off) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda share: bar.update(task, completed=share)


def _plain(value: Any) -> Any:
    """The value with null for what JSON has no number for: NaN, infinities."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
