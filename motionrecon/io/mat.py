"""MATLAB files: the MoCap Toolbox's structures (Burger and Toiviainen 2013), or arrays by name.

scipy.io parses them in a process of its own (motionrecon.io.isolated).
"""

from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io import isolated
from motionrecon.io.base import MOST_LABELS, Raw, ReadOptions, check_count, reader
from motionrecon.io.npz import from_arrays


@reader(".mat")
def read_mat(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Markers of a structure with data (T, 3 M), markerName and freq (Hz); else arrays named as
    those of an npz. Raises ClipError for what is neither, is damaged, or of version 7.3.
    """
    content = isolated.run(path, "mat_child.py", path)
    if "data" not in content:
        entries = {k[6:]: v for k, v in content.items() if k.startswith("entry:")}
        return from_arrays(path, entries, entries)
    data, names = np.atleast_2d(content["data"]), tuple(str(n).strip() for n in content["names"])
    if data.ndim != 2 or data.shape[1] != 3 * len(names) or not 0 < len(names) <= MOST_LABELS:
        raise ClipError(
            f"{path}: 'data' has shape {data.shape} for {len(names)} names in markerName; expected "
            "three columns a marker, and at least one"
        )
    check_count(path, data.size)
    rate = content["freq"].reshape(-1)
    return Raw(
        positions=data.reshape(len(data), -1, 3),
        names=names,
        fps=float(rate[0]) if rate.size == 1 and np.isfinite(rate[0]) and rate[0] > 0 else None,
        likely_units=("mm", "cm", "m"),
        findings=(f"MoCap Toolbox: {len(names)} markers",),
    )
