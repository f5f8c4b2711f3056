"""What scipy.io finds in a MATLAB file, as plain arrays. Run by motionrecon.io.isolated as a file:
it imports nothing of ours.
"""

from typing import Any

import numpy as np
from scipy.io import loadmat


def parse(path: str) -> dict[str, np.ndarray]:
    """data, names and freq of the first structure that is one of the MoCap Toolbox's; else
    entry:NAME of every plain array.
    """
    try:
        content = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise ValueError("it is a MATLAB 7.3 file: save it with -v7") from error
    for value in content.values():
        if isinstance(value, dict) and {"data", "markerName", "freq"} <= set(value):
            return {
                "data": _plain(value["data"]),
                "names": np.atleast_1d(np.array(value["markerName"], dtype=str)),
                "freq": _plain(value["freq"]),
            }
    found = {f"entry:{k}": np.asarray(v) for k, v in content.items() if not k.startswith("__")}
    return {k: a for k, a in found.items() if a.dtype.kind in "fiubUS"}


def _plain(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"its structure holds {array.dtype} in place of numbers")
    return array.astype(float)
