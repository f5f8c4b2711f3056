"""Options of a reconstruction with other numbers, for ablations."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from motionrecon.errors import OptionError
from motionrecon.pipeline import Options


def varied(options: Options, words: Sequence[str]) -> Options:
    """options, with the numbers that words as "momentum=0" name. Raises OptionError for a word that
    is none.
    """
    numbers = {f.name: f.type for f in fields(Options) if f.type in (float, int)}
    for word in words:
        name, _, value = word.partition("=")
        if name not in numbers:
            raise OptionError(f"--weights {word}: {name!r} is none of {', '.join(numbers)}")
        number: Any
        try:
            number = int(value) if numbers[name] is int else float(value)
            options = replace(options, **{name: number})
        except ValueError:
            raise OptionError(f"--weights {word}: expected NAME=NUMBER") from None
    return options
