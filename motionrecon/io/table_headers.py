"""Headers of several lines, as motion capture programs write them, brought to one line of NAME_x,
NAME_y, NAME_z.

Motive and DeepLabCut put names above a line of X, Y, Z; Qualisys names its markers in a line
MARKER_NAMES.
"""

from dataclasses import dataclass

from motionrecon.io.text import UNIT_WORDS

_RATES = ("frequency", "exportframerate", "captureframerate")
_MOST_LINES = 20


@dataclass(frozen=True)
class Header:
    """columns: one name a column; first: the row of the first numbers; units and fps where the
    header states them.
    """

    columns: list[str]
    first: int
    units: str | None = None
    fps: float | None = None


def find_header(rows: list[list[str]]) -> Header | None:
    """The header of a table whose first rows these are; None where it is not of several lines."""
    said: dict[str, str] = {}
    for row in rows[:_MOST_LINES]:
        cells = [c.strip() for c in row]
        for key, value in zip(cells, cells[1:], strict=False):
            said.setdefault("".join(key.lower().split()), value)
    units = UNIT_WORDS.get(said.get("lengthunits", "").lower())
    fps = next((_rate(said[k]) for k in _RATES if k in said), None)
    for at, row in enumerate(rows[:_MOST_LINES]):
        cells = [c.strip() for c in row]
        if sum(c.lower() in ("x", "y", "z") for c in cells) >= 9 and (
            columns := _stacked(rows[:at], cells)
        ):
            return Header(columns, at + 1, units, fps)
        if cells[0].upper() == "MARKER_NAMES" and at + 1 < len(rows):
            return _qualisys([c for c in cells[1:] if c], rows, at + 1, fps)
    return None


def _rate(text: str) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 0 < rate < 1e6 else None


def _stacked(above: list[list[str]], axes: list[str]) -> list[str] | None:
    """Columns named by the line above whose own name is Name or bodyparts; rotations are left
    out.
    """
    named = [
        r
        for r in above
        if any(c.strip().lower() in ("name", "bodyparts", "bodypart") for c in r[:2])
    ]
    if not named:
        return None
    kinds = [r for r in above if any(c.strip().lower() == "rotation" for c in r)]
    columns, name = [], ""
    for i, axis in enumerate(axes):
        name = named[-1][i].strip() if i < len(named[-1]) and named[-1][i].strip() else name
        turned = any(i < len(r) and r[i].strip().lower() == "rotation" for r in kinds)
        nobody = name.lower().startswith("unlabeled")
        is_axis = axis.lower() in ("x", "y", "z") and not turned and not nobody
        columns.append(
            f"{name}_{axis.lower()}" if is_axis else axis if not turned and not nobody else ""
        )
    return columns


def _qualisys(
    names: list[str], rows: list[list[str]], first: int, fps: float | None
) -> Header | None:
    """Numbers follow at once, or after a line of column names, which the wide reader then takes."""
    width = len([c for c in rows[first] if c.strip()])
    columns = [f"{n}_{a}" for n in names for a in "xyz"]
    if rows[first][0].strip()[:1].isalpha():
        return None
    before = {0: [], 2: ["frame", "time"]}.get(width - len(columns))
    return None if before is None else Header([*before, *columns], first, fps=fps)
