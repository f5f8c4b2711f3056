"""What ezc3d finds in a C3D, as plain arrays. Run by motionrecon.io.isolated as a file: it imports
nothing of ours.
"""

from typing import Any

import ezc3d
import numpy as np

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def parse(path: str) -> dict[str, np.ndarray]:
    """What ezc3d finds."""
    error = ""
    try:
        c = ezc3d.c3d(path, extract_forceplat_data=True)
    except Exception as e:  # noqa: BLE001  plates of a type that ezc3d does not know must not cost the markers
        error, c = " ".join(str(e).split()) or type(e).__name__, ezc3d.c3d(path)
    parameters, data = c["parameters"], c["data"]
    point = parameters["POINT"]
    labels = list(point.get("LABELS", {}).get("value", []))
    i = 2
    while f"LABELS{i}" in point:  # more than 255 labels continue here
        labels += point[f"LABELS{i}"]["value"]
        i += 1
    points = data["points"][:3].transpose(2, 1, 0)
    labels = (labels + [f"*{k}" for k in range(len(labels), points.shape[1])])[: points.shape[1]]
    units, rate = point.get("UNITS", {}).get("value", []), c["header"]["points"]["frame_rate"]
    out = {
        "points": np.where((data["meta_points"]["residuals"][0].T < 0)[..., None], np.nan, points),
        "labels": np.array([str(label).strip() for label in labels], dtype=str),
        "units": np.array(units[0] if units else ""),
        "rate": np.array(float(rate)),
        "plates": np.array(
            int(
                next(
                    iter(parameters.get("FORCE_PLATFORM", {}).get("USED", {}).get("value", [0])), 0
                )
            )
        ),
        "plates_error": np.array(error or "no analog channels"),
        "mass": np.array(_mass(parameters)),
    }
    platform = data.get("platform", [])
    if platform and platform[0]["force"].shape[1]:
        metres = [_METRES.get(str(p["unit_position"]).lower(), 0.001) for p in platform]
        analog_rate = float(c["header"]["analogs"]["frame_rate"])
        out["force"] = np.stack([p["force"].T for p in platform], axis=1)
        out["cop"] = np.stack(
            [p["center_of_pressure"].T * m for p, m in zip(platform, metres, strict=True)], axis=1
        )
        out["plate_time"] = np.arange(len(out["force"])) / analog_rate
    return out


def _mass(parameters: Any) -> float:
    """kg, as Vicon writes it (PROCESSING:Bodymass); NaN without."""
    for name, group in parameters.items():
        for key, parameter in group.items() if name.upper() == "PROCESSING" else ():
            if key.upper() == "BODYMASS" and np.size(parameter["value"]) == 1:
                try:
                    return float(parameter["value"][0])
                except (TypeError, ValueError):
                    return float("nan")
    return float("nan")
