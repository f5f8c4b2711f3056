"""Tab-separated tables of OpenSim's storage format (.mot, .sto)."""

from pathlib import Path

import numpy as np


def write_storage(
    path: Path, title: str, columns: list[str], values: np.ndarray, degrees: bool = True
) -> None:
    """columns: names, time first; values (T, C). degrees: whether angles are, or there are none."""
    head = [
        title,
        "version=1",
        f"nRows={len(values)}",
        f"nColumns={len(columns)}",
        f"inDegrees={'yes' if degrees else 'no'}",
        "endheader",
    ]
    with path.open("w", newline="\n") as file:
        file.write("\n".join([*head, "\t".join(columns)]) + "\n")
        np.savetxt(file, values, fmt="%.9g", delimiter="\t")
