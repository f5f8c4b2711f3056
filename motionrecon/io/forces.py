"""Files of ground forces that come beside a clip: OpenSim's .mot and .sto, Cortex's .forces."""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE, MOST_LABELS, ForceFile, Plates
from motionrecon.io.text import Numbers, each_line, number, read_text

# As OpenSim's users name them: ground_force_vx, 1_ground_force_vx, R_ground_force_vx,
# ground_force_r_vx, ground_force1_vx; p for the centre of pressure in place of v.
_OPENSIM = re.compile(r"^(?P<plate>.*?)(?P<what>[vp])(?P<axis>[xyz])$", re.IGNORECASE)
# OpenSim's adapter for C3D files, flattened: f1_1 f1_2 f1_3 p1_1 ...
_ADAPTER = re.compile(r"^(?P<what>[fp])(?P<plate>\d+)_(?P<axis>[123])$", re.IGNORECASE)
_CORTEX = re.compile(r"^(?P<what>F?)(?P<axis>[XYZ])(?P<plate>\d+)$")
_MOST_HEADER = 100  # lines

_Columns = dict[str, dict[str, int]]  # plate -> "vx" ... "pz" -> column


def read_forces(path: Path) -> ForceFile:
    """Raises ClipError for another extension, a file without force and centre of pressure of a
    plate, times that do not rise, and numbers that are none.
    """
    if path.suffix.lower() not in _READERS:
        raise ClipError(
            f"{path}: no reader for forces in '{path.suffix}' files; there are readers for "
            f"{', '.join(_READERS)}"
        )
    names, time, force, cop = _READERS[path.suffix.lower()](path)
    if len(time) < 2 or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise ClipError(
            f"{path}: expected at least two lines of forces whose times rise: the file is damaged"
        )
    with np.errstate(invalid="ignore"):  # infinity times 0
        largest = max(np.nanmax(np.abs(a), initial=0.0) for a in (time, force, cop))
    if not largest <= LARGEST_VALUE:
        raise ClipError(f"{path}: holds numbers beyond {LARGEST_VALUE:g}: the file is damaged")
    return ForceFile(path, Plates(time, force, cop), names)


_Content = tuple[  # names of the plates, time, force, centre of pressure
    tuple[str, ...],
    Float[np.ndarray, " G"],
    Float[np.ndarray, "G P 3"],
    Float[np.ndarray, "G P 3"],
]


def _read_storage(path: Path) -> _Content:
    """OpenSim's: a header that ends with endheader, a line of names, lines of numbers."""
    text = read_text(path)
    head = list(islice(each_line(text), _MOST_HEADER))
    end = next((i for i, line in enumerate(head) if line.strip().lower() == "endheader"), None)
    if end is None:
        raise ClipError(f"{path}: this is no OpenSim file: no line 'endheader'")
    at = next((i for i in range(end + 1, len(head)) if head[i].strip()), None)
    names = head[at].split() if at is not None else []
    if at is None or not names or names[0].lower() != "time":
        raise ClipError(f"{path}: no line of names that begins with 'time' follows 'endheader'")
    found = _plates(names, _OPENSIM, {"v": "v", "p": "p"})
    found = found or _plates(names, _ADAPTER, {"f": "v", "p": "p"})
    rows = _rows(path, text, at + 1, len(names), _wanted(path, found, [0]))
    return tuple(found), rows[:, 0], *_split(rows[:, 1:])


def _read_cortex(path: Path) -> _Content:
    """Motion Analysis's: SampleRate, then FX1 FY1 FZ1 X1 Y1 Z1 MZ1 ... under #Sample."""
    text = read_text(path)
    head = list(islice(each_line(text), _MOST_HEADER))
    said = dict(line.split("=", 1) for line in head if "=" in line)
    at = next((i for i, x in enumerate(head) if x.lower().startswith("#sample")), None)
    if at is None:
        raise ClipError(f"{path}: this is no Cortex file: no line of names begins with '#Sample'")
    try:
        rate = float(said.get("SampleRate", "nan"))
    except ValueError:
        rate = np.nan
    if not 0 < rate < 1e6:
        raise ClipError(f"{path}: SampleRate is missing or no rate; expected samples a second")
    names = head[at].split()
    found = _plates(names, _CORTEX, {"F": "v", "": "p"})
    rows = _rows(path, text, at + 1, len(names), _wanted(path, found, []))
    return tuple(found), np.arange(len(rows)) / rate, *_split(rows)


_READERS: dict[str, Callable[[Path], _Content]] = {
    ".mot": _read_storage,
    ".sto": _read_storage,
    ".forces": _read_cortex,
}


def _plates(names: list[str], pattern: re.Pattern[str], what: dict[str, str]) -> _Columns:
    found: _Columns = {}
    for i, name in enumerate(names):
        if m := pattern.match(name):
            kind = what.get(m["what"]) or what[m["what"].lower()]
            axis = m["axis"].lower().translate(str.maketrans("123", "xyz"))
            found.setdefault(m["plate"], {})[kind + axis] = i
    return {k: columns for k, columns in found.items() if len(columns) == 6}


def _wanted(path: Path, plates: _Columns, first: list[int]) -> list[int]:
    """The columns of time (`first`) and of every plate's force and centre of pressure."""
    if not 0 < len(plates) <= MOST_LABELS // 6:
        raise ClipError(
            f"{path}: no force plate: expected columns such as ground_force_vx, _vy, _vz and "
            "ground_force_px, _py, _pz (the centre of pressure)"
        )
    return first + [columns[w + a] for columns in plates.values() for w in "vp" for a in "xyz"]


def _split(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = table.reshape(len(table), -1, 2, 3)
    return both[:, :, 0], both[:, :, 1]


def _rows(path: Path, text: str, first: int, columns: int, wanted: list[int]) -> np.ndarray:
    found = Numbers(path)
    for i, line in enumerate(islice(each_line(text), first, None), first + 1):
        if not (fields := line.split()):
            continue
        if len(fields) != columns:
            raise ClipError(
                f"{path}: line {i} holds {len(fields)} values, the line of names asks for {columns}"
            )
        try:
            found.add([number(fields[k]) for k in wanted])
        except ValueError as error:
            raise ClipError(f"{path}: line {i} holds what is not a number ({error})") from error
    return found.table(len(wanted))
