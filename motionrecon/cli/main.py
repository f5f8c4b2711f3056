"""The command ``motionrecon``: dispatch, one line for an error, exit codes."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from motionrecon import __version__, terminal
from motionrecon.cli.commands import COMMANDS, Command
from motionrecon.cli.usage import UsageError
from motionrecon.errors import MotionReconError
from motionrecon.interrupts import held_back, is_interrupt

if TYPE_CHECKING:
    from motionrecon.cli.console import Common

# What MuJoCo takes; anything else breaks off its import.
GL_CHOICES = frozenset(
    "enable enabled on true 1 disable disabled off false 0 glfw glx egl osmesa wgl cgl".split()
)
_GL_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
SHELLS = ("bash", "zsh", "fish")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand, by its first word.

    Exit code 0; 2 after one line on standard error about what the user can mend; 130 on Ctrl-C;
    3 of reconstruct --strict where the verdict is not ok.
    """
    begun = perf_counter()
    terminal.prepare()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(given, begun)
    except MotionReconError as e:
        terminal.say(f"error: {e}", error=True)
        return 2
    except ModuleNotFoundError as e:
        from motionrecon.cli.extras import remedy

        if (told := remedy(e.name)) is None:
            raise
        terminal.say(f"error: {told}", error=True)
        return 2
    except BaseException as e:
        if not is_interrupt(e):
            raise
        with suppress(KeyboardInterrupt), held_back():
            command = COMMANDS.get(given[0]) if given else None
            usual = command.interrupted if command else "interrupted"
            said = str(e) if isinstance(e, KeyboardInterrupt) else ""
            terminal.say(said or usual, error=True)
        return 130


def help_text() -> str:
    """What ``motionrecon --help`` prints."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: motionrecon COMMAND [OPTIONS]",
            "",
            "3D keypoints of a person to physically real motion.",
            "",
            "commands:",
            *(f"  {name:<{width}}  {c.summary}" for name, c in COMMANDS.items()),
            "",
            "options:",
            "  COMMAND --help                 the options of a command",
            "  --version                      the version",
            f"  --print-completion SHELL       a completion script for {', '.join(SHELLS)}:",
            '                                 eval "$(motionrecon --print-completion bash)"',
            "",
            "Every command takes --quiet (errors and warnings only), --json (the report on",
            "standard output) and --config FILE: a .yaml or .toml file whose keys are option",
            "names, such as max-evaluations: 30; what the command line says wins.",
            "Exit codes: 0, 2 after one line about what you can mend, 130 on Ctrl-C; reconstruct",
            "--strict: 3 where the verdict on the motion is not ok.",
        ]
    )


def _dispatch(given: list[str], begun: float) -> int:
    if not given or given[0] in ("-h", "--help"):
        terminal.say_text(help_text())
        return 0
    name, *rest = given
    if name == "--version":
        terminal.say(f"motionrecon {__version__}")
        return 0
    if name.partition("=")[0] == "--print-completion":
        shell = name.partition("=")[2] or (rest[0] if rest else "")
        if shell not in SHELLS:
            raise UsageError(f"--print-completion {shell}: choose one of {', '.join(SHELLS)}")
        from motionrecon.cli.completion import script

        terminal.say_text(script(shell))
        return 0
    if name not in COMMANDS:
        words = f"unknown command {name!r}: choose one of {', '.join(COMMANDS)}"
        raise UsageError(f"{words}; see motionrecon --help")
    return _run(name, COMMANDS[name], rest, begun)


def _run(name: str, command: Command, rest: list[str], begun: float) -> int:
    from motionrecon.cli.console import Console
    from motionrecon.cli.parse import parse

    _check_gl(os.environ.get("MUJOCO_GL", ""))
    if name == "benchmark" and rest and not rest[0].startswith("-"):
        from motionrecon.cli.benchmark import study

        return study(rest[0], rest[1:])
    options: Any = parse(command.kind(), rest, f"motionrecon {name}")
    common: Common = options.common
    return command.run()(options, Console(common.quiet, common.json, begun))


def _check_gl(chosen: str) -> None:
    """Raises UsageError for a MUJOCO_GL that MuJoCo does not know."""
    word = chosen.lower().strip()
    if word and word not in GL_CHOICES:
        raise UsageError(
            f"MUJOCO_GL={chosen}: MuJoCo knows egl, osmesa, glfw and disable; choose one of them, "
            "or unset it"
        )
    from ctypes.util import find_library

    if (library := _GL_LIBRARIES.get(word)) and find_library(library) is None:
        raise UsageError(f"MUJOCO_GL={chosen}: there is no lib{library} here; install or unset it")
