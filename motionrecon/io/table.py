"""Tables (CSV, TSV): wide, with columns hip_x, hip_y, hip_z (or hip.x ...), or long, one keypoint a
line.
"""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import MOST_NUMBERS, Raw, ReadOptions, reader
from motionrecon.io.json_files import read_json
from motionrecon.io.table_headers import find_header
from motionrecon.io.text import number, read_text

_AXIS = re.compile(
    r"^(?P<name>.+?)[\s_.:/\-\[(]*(?<![A-Za-z])(?P<axis>[xyzXYZ])[\])]?(?:\s*[\[(]?(?P<unit>mm|cm|m)[\])]?)?$"
)
_CONFIDENCE = re.compile(
    r"^(?P<name>.+?)[\s_.:/\-]+(?:confidence|conf|score|visibility|likelihood)$", re.IGNORECASE
)
_TIME = ("time", "times", "timestamp", "timestamps", "t", "seconds", "timesec", "timeseconds")
_FRAME = ("frame", "frames", "framenumber", "frameid", "frameindex", "index")
_NAME = (
    "name",
    "keypoint",
    "keypointname",
    "joint",
    "jointname",
    "marker",
    "label",
    "landmark",
    "bodypart",
    "model",
)
_MOST_LONG = 3_000_000


@reader(".csv", ".tsv", ".txt")
def read_table(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Keypoints by the header's names; a column of time gives the rate. Raises ClipError where the
    header says nothing.
    """
    text = read_text(path)
    if text.lstrip()[:1] in "{[" and path.suffix.lower() == ".txt":
        return read_json(path, options)
    head = text[:20000]
    separator = max("\t;,", key=head.count)
    lines = text.split("\n") if _plain(text) else []
    rows = [r for r in csv.reader(lines, delimiter=separator) if any(c.strip() for c in r)]
    if (several := find_header(rows)) is not None:
        plain = [re.sub(r"[^a-z0-9]", "", h.lower()) for h in several.columns]
        raw = _wide(path, several.columns, plain, rows[several.first :], several.first + 1)
        return replace(
            raw, units=several.units or raw.units, fps=several.fps if raw.time is None else None
        )
    for at, row in enumerate(rows[:20]):
        header = [c.strip().strip('"') for c in row]
        plain = [re.sub(r"[^a-z0-9]", "", h.lower()) for h in header]
        if {"x", "y", "z"} <= set(plain) and set(plain) & set(_NAME):
            return _long(path, plain, rows[at + 1 :], at + 2)
        if sum(_AXIS.match(h) is not None for h in header) >= 9:
            return _wide(path, header, plain, rows[at + 1 :], at + 2)
    raise ClipError(
        f"{path}: no line of column names found: expected NAME_x, NAME_y, NAME_z for each "
        "keypoint (wide), or columns "
        "frame, name, x, y, z (long)"
    )


def _plain(text: str) -> bool:
    """csv refuses fields of more than 128 KiB, which only a damaged file has."""
    return max(map(len, text.split("\n"))) < 10_000_000 and text.count('"') % 2 == 0


def _wide(path: Path, header: list[str], plain: list[str], rows: list[list[str]], line: int) -> Raw:
    columns: dict[str, dict[str, int]] = {}
    units = set()
    for i, text in enumerate(header):
        if (m := _AXIS.match(text)) and plain[i] not in (*_TIME, *_FRAME):
            if m["axis"].lower() in columns.setdefault(m["name"], {}):
                raise ClipError(f"{path}: column '{text}' stands twice")
            columns[m["name"]][m["axis"].lower()] = i
            units.add(m["unit"])
    names = [n for n, axes in columns.items() if len(axes) == 3]
    confidence = {m["name"]: i for i, h in enumerate(header) if (m := _CONFIDENCE.match(h))}
    time = next((i for i, p in enumerate(plain) if p in _TIME), None)
    wanted = [columns[n][a] for n in names for a in "xyz"] + [
        confidence[n] for n in names if n in confidence
    ]
    wanted += [time] if time is not None else []
    if len(wanted) * len(rows) > MOST_NUMBERS:
        raise ClipError(
            f"{path}: {len(names)} keypoints in {len(rows)} lines: it is damaged, or must be cut "
            "into pieces"
        )
    table = np.array([_cells(path, line + k, row, wanted) for k, row in enumerate(rows)])
    if not len(table) or not names:
        raise ClipError(f"{path}: no keypoint with all of x, y and z, or no line of numbers")
    seen = np.ones((len(table), len(names)))
    given = [j for j, n in enumerate(names) if n in confidence]
    seen[:, given] = table[:, 3 * len(names) : 3 * len(names) + len(given)]
    return Raw(
        positions=table[:, : 3 * len(names)].reshape(len(table), -1, 3),
        names=tuple(names),
        time=None
        if time is None or not np.isfinite(table[:, -1]).all()
        else _seconds(table[:, -1], header[time]),
        units=next(iter(units)) if len(units) == 1 else None,
        confidence=seen if given else None,
        findings=(f"table: {len(names)} keypoints in columns",),
    )


def _long(path: Path, plain: list[str], rows: list[list[str]], line: int) -> Raw:
    at = {k: plain.index(k) for k in "xyz"}
    name = next(i for i, p in enumerate(plain) if p in _NAME)
    frame = next((i for i, p in enumerate(plain) if p in _FRAME), None)
    time = next((i for i, p in enumerate(plain) if p in _TIME), None)
    score = next(
        (i for i, p in enumerate(plain) if p in ("confidence", "conf", "score", "visibility")), None
    )
    clock_column = frame if frame is not None else time
    if clock_column is None:
        raise ClipError(f"{path}: a long table needs a column 'frame' or 'time'")
    keys, names, values = [], [], []
    wanted = [at["x"], at["y"], at["z"], *(i for i in (frame, time, score) if i is not None)]
    for k, row in enumerate(rows):
        cells = _cells(path, line + k, row, wanted)
        names.append(row[name].strip() if name < len(row) else "")
        keys.append(cells[3])
        values.append(cells)
    if not keys or not np.isfinite(keys).all():
        raise ClipError(f"{path}: the column '{plain[clock_column]}' is empty or has gaps")
    clock, row_of = np.unique(keys, return_inverse=True)
    labels = list(dict.fromkeys(names))
    column = {n: i for i, n in enumerate(labels)}
    if len(clock) * len(labels) > _MOST_LONG:
        raise ClipError(
            f"{path}: {len(labels)} names in {len(clock)} frames: the column of names or frames "
            "is damaged"
        )
    table = np.array(values)
    where = (row_of, np.array([column[n] for n in names]))
    positions, seen = (
        np.full((len(clock), len(labels), 3), np.nan),
        np.zeros((len(clock), len(labels))),
    )
    positions[where], seen[where] = table[:, :3], table[:, -1] if score is not None else 1.0
    stamps = None
    if time is not None:
        stamps = np.full(len(clock), np.nan)
        stamps[row_of] = table[:, 3 + (frame is not None)]
    finding = (f"table: {len(labels)} keypoints, one a line",)
    return Raw(
        positions,
        tuple(labels),
        time=stamps,
        confidence=seen if score is not None else None,
        findings=finding,
    )


def _cells(path: Path, line: int, row: list[str], wanted: list[int]) -> list[float]:
    try:
        return [number(row[i]) if i < len(row) else np.nan for i in wanted]
    except ValueError as error:
        raise ClipError(f"{path}: line {line} holds what is not a number ({error})") from error


def _seconds(stamps: np.ndarray, header: str) -> np.ndarray:
    """Milliseconds where the header says so, or where no rate of keypoints could be meant
    otherwise.
    """
    step = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    return (
        stamps / 1000.0
        if re.search(r"\bms\b|_ms|msec|milli", header.lower()) or 3 < step < 60
        else stamps
    )
