"""Tables (CSV, TSV): wide, with columns hip_x, hip_y, hip_z (or hip.x ...), or long, one keypoint a
line.
"""

import csv
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import MOST_LABELS, Raw, ReadOptions, check_count, reader
from motionrecon.io.json_files import read_json
from motionrecon.io.table_headers import find_header
from motionrecon.io.text import Numbers, each_line, number, read_text

# A name ends with what is no separator: any other way to say it makes the search quadratic in a
# long run of them.
_AXIS = re.compile(
    r"^(?P<name>.*[^\s_.:/\-\[(])[\s_.:/\-\[(]*(?<![A-Za-z])(?P<axis>[xyzXYZ])[\])]?(?:\s*[\[(]?(?P<unit>mm|cm|m)[\])]?)?$"
)
_CONFIDENCE = re.compile(
    r"^(?P<name>.*[^\s_.:/\-])[\s_.:/\-]+(?:confidence|conf|score|visibility|likelihood)$",
    re.IGNORECASE,
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
_HEAD = 40  # rows: the line of column names is among the first 20
_LONGEST_LINE = 2**21  # characters: 30,000 columns of numbers take 600,000


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
    rows = _rows(path, text, separator)
    first = list(islice(rows, _HEAD))
    if (several := find_header(first)) is not None:
        plain = [re.sub(r"[^a-z0-9]", "", h.lower()) for h in several.columns]
        body = chain(first[several.first :], rows)
        raw = _wide(path, several.columns, plain, body, several.first + 1)
        return replace(
            raw, units=several.units or raw.units, fps=several.fps if raw.time is None else None
        )
    for at, row in enumerate(first[:20]):
        header = [c.strip().strip('"') for c in row]
        plain = [re.sub(r"[^a-z0-9]", "", h.lower()) for h in header]
        if {"x", "y", "z"} <= set(plain) and set(plain) & set(_NAME):
            return _long(path, plain, chain(first[at + 1 :], rows), at + 2)
        if sum(_AXIS.match(h) is not None for h in header) >= 9:
            return _wide(path, header, plain, chain(first[at + 1 :], rows), at + 2)
    raise ClipError(
        f"{path}: no line of column names found: expected NAME_x, NAME_y, NAME_z for each "
        "keypoint (wide), or columns "
        "frame, name, x, y, z (long)"
    )


def _rows(path: Path, text: str, separator: str) -> Iterator[list[str]]:
    """The rows that hold anything, one by one. Raises ClipError for what is no table."""
    if max(map(len, each_line(text))) > _LONGEST_LINE or text.count('"') % 2:
        raise ClipError(f"{path}: a line of millions of characters, or a quote that does not end")
    try:
        for row in csv.reader(each_line(text), delimiter=separator):
            if len(row) > 4 * MOST_LABELS:
                raise ClipError(
                    f"{path}: {len(row)} columns; expected at most {4 * MOST_LABELS}: no table of "
                    "keypoints"
                )
            if any(c.strip() for c in row):
                yield row
    except csv.Error as error:  # a field of more than 128 KiB, which only a damaged file has
        raise ClipError(f"{path}: this is no table, or it is damaged ({error})") from error


def _wide(
    path: Path, header: list[str], plain: list[str], rows: Iterable[list[str]], line: int
) -> Raw:
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
    found = Numbers(path)
    for k, row in enumerate(rows if names else ()):
        found.add(_cells(path, line + k, row, wanted))
    if not len(found):
        raise ClipError(f"{path}: no keypoint with all of x, y and z, or no line of numbers")
    table = found.table(len(wanted))
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


def _long(path: Path, plain: list[str], rows: Iterable[list[str]], line: int) -> Raw:
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
    column: dict[str, int] = {}  # of each name, in the order in which they come
    names, values = array("l"), Numbers(path)
    wanted = [at["x"], at["y"], at["z"], *(i for i in (frame, time, score) if i is not None)]
    for k, row in enumerate(rows):
        values.add(_cells(path, line + k, row, wanted))
        label = row[name].strip() if name < len(row) else ""
        names.append(column.setdefault(label, len(column)))
    table = values.table(len(wanted))
    if not len(table) or not np.isfinite(table[:, 3]).all():
        raise ClipError(f"{path}: the column '{plain[clock_column]}' is empty or has gaps")
    clock, row_of = np.unique(table[:, 3], return_inverse=True)
    labels = list(column)
    check_count(path, 3 * len(clock) * len(labels))
    where = (row_of, np.array(names))
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
