"""Keypoints in a body's order, and what to do where they are missing or have leapt away."""

import warnings

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip

# m off the running median, beyond what the motion around explains: six times the largest that any
# keypoint of 44 clean clips comes to (20 mm; the median over clips is 0)
_LEAP = 0.12


def gather(body: Body, clip: Clip) -> tuple[Float[np.ndarray, "T K 3"], Float[np.ndarray, "T K"]]:
    """(T, K, 3) keypoints and (T, K) confidences of the clip in the order of the body's
    keypoints.
    """
    column = {n: i for i, n in enumerate(clip.names)}
    use = [column[n] for n in body.keypoint_names]
    # C order, or the compiled loops would be compiled once more for another layout
    return (
        np.ascontiguousarray(clip.keypoints[:, use], float),
        np.ascontiguousarray(clip.confidence[:, use], float),
    )


def leaps(target: Float[np.ndarray, "T K 3"], fps: float) -> Bool[np.ndarray, "T K"]:
    """(T, K) keypoints far from their own running median (Hampel's test, its scale that of the
    motion around).
    """
    half = max(2, int(round(0.05 * fps)))
    out = np.zeros(target.shape[:2], bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # windows without a single value
        for k in range(target.shape[1]):  # one at a time: the windows of all would fill the memory
            padded = np.pad(target[:, k], ((half, half), (0, 0)), constant_values=np.nan)
            windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
            middle = np.nanmedian(windows, axis=2)
            around = np.nanmedian(np.linalg.norm(windows - middle[..., None], axis=1), axis=1)
            out[:, k] = np.linalg.norm(target[:, k] - middle, axis=1) > _LEAP + 3 * around
    return out


def fill(target: Float[np.ndarray, "T K 3"]) -> Float[np.ndarray, "T K 3"]:
    """(T, K, 3) with gaps bridged linearly in time and ends held; a keypoint never seen stays
    NaN.
    """
    out = target.copy()
    frames = np.arange(len(target))
    for k in range(target.shape[1]):
        seen = np.isfinite(target[:, k]).all(axis=1)
        if seen.any() and not seen.all():
            for c in range(3):
                out[:, k, c] = np.interp(frames, frames[seen], target[seen, k, c])
    return out
