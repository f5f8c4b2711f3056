"""How noisy a clip is, from the clip itself."""

from math import comb

import numpy as np

from motionrecon.clip.clip import Clip

ORDERS = range(2, 9)
_MIN_SAMPLES = 40
_SECONDS_PER_PIECE = 0.5


def estimate_noise(clip: Clip) -> float:
    """Standard deviation (m) of the noise on each coordinate of each keypoint, for noise that is
    white in time.

    A difference of order d of white noise of variance s^2 has variance binom(2d, d) s^2 (Rice's and
    von Neumann's estimator, carried to higher orders), while motion, whose spectrum falls off,
    leaves less of itself the higher the order: orders 2 to 8 are tried and the least estimate
    taken. Each joint, coordinate and half second has an estimate of its own (the median absolute
    difference, which a few outliers do not move); the median over all of them is not moved by what
    is fast for a while, a kicking foot or a landing. 0.0 for clips too short or too full of gaps.
    """
    best = np.inf
    for order in ORDERS:
        estimate = _of_order(clip.keypoints, clip.fps, order)
        if estimate is not None:
            best = min(best, estimate)
    return float(best) if np.isfinite(best) else 0.0


def _of_order(keypoints: np.ndarray, fps: float, order: int) -> float | None:
    """The estimate from differences of one order; None where fewer than _MIN_SAMPLES of them are
    known.
    """
    if len(keypoints) <= order + 2:
        return None
    difference = np.abs(np.diff(keypoints, order, axis=0)) / np.sqrt(comb(2 * order, order))
    if np.isfinite(difference).sum() < _MIN_SAMPLES:
        return None
    length = max(int(_SECONDS_PER_PIECE * fps), 12)
    pieces = [difference[start : start + length] for start in range(0, len(difference), length)]
    if len(pieces) > 1 and len(pieces[-1]) < length // 2:
        pieces[-2:] = [np.concatenate(pieces[-2:])]
    estimates = [_median_of_columns(piece.reshape(len(piece), -1)) for piece in pieces]
    # 0.6745 is the median of |x| for a standard normal x.
    return float(np.median(np.concatenate(estimates))) / 0.6745


def _median_of_columns(a: np.ndarray) -> np.ndarray:
    """Medians of the columns (n, m) that have at least 3 known values."""
    a = np.sort(a, axis=0)  # NaN last
    known = np.isfinite(a).sum(axis=0)
    column = np.flatnonzero(known >= 3)
    middle = known[column]
    return 0.5 * (a[(middle - 1) // 2, column] + a[middle // 2, column])
