"""A clip at another frame rate."""

import numpy as np

from motionrecon.clip import Clip

_ROBUST_PASSES = 3
_OUTLIER_SCALES = 5.0  # Tukey's biweight reaches zero at so many standard deviations of the residual
_SMALLEST_SCALE_M = 0.003  # residuals below this are curvature, never outliers
_LEAST_WEIGHT = 1e-4  # what is left of an outlier: keeps three-point fits solvable


def to_rate(clip: Clip, fps_out: float) -> Clip:
    """The clip at fps_out (Hz), frame 0 at the same time; exact for motion that is quadratic in time.

    Each output frame is the value of a quadratic fitted to the frames around it by weighted least squares (LOESS:
    W. S. Cleveland, "Robust locally weighted regression and smoothing scatterplots", JASA 74, 1979): tricube weights in
    time, over one output frame to each side (at least 2.5 input frames), times confidence, times Tukey's biweight of
    the residual, so that single outliers are left out. Decimation averages noise rather than aliasing it. NaN where
    fewer than three frames, or none on one side, are known (gaps are not bridged).
    """
    if not fps_out > 0:
        raise ValueError(f"fps_out is {fps_out}; expected a positive rate in Hz")
    if abs(fps_out / clip.fps - 1.0) < 1e-9:
        return clip
    count = int(np.floor((len(clip.keypoints) - 1) / clip.fps * fps_out + 1e-6)) + 1
    centre = np.arange(count) * (clip.fps / fps_out)  # in input frames
    half = max(clip.fps / fps_out, 2.5)
    keypoints, confidence = local_fit(clip.keypoints, clip.confidence, centre, half)
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


def local_fit(keypoints: np.ndarray, confidence: np.ndarray, centre: np.ndarray, half: float):
    """Robust local quadratics: (keypoints (N, J, 3), confidence (N, J)) at the times `centre` (N,), in frames.

    keypoints (T, J, 3) with NaN, confidence (T, J); half: frames to each side that a fit sees.
    """
    reach = int(np.ceil(half))
    index = np.rint(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)
    u = (index - centre[:, None]) / (half + 1e-9)
    inside = (np.abs(u) < 1) & (index >= 0) & (index < len(keypoints))
    tricube = np.where(inside, (1 - np.minimum(np.abs(u), 1) ** 3) ** 3, 0.0)
    index = np.clip(index, 0, len(keypoints) - 1)
    known = np.isfinite(keypoints).all(axis=-1)
    values = np.where(known[..., None], keypoints, 0.0)[index]  # (N, K, J, 3)
    seen = (known[index] & inside[:, :, None]) & (tricube[:, :, None] > 1e-3)
    base = np.where(seen, tricube[:, :, None] * np.maximum(confidence[index], _LEAST_WEIGHT), 0.0)
    basis = np.stack([np.ones_like(u), u, u * u], axis=-1)  # (N, K, 3)
    enough = seen.sum(axis=1) >= 3
    both_sides = (seen & (u <= 1e-9)[:, :, None]).any(axis=1) & (seen & (u >= -1e-9)[:, :, None]).any(axis=1)
    enough &= both_sides

    weight = base
    for last in (False,) * _ROBUST_PASSES + (True,):
        gram = np.einsum("nka,nkj,nkb->njab", basis, weight, basis, optimize=True)
        right = np.einsum("nka,nkj,nkjc->njac", basis, weight, values, optimize=True)
        gram[~enough] = np.eye(3)
        fit = np.linalg.solve(gram, right)  # (N, J, 3 terms, 3)
        if last:
            break
        residual = np.linalg.norm(values - np.einsum("nka,njac->nkjc", basis, fit, optimize=True), axis=-1)
        residual = np.where(seen & enough[:, None], residual, np.nan)
        scale = np.maximum(_scale(residual), _SMALLEST_SCALE_M)
        ratio = np.nan_to_num(residual / (_OUTLIER_SCALES * scale), nan=0.0)
        weight = base * np.maximum((1 - np.minimum(ratio, 1) ** 2) ** 2, _LEAST_WEIGHT)
    out = np.where(enough[..., None], fit[:, :, 0], np.nan)
    total = np.maximum(tricube.sum(axis=1), 1e-12)[:, None]
    mean_confidence = np.einsum("nk,nkj->nj", tricube, np.where(seen, confidence[index], 0.0)) / total
    return out, np.where(enough, np.clip(mean_confidence, 0.0, 1.0), 0.0)


def _scale(residual: np.ndarray) -> np.ndarray:
    """Per joint (J,): standard deviation of a coordinate, from the median norm of residuals (N, K, J) in 3D."""
    flat = np.sort(residual.reshape(-1, residual.shape[-1]), axis=0)
    known = np.isfinite(flat).sum(axis=0)
    middle = flat[np.maximum(known - 1, 0) // 2, np.arange(flat.shape[1])]
    return np.where(known > 0, middle, 0.0) / 1.538  # the median norm of a standard normal in 3D
