"""A clip at another frame rate."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from motionrecon.clip.clip import Clip

# output frames that a fit sees to each side; narrower aliases noise, wider blunts fast motion
_WIDTH = 1.25
_LEAST_REACH = 2.5  # input frames to each side: five points for a quadratic's three terms
# s and input frames to each side over which outliers stand out
_OUTLIER_REACH_S, _OUTLIER_REACH = 0.05, 4.5
# Tukey's biweight reaches zero at so many standard deviations of the residual
_OUTLIER_SCALES = 5.0
_SMALLEST_SCALE_M = 0.003  # residuals below this are curvature, never outliers
_ABSOLUTE_PASSES, _BIWEIGHT_PASSES = 5, 2
_LEAST_WEIGHT = 1e-4  # what is left of an outlier: keeps fits of three points solvable
# points of windows (frames around a frame, times keypoints) at a time: they take 200 bytes each
_BLOCK = 2**19


def to_rate(clip: Clip, fps_out: float) -> Clip:
    """The clip at fps_out (Hz), frame 0 at the same time; exact for motion that is quadratic in
    time.

    Each output frame is the value of a quadratic fitted to the frames around it (local_fit), so
    that decimation averages noise rather than aliasing it. NaN where fewer than three frames, or
    none on one side, are known: gaps are not bridged. Raises ValueError for a rate that is not
    positive.
    """
    if not fps_out > 0:
        raise ValueError(f"fps_out is {fps_out}; expected a positive rate in Hz")
    if abs(fps_out / clip.fps - 1.0) < 1e-9:
        return clip
    count = int(np.floor((len(clip.keypoints) - 1) / clip.fps * fps_out + 1e-6)) + 1
    centre = np.arange(count) * (clip.fps / fps_out)  # in input frames
    half = max(_WIDTH * clip.fps / fps_out, _LEAST_REACH)
    keypoints, confidence = local_fit(clip, centre, half)
    extras = dict(clip.extras)
    if "time" in extras:
        extras["time"] = extras["time"][0] + np.arange(count) / fps_out
    return clip.replace(
        keypoints=keypoints,
        confidence=confidence,
        fps=float(fps_out),
        findings=(*clip.findings, f"resampled from {clip.fps:g} to {fps_out:g} Hz"),
        extras=extras,
    )


def local_fit(
    clip: Clip, centre: Float[np.ndarray, " N"], half: float
) -> tuple[Float[np.ndarray, "N J 3"], Float[np.ndarray, "N J"]]:
    """Local quadratics: (keypoints (N, J, 3), confidence (N, J)) at the times `centre` (N,), in
    frames of the clip.

    Weighted least squares over `half` frames to each side with weights tricube in time (LOESS: W.
    S. Cleveland, "Robust locally weighted regression and smoothing scatterplots", JASA 74, 1979),
    times confidence, times the biweight of `outlier_weights`.
    """
    trust = clip.confidence * outlier_weights(clip)
    out = np.empty((len(centre), *clip.keypoints.shape[1:]))
    out_confidence = np.empty(out.shape[:2])
    for at in _blocks(len(centre), (2 * int(np.ceil(half)) + 1) * out.shape[1]):
        window = _Window(clip.keypoints, centre[at], half)
        weight = np.maximum(trust[window.index], _LEAST_WEIGHT)
        fit = window.fit(window.tricube[:, :, None] * weight)
        seen_confidence = np.where(window.seen, clip.confidence[window.index], 0.0)
        total = np.maximum(window.tricube.sum(axis=1), 1e-12)[:, None]
        confidence = np.einsum("nk,nkj->nj", window.tricube, seen_confidence) / total
        out[at] = np.where(window.enough[..., None], fit[:, :, 0], np.nan)
        out_confidence[at] = np.where(window.enough, np.clip(confidence, 0.0, 1.0), 0.0)
    return out, out_confidence


def outlier_weights(clip: Clip) -> Float[np.ndarray, "T J"]:
    """(T, J) in [0, 1]: Tukey's biweight of each point's distance from a robust quadratic through
    its neighbours.

    The neighbourhood is short in seconds, so that fast motion is no outlier. Least absolute
    deviations come first (weights 1 / residual): a gross outlier bends plain least squares so far
    that the biweight could not tell it from its neighbours. The scale is each joint's own median
    residual.
    """
    reach = float(np.clip(_OUTLIER_REACH_S * clip.fps, _LEAST_REACH, _OUTLIER_REACH))
    frames = np.arange(len(clip.keypoints))
    residual = np.empty((len(frames), 2 * int(np.ceil(reach)) + 1, clip.keypoints.shape[1]))
    scale = np.empty(0)
    for step in range(_ABSOLUTE_PASSES + _BIWEIGHT_PASSES):
        for at in _blocks(len(frames), residual[0].size):
            window = _Window(clip.keypoints, frames[at], reach)
            trust = np.maximum(clip.confidence[window.index], _LEAST_WEIGHT)
            weight = window.tricube[:, :, None] * trust
            if step:
                ratio = _in_scales(residual[at], scale)
                if step <= _ABSOLUTE_PASSES:
                    weight = weight / np.maximum(ratio, 1.0 / _OUTLIER_SCALES)
                else:
                    weight = weight * np.maximum(_biweight(ratio), _LEAST_WEIGHT)
            residual[at] = window.residual(window.fit(weight))
        scale = np.maximum(_scale(residual), _SMALLEST_SCALE_M)
    middle = residual.shape[1] // 2  # of each window is the frame itself
    return _biweight(_in_scales(residual[:, middle], scale))


def _blocks(windows: int, points: int) -> Iterator[slice]:
    """Parts of so many windows of so many points each; no value depends on where they are cut."""
    size = max(_BLOCK // points, 1)
    return (slice(first, first + size) for first in range(0, windows, size))


def _in_scales(residual: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Residuals (..., J) in what an outlier's would be, 0 where unknown."""
    return np.nan_to_num(residual / (_OUTLIER_SCALES * scale), nan=0.0)


def _biweight(ratio: np.ndarray) -> np.ndarray:
    return (1 - np.minimum(ratio, 1) ** 2) ** 2


class _Window:
    """The frames around each centre: N windows of K frames, J joints.

    index (N, K) of frames; u (N, K) time from the centre, 1 at the window's edge; tricube (N, K);
    seen (N, K, J); enough (N, J): three frames or more are known, on both sides or at the centre.
    """

    def __init__(self, keypoints: np.ndarray, centre: np.ndarray, half: float) -> None:
        reach = int(np.ceil(half))
        index = np.rint(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)
        self.u = (index - centre[:, None]) / half
        inside = (np.abs(self.u) < 1) & (index >= 0) & (index < len(keypoints))
        self.tricube = np.where(inside, (1 - np.minimum(np.abs(self.u), 1) ** 3) ** 3, 0.0)
        self.index = np.clip(index, 0, len(keypoints) - 1)
        known = np.isfinite(keypoints).all(axis=-1)
        self.values = np.where(known[..., None], keypoints, 0.0)[self.index]  # (N, K, J, 3)
        self.seen = known[self.index] & (self.tricube > 1e-3)[:, :, None]
        before, after = (self.u <= 1e-9)[:, :, None], (self.u >= -1e-9)[:, :, None]
        self.enough = self.seen.sum(axis=1) >= 3
        self.enough &= (self.seen & before).any(axis=1) & (self.seen & after).any(axis=1)
        self.basis = np.stack([np.ones_like(self.u), self.u, self.u**2], axis=-1)  # (N, K, 3 terms)

    def fit(self, weight: np.ndarray) -> np.ndarray:
        """Coefficients (N, J, 3 terms, 3 coordinates) of least squares with weights (N, K, J)."""
        weight = np.where(self.seen, weight, 0.0)
        gram = np.einsum("nka,nkj,nkb->njab", self.basis, weight, self.basis, optimize=True)
        right = np.einsum("nka,nkj,nkjc->njac", self.basis, weight, self.values, optimize=True)
        gram[~self.enough] = np.eye(3)
        return np.linalg.solve(gram, right)

    def residual(self, fit: np.ndarray) -> np.ndarray:
        """Distances (N, K, J) m of the frames from the fits, NaN where unknown."""
        distance = np.linalg.norm(
            self.values - np.einsum("nka,njac->nkjc", self.basis, fit, optimize=True), axis=-1
        )
        return np.where(self.seen & self.enough[:, None], distance, np.nan)


def _scale(residual: np.ndarray) -> np.ndarray:
    """Per joint (J,): standard deviation of a coordinate, from the median norm of residuals (N, K,
    J) in 3D.
    """
    middle = np.zeros(residual.shape[-1])
    for joint in range(len(middle)):  # a joint at a time: sorting copies
        known = residual[..., joint][np.isfinite(residual[..., joint])]
        if known.size:
            at = (known.size - 1) // 2
            middle[joint] = np.partition(known, at)[at]
    return middle / 1.538  # the median norm of a standard normal in 3D
