"""The subcommands by name. Modules load on demand: a command pays for its own options only."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """A subcommand: the dataclass `options` and the function `run(options, console) -> exit code`
    of `module`.

    interrupted: what Ctrl-C leaves behind, in words.
    """

    summary: str
    module: str
    options: str
    interrupted: str = "interrupted"

    def kind(self) -> type:
        """The dataclass of its options."""
        return getattr(import_module(self.module), self.options)

    def run(self) -> Callable[..., int]:
        """The function that does the work."""
        return import_module(self.module).run


def _command(name: str, summary: str, **more: Any) -> Command:
    module = f"motionrecon.cli.{name}"
    return Command(summary, module, f"{name.capitalize()}Options", **more)


COMMANDS: dict[str, Command] = {
    "reconstruct": _command(
        "reconstruct",
        "a clip of 3D keypoints to a physically real motion",
        interrupted="interrupted; nothing written",
    ),
    "inspect": _command("inspect", "what a motion file holds and what looks wrong in it"),
    "export": _command("export", "a saved motion in the files of other tools"),
    "view": _command("view", "page, video and figures of a reconstruction"),
    "compare": _command("compare", "a clip reconstructed by several optimizers, side by side"),
    "batch": _command(
        "batch",
        "a folder or glob of clips to motions, resumable",
        interrupted="interrupted; what is finished stays, the same command goes on from there",
    ),
    "train": _command("train", "meta-train a learned optimizer"),
    "benchmark": _command("benchmark", "the studies behind the documentation's figures"),
}
