"""``motionrecon benchmark [NAME ...]``: lists the studies, or runs one with options of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from motionrecon.cli.console import Common, Console
from motionrecon.cli.parse import parse
from motionrecon.cli.usage import UsageError
from motionrecon.cli.words import unset
from motionrecon_benchmarks import STUDIES


@dataclass(frozen=True)
class BenchmarkOptions:
    """The studies behind the documentation's figures; without a name, a list of them."""

    name: Annotated[Positional[str | None], unset("NAME ...")] = None
    """the study, and its own options (motionrecon benchmark NAME --help)"""
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: BenchmarkOptions, console: Console) -> int:
    """Lists the studies. Exit code 0."""
    if o.name is not None:
        raise UsageError(f"the study's name comes first: motionrecon benchmark {o.name} ...")
    width = max(map(len, STUDIES))
    console.say(*(f"{name:<{width}}  {summary}" for name, summary in STUDIES.items()))
    console.report({"studies": STUDIES})
    return 0


def study(name: str, words: Sequence[str]) -> int:
    """Runs the study of that name with the words of its own options. Raises UsageError."""
    if name not in STUDIES:
        near = get_close_matches(name, STUDIES, 1)
        meant = f" (perhaps {near[0]})" if near else ""
        raise UsageError(f"unknown study {name!r}{meant}: choose one of {', '.join(STUDIES)}")
    module = import_module(f"motionrecon_benchmarks.{name}")
    return module.main(parse(module.Study, words, f"motionrecon benchmark {name}"))
