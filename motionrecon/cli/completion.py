"""A shell's completion script for the whole command."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import tyro

from motionrecon.cli.commands import COMMANDS
from motionrecon.cli.parse import MARKERS


def script(shell: str) -> str:
    """The script for bash, zsh or fish, as tyro writes it."""
    kinds: dict[str, Callable[..., Any]] = {
        name: command.kind() for name, command in COMMANDS.items()
    }
    text = io.StringIO()
    with redirect_stdout(text):
        try:
            tyro.extras.subcommand_cli_from_dict(
                kinds, prog="motionrecon", args=["--tyro-print-completion", shell], config=MARKERS
            )
        except SystemExit as e:
            if e.code:
                raise
    return text.getvalue()
