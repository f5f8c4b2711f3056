"""What is going on, as a table that keeps up with it; on a terminal only, elsewhere a line now and
then.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from motionrecon.batch.schedulers.base import Event
from motionrecon.terminal import visible

_LINE_EVERY_S = 30.0
_SHOWN = 8  # of the clips that are running, and of the latest failures


class Progress:
    """Counts events and shows them; a context manager whose call takes an event."""

    def __init__(
        self,
        total: int,
        kept: list[dict],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """total: clips to run; kept: statuses of those finished before."""
        self.total, self.clock, self.console = total, clock, console
        self.before = Counter(s["state"] for s in kept)
        self.verdicts = Counter(s["verdict"]["is"] for s in kept)
        self.states: Counter[str] = Counter()
        self.running: dict[str, tuple[float, float]] = {}  # name -> since, share
        self.failures: deque[str] = deque(maxlen=_SHOWN)
        self.begun = self._said = clock()
        self._live = (
            Live(get_renderable=self.render, console=console, refresh_per_second=4)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif self.total:
            self.console.print(self.line())

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        name = event.job.name
        if event.kind == "started":
            self.running[name] = self.clock(), 0.0
        elif event.kind == "progress":
            self.running[name] = self.running.get(name, (self.clock(), 0.0))[0], event.share
        else:
            self.running.pop(name, None)
            self.states[event.status["state"]] += 1
            self.verdicts[event.status["verdict"]["is"]] += 1
            if event.status["state"] == "failed":
                self.failures.append(visible(f"{name}: {event.status['error']['message']}"))
                if self._live is None:
                    self.console.print(
                        f"failed: {self.failures[-1]}", markup=False, highlight=False
                    )
        if self._live is None and self.clock() - self._said > _LINE_EVERY_S:
            self._said = self.clock()
            self.console.print(self.line())

    @property
    def finished(self) -> int:
        """Clips, by this run."""
        return sum(self.states.values())

    @property
    def per_minute(self) -> float:
        """Clips finished a minute since the run began."""
        return 60 * self.finished / max(self.clock() - self.begun, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None before the first clip is finished."""
        return 60 * (self.total - self.finished) / self.per_minute if self.finished else None

    def line(self) -> str:
        """Where the run stands, for what is no terminal."""
        left = "?" if self.seconds_left is None else duration(self.seconds_left)
        return (
            f"{self.states['done']} done, {self.states['failed']} failed, "
            f"{len(self.running)} running of {self.total}; "
            f"{self.per_minute:.1f} clips a minute, {left} left"
        )

    def render(self) -> Group:
        """Where the run stands, for a terminal."""
        numbers = Table(box=None, pad_edge=False)
        columns = {
            "done": self.states["done"],
            "failed": self.states["failed"],
            "running": len(self.running),
            "waiting": self.total - self.finished - len(self.running),
            "suspicious": self.verdicts["suspicious"],
            "done before": self.before["done"],
            "failed before": self.before["failed"],
            "clips a minute": f"{self.per_minute:.1f}",
            "time left": "?" if self.seconds_left is None else duration(self.seconds_left),
        }
        for name in columns:
            numbers.add_column(name, justify="right")
        numbers.add_row(*map(str, columns.values()))
        clips = Table.grid(padding=(0, 1))
        for name, (since, share) in list(self.running.items())[:_SHOWN]:
            clips.add_row(
                Text(name), ProgressBar(1.0, share, width=20), duration(self.clock() - since)
            )
        failures = [Text(f"failed: {f}", overflow="ellipsis", no_wrap=True) for f in self.failures]
        bar = ProgressBar(max(self.total, 1), self.finished, width=60)
        return Group(bar, numbers, clips, *failures)


def duration(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, s = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"
