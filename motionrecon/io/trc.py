"""TRC, the marker file of Motion Analysis and OpenSim: tab-separated text with its rate and units
in the header.
"""

from itertools import islice
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import MOST_LABELS, Raw, ReadOptions, reader
from motionrecon.io.text import UNIT_WORDS, Numbers, each_line, number, read_text


@reader(".trc")
def read_trc(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Markers with blanks or NaN for what is missing, in the header's units. Raises ClipError for
    what is not a TRC.

    The columns are what the line of names says: the header's counts are often left wrong by tools
    that edit files.
    """
    text = read_text(path)
    head = list(islice(each_line(text), 22))
    at = next(
        (i for i, line in enumerate(head[:20]) if line.lower().lstrip().startswith("frame#")), None
    )
    if at is None or at < 2:
        raise ClipError(
            f"{path}: this is not a TRC file: no line of names that begins with 'Frame#'"
        )
    header = dict(zip(head[at - 2].split(), head[at - 1].split(), strict=False))
    names = _names(head[at])
    if not 0 < len(names) <= MOST_LABELS:
        raise ClipError(
            f"{path}: the line of names (line {at + 1}) names {len(names)} markers; expected 1 to "
            f"{MOST_LABELS}"
        )
    first = (
        at + 2 if at + 1 < len(head) and head[at + 1].strip().upper().startswith("X1") else at + 1
    )
    rows, columns = Numbers(path), 2 + 3 * len(names)
    for i, line in enumerate(islice(each_line(text), first, None), first + 1):
        if line.strip():
            rows.add(_row(path, i, line, columns))
    if not len(rows):
        raise ClipError(f"{path}: no frame follows the header")
    table = rows.table(columns)
    warnings = []
    declared = header.get("NumFrames", str(len(table)))
    if declared != str(len(table)):
        warnings.append(f"the header says {declared} frames, the file holds {len(table)}")
    if header.get("NumMarkers", str(len(names))) != str(len(names)):
        warnings.append(
            f"the header says {header['NumMarkers']} markers, the line of names holds {len(names)}"
        )
    units = header.get("Units", "").lower()
    return Raw(
        positions=table[:, 2:].reshape(len(table), -1, 3),
        names=names,
        fps=_rate(path, header),
        time=table[:, 1] if np.isfinite(table[:, 1]).all() and len(table) > 1 else None,
        units=UNIT_WORDS.get(units),
        findings=(f"TRC: {len(names)} markers",),
        warnings=tuple(warnings),
    )


def _names(line: str) -> tuple[str, ...]:
    """One name every three columns after Frame# and Time; separated by spaces where a tool has lost
    the tabs.
    """
    fields = line.rstrip().split("\t")
    if len(fields) < 3:
        return tuple(line.split()[2:])
    return tuple(f.strip() for f in fields[2:] if f.strip())


def _row(path: Path, line: int, text: str, columns: int) -> list[float]:
    fields = text.split("\t") if "\t" in text else text.split()
    while len(fields) > columns and not fields[-1].strip():
        fields.pop()
    if len(fields) > columns:
        raise ClipError(
            f"{path}: line {line} holds {len(fields)} values, the line of names asks for {columns}"
        )
    try:
        values = [number(f) for f in fields]
    except ValueError as error:
        raise ClipError(f"{path}: line {line} holds what is not a number ({error})") from error
    return values + [np.nan] * (columns - len(values))


def _rate(path: Path, header: dict[str, str]) -> float | None:
    try:
        rate = float(header.get("DataRate", "nan"))
    except ValueError as error:
        raise ClipError(
            f"{path}: DataRate is '{header['DataRate']}'; expected a number, or give --fps"
        ) from error
    return rate if np.isfinite(rate) and rate > 0 else None
