"""What lies between the frames in which a point is seen."""

import numpy as np
from jaxtyping import Float


def bridged(at: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    """Gaps (NaN) bridged linearly, the ends held; NaN throughout for what is never seen."""
    seen, frames = np.isfinite(at).all(axis=1), np.arange(len(at))
    if not seen.any():
        return np.full(at.shape, np.nan)
    return np.stack([np.interp(frames, frames[seen], column[seen]) for column in at.T], axis=1)
