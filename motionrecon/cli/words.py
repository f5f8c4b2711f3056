"""How options are shown in a command's help."""

from typing import Any

from tyro.conf import arg


def unset(metavar: str) -> Any:
    """Of an option that is None unless given: shown as --name METAVAR, without a default."""
    return arg(metavar=metavar, help_behavior_hint="")
