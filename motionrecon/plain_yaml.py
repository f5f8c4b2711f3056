"""YAML without aliases: a few hundred bytes of nested ones stand for gigabytes."""

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, compiled where libyaml is
# what PyYAML raises: its own errors, ValueError (2001-99-99 as a date), deep nesting
ERRORS = (yaml.YAMLError, ValueError, RecursionError)


def load_yaml(text: str) -> Any:
    """The plain values of a YAML text. Raises one of ERRORS for what is none, or has an alias."""
    if "*" in text:  # the letter that begins an alias
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                at = f"line {event.start_mark.line + 1}: " if event.start_mark else ""
                raise ValueError(f"{at}aliases (*name) are not taken")
    return yaml.load(text, Loader=_LOADER)
