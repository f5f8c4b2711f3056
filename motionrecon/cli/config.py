"""A YAML or TOML file of options, turned into the words that a command line would have said."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro

from motionrecon import plain_yaml
from motionrecon.cli.usage import UsageError
from motionrecon.inputs import read_input

LARGEST = 1 << 20  # bytes; a file of options is a few lines


@dataclass(frozen=True)
class Added:
    """A command's words with those of a file of options added.

    keys: the options that came from the file at `path`.
    """

    words: list[str]
    path: str | None = None
    keys: tuple[str, ...] = ()


def added(kind: type, words: Sequence[str]) -> Added:
    """The words, and for each option in the file named by --config that they leave out, its words.

    kind: the dataclass of the command's options. Raises UsageError for a file that cannot be used.
    """
    end = list(words).index("--") if "--" in words else len(words)
    path = _value_of("--config", words[:end])
    if path is None:
        return Added(list(words))
    known = option_types(kind)
    given = {_plain(w) for w in words[:end] if w.startswith("--")}
    more, keys = [], []
    for key, value in read_options(path).items():
        name = key.replace("_", "-")
        if name not in known or name == "config":
            choices = ", ".join(k for k in known if k != "config")
            raise UsageError(f"{path}: unknown option {key!r}: choose from {choices}")
        if value is not None and name not in given:
            more += _words(path, name, known[name], value)
            keys.append(name)
    return Added([*words[:end], *more, *words[end:]], path, tuple(keys))


def read_options(path: str) -> dict[str, Any]:
    """The mapping in a .yaml, .yml or .toml file. Raises UsageError for anything else."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in (".yaml", ".yml", ".toml"):
        raise UsageError(f"--config {path}: expected a file that ends in .yaml, .yml or .toml")
    if not file.exists():
        raise UsageError(f"--config {path}: no such file")
    try:
        text = read_input(file, UsageError, LARGEST).decode("utf-8")
        content = tomllib.loads(text) if suffix == ".toml" else plain_yaml.load_yaml(text)
    except plain_yaml.ERRORS as e:
        why = " ".join(str(e).split()) or type(e).__name__
        raise UsageError(f"--config {path}: cannot be read: {why}") from e
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(k, str) for k in content):
        raise UsageError(f"--config {path}: expected a mapping of option names to values")
    return content


def option_types(kind: type) -> dict[str, Any]:
    """Option name -> type of a dataclass of options, nested ones included, positionals left out."""
    out: dict[str, Any] = {}
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        hint, marks = hints[field.name], list[Any]()
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
        if is_dataclass(hint) and isinstance(hint, type):
            out |= option_types(hint)
        elif tyro.conf.Positional not in marks:
            renamed = [m.name for m in marks if getattr(m, "name", None)]
            out[renamed[0] if renamed else field.name.replace("_", "-")] = hint
    return out


def _words(path: str, name: str, hint: Any, value: Any) -> list[str]:
    where = f"{path}: {name}"
    if hint is bool:
        if not isinstance(value, bool):
            raise UsageError(f"{where}: expected true or false, found {_short(value)}")
        return [f"--{name}" if value else f"--no-{name}"]
    if any(get_origin(h) is tuple for h in (hint, *get_args(hint))):  # `tuple | None` as well
        if not isinstance(value, list) or any(map(_no_scalar, value)):
            raise UsageError(f"{where}: expected a list of values, found {_short(value)}")
        return [f"--{name}", *map(str, value)]
    if _no_scalar(value):
        raise UsageError(f"{where}: expected one value, found {_short(value)}")
    return [f"--{name}={value}"]


def _no_scalar(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, str | int | float)


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value)[:40]


def _value_of(option: str, words: Iterable[str]) -> str | None:
    value, next_is = None, False
    for word in words:
        if next_is:
            value, next_is = word, False
        elif word.startswith(f"{option}="):
            value = word[len(option) + 1 :]
        else:
            next_is = word == option
    return value


def _plain(word: str) -> str:
    return word[2:].partition("=")[0].replace("_", "-").removeprefix("no-")
