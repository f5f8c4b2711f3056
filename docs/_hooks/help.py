"""`<!-- help: reconstruct -->` in a page becomes what `motionrecon reconstruct --help` prints."""

import os
import re
import subprocess
import sys

_PLACE = re.compile(r"^<!-- help:([a-z ]*) -->$", re.M)


def on_page_markdown(markdown: str, **_: object) -> str:
    """MkDocs' hook: the command's own words, so that they are never out of date."""
    return _PLACE.sub(lambda m: f"```text\n{_help(m[1].split())}\n```", markdown)


def _help(command: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "motionrecon", *command, "--help"],
        env={**os.environ, "COLUMNS": "96", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip()
