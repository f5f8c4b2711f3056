"""What a saved motion holds, said once: the fields of `Motion` and `Report` declare shape, unit,
frame and meaning; the checks on load and the tables of the documents are made from them.
"""

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from motionrecon.errors import MotionError
from motionrecon.motion.columns import blocks

SYMBOLS = {
    "T": "frames at the clip's rate",
    "N": "simulation steps",
    "K": "keypoints",
    "S": "segments that touched the floor",
    "P": "the floor and the scene's supports",
    "nq": "coordinates",
    "nv": "degrees of freedom",
    "nu": "hinges, each with a servo",
}
_KEY = "schema"


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a field says about itself.

    unit: "" for none; frame: "" where none applies; nan: where values may be missing, in words;
    optional: whether a file may lack it; positive: a number above 0.
    """

    unit: str
    meaning: str
    frame: str = ""
    nan: str = ""
    optional: bool = False
    positive: bool = False


@dataclasses.dataclass(frozen=True)
class Array:
    """A declared array of motion.npz: shape of SYMBOLS and sizes, kind "f" (float), "U" (text)."""

    name: str
    shape: tuple[str, ...]
    kind: str
    entry: Entry


def declare(
    unit: str, meaning: str, *, default: Any = dataclasses.MISSING, frame: str = "", **more: Any
) -> Any:
    """A dataclass field with its Entry. default: a value, or a type whose empty value it is."""
    metadata = {_KEY: Entry(unit, meaning, frame, **more)}
    if isinstance(default, type):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def entries(cls: type) -> dict[str, Entry]:
    """The declared fields of a dataclass, in order."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(cls) if _KEY in f.metadata}


def arrays(cls: type) -> tuple[Array, ...]:
    """The arrays that a dataclass declares, in the order of the file."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(Array(name, *_shape(hints[name]), entry) for name, entry in entries(cls).items())


def of_steps(cls: type) -> tuple[str, ...]:
    """Names of the arrays over the simulation's steps, N of SYMBOLS."""
    return tuple(a.name for a in arrays(cls) if a.shape and a.shape[0].partition("+")[0] == "N")


def _shape(hint: Any) -> tuple[tuple[str, ...], str]:
    """Shape and kind of an annotation: jaxtyping's, float, str, Annotated[tuple[str, ...], "K"]."""
    if hint is float or hint is str:
        return (), "f" if hint is float else "U"
    for option in (hint, *typing.get_args(hint)):  # of "... | None"
        if hasattr(option, "dim_str"):
            return tuple(option.dim_str.split()), "f"
        if hasattr(option, "__metadata__"):
            return (option.__metadata__[0],), "U"
    raise TypeError(f"{hint} declares no array")


def check(found: Mapping[str, np.ndarray], declared: Iterable[Array], path: Path) -> None:
    """Raises MotionError, in one line that names the file and the array, where arrays are missing,
    of another kind or shape than declared, or not finite where they must be.
    """
    declared = tuple(declared)
    if absent := [a.name for a in declared if a.name not in found and not a.entry.optional]:
        raise MotionError(
            f"{path}: not a motion: no array {', '.join(absent)}; give a motion.npz that "
            "reconstruct wrote"
        )
    sizes: dict[str, int] = {}
    for a in declared:
        if a.name in found:
            _check_array(found[a.name], a, sizes, path)


def _check_array(values: np.ndarray, a: Array, sizes: dict[str, int], path: Path) -> None:
    kind = {"f": "floats", "U": "text"}[a.kind]
    fits = values.ndim == len(a.shape) and values.size > 0
    for symbol, size in zip(a.shape, values.shape, strict=False):
        fits = fits and _size(symbol, size, sizes) == size
    if values.dtype.kind != a.kind or not fits:
        known = ", ".join(f"{k} = {sizes[k]}" for k in _letters(a.shape) if k in sizes)
        raise MotionError(
            f"{path}: '{a.name}' has type {values.dtype} and shape {values.shape}; expected {kind} "
            f"of shape {shape_text(a)}{' with ' if known else ''}{known}"
        )
    if a.kind == "f" and not a.entry.nan and not np.isfinite(values).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise MotionError(
            f"{path}: '{a.name}' is not finite{f' at {first}' if first else ''}; expected numbers; "
            "reconstruct the motion again"
        )
    if a.entry.positive and not values > 0:
        raise MotionError(f"{path}: '{a.name}' is {values}; expected a positive number")


def not_finite(found: Mapping[str, np.ndarray], declared: Iterable[Array]) -> list[str]:
    """Names of the arrays that hold values which are no numbers though all must be."""
    return [
        a.name
        for a in declared
        if a.kind == "f" and not a.entry.nan and a.name in found and not _finite(found[a.name])
    ]


def _finite(values: np.ndarray) -> bool:
    rows = blocks(values) if values.ndim else [values]
    return all(bool(np.isfinite(r).all()) for r in rows)


def _size(symbol: str, size: int, sizes: dict[str, int]) -> int:
    """What an axis must measure; the first array with a symbol decides."""
    if symbol.isdigit():
        return int(symbol)
    letters, _, more = symbol.partition("+")
    return sizes.setdefault(letters, size - int(more or 0)) + int(more or 0)


def _letters(shape: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(s.partition("+")[0] for s in shape if not s.isdigit()))


def shape_text(a: Array) -> str:
    """As NumPy writes shapes: "(T, K, 3)", "(T,)", "()"."""
    return f"({', '.join(a.shape)}{',' if len(a.shape) == 1 else ''})"


def array_table(cls: type) -> str:
    """Markdown: a row an array, and a line that explains the symbols."""
    lines = ["| array | shape | unit | frame | meaning |", "|---|---|---|---|---|"]
    for a in arrays(cls):
        meaning = a.entry.meaning + (f"; NaN {a.entry.nan}" if a.entry.nan else "")
        meaning += "; optional" if a.entry.optional else ""
        cells = (f"`{a.name}`", shape_text(a), a.entry.unit, a.entry.frame, meaning)
        lines.append(f"| {' | '.join(cells)} |")
    symbols = "; ".join(f"{k} {meaning}" for k, meaning in SYMBOLS.items())
    return "\n".join([*lines, "", f"{symbols}."])


def entry_table(cls: type) -> str:
    """Markdown: a row a key of a JSON object."""
    lines = ["| key | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {e.unit} | {e.meaning} |" for name, e in entries(cls).items()]
    return "\n".join(lines)
