"""Runs of frames: where a flag over time is up without a break."""

import numpy as np
from jaxtyping import Bool


def runs(flag: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """(first, after) of every run of True, in frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flag.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
