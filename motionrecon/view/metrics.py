"""The metrics table: a row a measure, a column a take."""

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


def rows(takes: list[Take]) -> list[dict]:
    """[{label, values: one a take (None where unknown), digits, lower: whether lower is better}]"""
    reports = [take.report for take in takes]
    out = [
        _row(
            label,
            [(r.get("result") or {}).get(key) for r in reports],
            digits,
            key not in _TAKEN_FROM_LIFE,
        )
        for key, label, digits in _RESULT
    ]
    for foot in ("left", "right"):
        plates = [((r.get("force_plates") or {}).get(foot) or {}) for r in reports]
        vertical = [(p.get("rmse_bw") or [None] * 3)[2] for p in plates]
        out.append(_row(f"{foot} force off plate, body weights", vertical, 2))
    ends = [
        [w["loss_end"] for w in r.get("windows", ()) if w.get("loss_end") is not None]
        for r in reports
    ]
    out += [
        _row("loss at the end, mean of windows", [sum(e) / len(e) if e else None for e in ends], 2),
        _row("evaluations", [r.get("evaluations") for r in reports], 0),
        _row("seconds optimising", [(r.get("seconds") or {}).get("optimise") for r in reports], 1),
        _row("status", [r.get("status") for r in reports], 0, False),
    ]
    return [row for row in out if any(v is not None for v in row["values"])]


def _row(label: str, values: list, digits: int, lower: bool = True) -> dict:
    return {"label": label, "values": values, "digits": digits, "lower": lower}
