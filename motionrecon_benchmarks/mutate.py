"""Edits that make a good file a bad one: of its bytes, its words and lines, its arrays, its values.

An edit is a tuple: what is edited, where (0 to 1, a share of the places there are), and with what.
Hypothesis draws them, and makes those that lead to a failure fewer and simpler.
"""

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from motionrecon_benchmarks.damaged import KINDS, damage

Edit = tuple[str, float, Any]

WORDS = (
    *("0", "-1", "1e308", "-1e-320", "nan", "inf", "99999999", "4294967296", "0x10", "1e400"),
    *("9" * 400, "²", "٣", "\x1b[31m", "\udcff", "\u202e", "_" * 5000, "x" * 200_000, "\U0001f600"),
    *("{", "}", "[", "]", '"', "'", ",", ";", "\t", "<", ">", "&a", "*a", "#", "[" * 3000, "null"),
    *("<include file='/etc/hostname'/>", "X", "x", "end", "root", "MOTION", "HIERARCHY", "Frame#"),
)
LINES = ("drop", "double", "swap", "many", "cut")
VALUES: tuple[Any, ...] = (
    *(None, True, "", "x" * 1000, "\x1b", [], {}, [[]], [[[]]], {"a": 1}, 0, -1, 10**400, 1e308),
    *(float("nan"), float("inf"), [1, [2]], ["1"], [None] * 17, 1e-320, 20_001, 2**63),
)
ARRAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda a: np.zeros(0),
    lambda a: np.array(np.nan),
    lambda a: np.zeros((0, 17, 3)),
    lambda a: np.zeros((5, 0, 3)),
    lambda a: np.full(a.shape, np.inf),
    lambda a: np.full(a.shape, np.nan),
    lambda a: np.full(a.shape, 1e300),
    lambda a: np.zeros(a.shape, np.uint8),
    lambda a: np.zeros(a.shape, bool),
    lambda a: np.zeros(a.shape, complex),
    lambda a: np.zeros(a.shape, "M8[s]"),
    lambda a: np.full(a.shape, "x" * 600),
    lambda a: np.full(a.shape, b"\xff"),
    lambda a: np.zeros(a.shape, [("x", float)]),
    lambda a: np.array([None, {}], object),
    lambda a: np.atleast_1d(a)[:3],
    lambda a: np.repeat(np.atleast_1d(a), 3, axis=0),
    lambda a: np.atleast_1d(a)[..., None],
    lambda a: np.atleast_1d(a)[::-1],
    lambda a: np.atleast_1d(a).T,
    lambda a: np.zeros((3_000_000, 3), np.uint8),
)
# arrays of an archive that no sample holds
MORE = ("body_mass_kg", "grf_time", "grf_force", "grf_cop", "grf_names", "time", "confidence", "up")

_LARGEST = 2**22  # bytes, of what is edited again: edits take a hundred times as much memory
_WHERE = st.floats(0, 1, exclude_max=True)
EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.one_of(
        st.tuples(st.just("word"), _WHERE, st.sampled_from(WORDS) | st.text(max_size=8)),
        st.tuples(st.just("line"), _WHERE, st.sampled_from(LINES)),
        st.tuples(st.just("array"), _WHERE, st.integers(0, len(ARRAYS) - 1)),
        st.tuples(st.just("value"), _WHERE, st.sampled_from(VALUES)),
        st.tuples(st.sampled_from(KINDS), _WHERE, st.integers(0, 2**32 - 1)),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: Iterable[Edit]) -> bytes:
    """The content after the edits; one that does not fit the content takes its bytes instead."""
    for what, where, how in edits:
        if len(content) > _LARGEST:
            break
        try:
            edit = _EDITS.get(what)
            content = edit(content, where, how) if edit else _bytes(content, what, how)
        except Exception:  # noqa: BLE001  the content is not, or no longer, of that kind
            content = _bytes(content, KINDS[int(where * len(KINDS))], int(where * 2**32))
    return content


def _bytes(content: bytes, kind: str, seed: int) -> bytes:
    try:
        return damage(content, kind, np.random.default_rng(seed))
    except Exception:  # noqa: BLE001  inside of an archive that is none any more
        return content[: len(content) // 2]


def _word(content: bytes, where: float, word: str) -> bytes:
    """A word, or what stands between two, replaced."""
    text = content.decode("utf-8")
    places = [m.span() for m in re.finditer(r"[^\s,;:<>\[\]{}\"=]+", text)]
    first, after = places[int(where * len(places))]
    return (text[:first] + word + text[after:]).encode("utf-8", "surrogateescape")


def _line(content: bytes, where: float, how: str) -> bytes:
    lines = content.decode("utf-8").split("\n")
    at = int(where * len(lines))
    if how == "drop":
        del lines[at]
    elif how == "double":
        lines.insert(at, lines[at])
    elif how == "swap":
        lines[at], lines[at // 2] = lines[at // 2], lines[at]
    elif how == "many":
        lines[at : at + 1] = [lines[at]] * min(2000, 2**23 // (len(lines[at]) + 1))
    else:
        lines[at] = lines[at][: len(lines[at]) // 2]
    return "\n".join(lines).encode()


def _array(content: bytes, where: float, which: int) -> bytes:
    """An array of an archive replaced, removed, or added."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {k: archive[k] for k in archive.files}
    names = [*arrays, *MORE, ""]
    name = names[int(where * len(names))]
    if name:
        like = arrays.get(name, np.arange(39.0))
        arrays[name] = ARRAYS[which](like)
    else:
        del arrays[list(arrays)[which % len(arrays)]]
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=True, **arrays)
    return out.getvalue()


def _value(content: bytes, where: float, value: Any) -> bytes:
    """A value of a JSON text, at any depth, replaced."""
    table = json.loads(content)
    top: dict[Any, Any] = {"": table}
    holder: Any = top
    key: Any = ""
    left = where
    while True:
        inside = holder[key]
        if not isinstance(inside, dict | list) or not inside or left < 0.1:
            holder[key] = value
            return json.dumps(top[""]).encode()
        keys: Any = list(inside) if isinstance(inside, dict) else range(len(inside))
        at = (left - 0.1) / 0.9 * len(keys)
        holder, key, left = inside, keys[int(at)], at % 1.0


_EDITS: dict[str, Callable[[bytes, float, Any], bytes]] = {
    "word": _word,
    "line": _line,
    "array": _array,
    "value": _value,
}
