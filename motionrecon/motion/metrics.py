"""How good a motion is: the field's measures, each on plain arrays.

Positions are metres, (T, J, 3), z up, floor at z = 0; NaN in either array leaves that point out; a
measure without anything to measure is NaN. Results whose name ends in _mm are millimetres.
"""

import numpy as np

SKATE_SPEED = 0.5  # m/s: 20 mm a frame at 25 frames per second
CONTACT_HEIGHT = 0.05  # m
_SKATE_STEP_S = 1.0 / 25.0


def mpjpe_g_mm(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Mean distance of keypoints, no alignment (global MPJPE)."""
    _same_shape(prediction, reference)
    return 1e3 * _mean(np.linalg.norm(prediction - reference, axis=-1))


def mpjpe_mm(prediction: np.ndarray, reference: np.ndarray, root: int | list[int]) -> float:
    """Mean distance of keypoints after moving each frame's root onto the reference's.

    root: the column of the pelvis, or several (both hips) whose mean stands for it. Frames without
    it are left out.
    """
    _same_shape(prediction, reference)
    columns = np.atleast_1d(root)
    offset = (prediction - reference)[:, columns].mean(axis=1, keepdims=True)
    return 1e3 * _mean(np.linalg.norm(prediction - reference - offset, axis=-1))


def pa_mpjpe_mm(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Mean distance of keypoints after the best similarity transform of each frame (PA-MPJPE).

    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    IEEE PAMI 13(4), 1991: rotation (no reflection), scale and translation. Frames with fewer than
    three common points are left out.
    """
    _same_shape(prediction, reference)
    known = np.isfinite(prediction).all(axis=-1) & np.isfinite(reference).all(axis=-1)
    weight = known[..., None].astype(float)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1)
    x, y = np.where(known[..., None], prediction, 0.0), np.where(known[..., None], reference, 0.0)
    x = (x - x.sum(axis=1, keepdims=True) / count) * weight
    y = (y - y.sum(axis=1, keepdims=True) / count) * weight
    u, s, vt = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    s[:, 2] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    u[:, :, 2] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[:, None]
    scale = s.sum(axis=1) / np.maximum((x * x).sum(axis=(1, 2)), 1e-12)
    aligned = scale[:, None, None] * x @ np.swapaxes(u @ vt, 1, 2)
    distance = np.where(known, np.linalg.norm(aligned - y, axis=-1), np.nan)
    return 1e3 * _mean(distance[known.sum(axis=1) >= 3])


def accel_error_mm_frame2(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Mean norm of the difference of accelerations (second differences), in mm/frame^2."""
    _same_shape(prediction, reference)
    return 1e3 * _mean(
        np.linalg.norm(np.diff(prediction, 2, axis=0) - np.diff(reference, 2, axis=0), axis=-1)
    )


def accel_error_m_s2(prediction: np.ndarray, reference: np.ndarray, fps: float) -> float:
    """The same in m/s^2."""
    return accel_error_mm_frame2(prediction, reference) * fps**2 / 1e3


def jitter(positions: np.ndarray, fps: float) -> float:
    """Mean norm of the third derivative (third difference times fps^3), in 10 m/s^3."""
    return _mean(np.linalg.norm(np.diff(positions, 3, axis=0), axis=-1)) * fps**3 / 10.0


def foot_speed(feet: np.ndarray, fps: float) -> np.ndarray:
    """(T, F) m/s: displacement of foot points (T, F, 3) over about 1/25 s, NaN at the end.

    The measure was made for 25 Hz; frame to frame at 250 Hz, a millimetre of noise would already be
    skating.
    """
    step = max(1, round(fps * _SKATE_STEP_S))
    speed = np.full(feet.shape[:2], np.nan)
    if len(feet) > step:
        speed[:-step] = np.linalg.norm(feet[step:] - feet[:-step], axis=-1) * fps / step
    return speed


def contacts(feet: np.ndarray, fps: float) -> np.ndarray:
    """(T, F) bool: foot points (T, F, 3) lower than 50 mm that move by less than 20 mm a frame at
    25 Hz.
    """
    with np.errstate(invalid="ignore"):
        return (feet[..., 2] < CONTACT_HEIGHT) & (foot_speed(feet, fps) < SKATE_SPEED)


def foot_skate_percent(feet: np.ndarray, contact: np.ndarray, fps: float) -> float:
    """Share of the foot points in contact that move faster than 0.5 m/s, in percent.

    feet (T, F, 3); contact (T, F) bool, from the reference (`contacts`) or from contact forces. NaN
    without contact.
    """
    if contact.shape != feet.shape[:2]:
        raise ValueError(f"contact has shape {contact.shape}; expected {feet.shape[:2]}")
    speed = foot_speed(feet, fps)
    judged = contact.astype(bool) & np.isfinite(speed)
    return 100.0 * float((speed[judged] > SKATE_SPEED).mean()) if judged.any() else float("nan")


def penetration_mm(heights: np.ndarray) -> float:
    """Mean depth below the floor of what is below it; 0 when nothing is.

    heights: of the contact geometry's lowest points, m, (T,) for the lowest of each frame or (T, G)
    for all.
    """
    below = heights[heights < 0]  # NaN compares false
    return 1e3 * float(-below.mean()) if below.size else 0.0


def float_mm(heights: np.ndarray) -> float:
    """Mean over frames of the height of the lowest point above the floor, 0 where it is below.

    heights (T,) or (T, G) as in penetration_mm. Flight counts: a jump floats by right.
    """
    lowest = (
        heights if heights.ndim == 1 else np.where(np.isnan(heights), np.inf, heights).min(axis=1)
    )
    return 1e3 * _mean(np.where(np.isfinite(lowest), np.maximum(lowest, 0.0), np.nan))


def force_rmse_bw(force: np.ndarray, measured: np.ndarray, mass_kg: float) -> np.ndarray:
    """Per axis (3,): root mean square difference of two ground reaction forces (T, 3) N, in body
    weights.
    """
    _same_shape(force, measured)
    return np.array([np.sqrt(_mean((force - measured)[:, k] ** 2)) for k in range(3)]) / (
        mass_kg * 9.81
    )


def force_correlation(force: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Per axis (3,): Pearson's correlation of two ground reaction forces (T, 3); NaN for a constant
    one.
    """
    _same_shape(force, measured)
    known = np.isfinite(force).all(axis=1) & np.isfinite(measured).all(axis=1)
    if known.sum() < 2:
        return np.full(3, np.nan)
    a, b = force[known] - force[known].mean(axis=0), measured[known] - measured[known].mean(axis=0)
    power = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return np.where(power > 0, (a * b).sum(axis=0) / np.where(power > 0, power, 1.0), np.nan)


def cop_rmse_mm(cop: np.ndarray, measured: np.ndarray) -> float:
    """Root mean square horizontal distance of two centres of pressure (T, 3) or (T, 2) m where both
    are known.
    """
    _same_shape(cop, measured)
    return 1e3 * float(np.sqrt(_mean(((cop - measured)[:, :2] ** 2).sum(axis=1))))


def _mean(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(a.mean()) if a.size else float("nan")


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"prediction has shape {a.shape}, reference {b.shape}; they must be alike")
