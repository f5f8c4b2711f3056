"""Rotations over time."""

import numpy as np


def one_hemisphere(quat: np.ndarray) -> np.ndarray:
    """quat (T, ..., 4) with signs chosen so that each is near the one before: readers blend between
    keys.
    """
    if len(quat) < 2:
        return quat
    turns = np.where((quat[1:] * quat[:-1]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    return quat * np.concatenate([np.ones_like(turns[:1]), np.cumprod(turns, axis=0)])
