"""The metrics table: a row a measure, a column a take."""

from collections.abc import Sequence
from typing import TypedDict

from motionrecon.physics.floor_forces import FEET
from motionrecon.view.take import Take

_RESULT = (  # key of the report's result, label, digits
    ("mpjpe_g_mm", "MPJPE-G, mm", 1),
    ("mpjpe_mm", "MPJPE, mm", 1),
    ("pa_mpjpe_mm", "PA-MPJPE, mm", 1),
    ("accel_error_m_s2", "acceleration error, m/s²", 1),
    ("foot_skate_percent", "foot skate, %", 1),
    ("penetration_mm", "penetration, mm", 1),
    ("jitter", "jitter, 10 m/s³", 1),
    ("float_mm", "float, mm", 1),
)
_TAKEN_FROM_LIFE = ("jitter", "float_mm")  # a leap has both: less is not better


class Row(TypedDict):
    """A measure: its value a take (None where unknown), digits to show, whether less is better."""

    label: str
    values: list[float | str | None]
    digits: int
    lower: bool


def rows(takes: list[Take]) -> list[Row]:
    """The measures that at least one take has."""
    reports = [take.report for take in takes]
    out = [
        _row(
            label,
            [getattr(r.result, key) if r else None for r in reports],
            digits,
            key not in _TAKEN_FROM_LIFE,
        )
        for key, label, digits in _RESULT
    ]
    for foot in FEET:
        plates = [(r.force_plates or {}).get(foot) if r else None for r in reports]
        vertical = [p.rmse_bw[2] if p else None for p in plates]
        out.append(_row(f"{foot} force off plate, body weights", vertical, 2))
    verdicts = [r.verdict.verdict if r and r.verdict else None for r in reports]
    ends = [[w.loss_end for w in take.windows if w.loss_end is not None] for take in takes]
    out += [
        _row("loss at the end, mean of windows", [sum(e) / len(e) if e else None for e in ends], 2),
        _row("evaluations", [r.evaluations if r else None for r in reports], 0),
        _row("seconds optimising", [r.seconds.optimise if r else None for r in reports], 1),
        _row("status", [r.status if r else None for r in reports], 0, False),
        _row("verdict", verdicts, 0, False),
    ]
    return [row for row in out if any(v is not None for v in row["values"])]


def _row(label: str, values: Sequence[float | str | None], digits: int, lower: bool = True) -> Row:
    return {"label": label, "values": list(values), "digits": digits, "lower": lower}
