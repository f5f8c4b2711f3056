"""The foot as it stands: heights of ankle, heel and toe keypoints over the floor in flat stance.

Two keypoints do not tell how a foot is pitched, and sources place heel and toe keypoints as they
like. What a flat foot looks like is measured where it stands: the keypoints' heights there are
their heights over the sole.
"""

from dataclasses import dataclass, field

import numpy as np

_LOW = 0.03  # m above a keypoint's own low level
_SLOW = (0.25, 0.6)  # m/s: a foot that stands; else one that comes nearly to rest
# cosine of the shank's lean: a foot that carries, not one that lies behind a kneeling person
_UPRIGHT = 0.75
_ENDS = ("toe", "heel", "foot", "big_toe", "small_toe")
_ENOUGH = 0.1  # s of stance
_WINDOW = 0.15  # s, means over it tame noise


@dataclass(frozen=True)
class FootShape:
    """ankle_height: m over the sole, None: no stance seen. points: keypoint -> (forward of the
    ankle, height) m.
    """

    ankle_height: float | None = None
    points: dict[str, tuple[float, float]] = field(default_factory=dict)


def stance_shape(
    keypoints: np.ndarray, names: tuple[str, ...], fps: float, stature: float
) -> FootShape:
    """FootShape of keypoints (T, J, 3) m over a floor at z = 0; heights that no foot has are taken
    for no stance.
    """
    column = {n: i for i, n in enumerate(names)}
    heights, points = [], {}
    for side in ("l_", "r_"):
        ankle = column.get(side + "ankle")
        ends = [
            n
            for n in _ENDS
            if side + n in column and np.isfinite(keypoints[:, column[side + n]]).any()
        ]
        if ankle is None or not np.isfinite(keypoints[:, ankle]).any():
            continue
        tracks = {n: _smooth(keypoints[:, column[side + n]], fps) for n in ["ankle", *ends]}
        knee = (
            _smooth(keypoints[:, column[side + "knee"]], fps) if side + "knee" in column else None
        )
        stands = _standing(tracks, knee, fps)
        if stands.sum() < max(3, _ENOUGH * fps):
            continue
        at = {n: x[stands] for n, x in tracks.items()}
        height = float(np.nanmedian(at["ankle"][:, 2]))
        if not 0.02 < height / stature < 0.07:
            continue
        heights.append(height)
        for n in ends:
            across = at[n] - at["ankle"]
            forward = float(np.nanmedian(np.linalg.norm(across[:, :2], axis=1)))
            points[side + n] = (
                -forward if n == "heel" else forward,
                float(np.nanmedian(at[n][:, 2])),
            )
    if not heights:
        return FootShape()
    # a skeleton's ankle may stand higher or lower than an anatomical one, within reason
    return FootShape(float(np.clip(np.mean(heights), 0.025 * stature, 0.065 * stature)), points)


def _standing(tracks: dict[str, np.ndarray], knee: np.ndarray | None, fps: float) -> np.ndarray:
    """(T,) frames in which all keypoints of a foot are low (each by its own measure) and slow, the
    shank upright.
    """
    low = np.ones(len(tracks["ankle"]), bool)
    speed = np.zeros(len(low))
    if knee is not None:
        shank = knee - tracks["ankle"]
        low &= shank[:, 2] > _UPRIGHT * np.linalg.norm(shank, axis=1)
    for x in tracks.values():
        seen = np.isfinite(x[:, 2])
        if not seen.any():
            continue
        low &= seen & (x[:, 2] < np.quantile(x[seen, 2], 0.1) + _LOW)
        if len(x) > 1:
            speed = np.maximum(speed, np.linalg.norm(np.gradient(x, 1 / fps, axis=0), axis=1))
    for limit in _SLOW:
        good = low & (speed < limit)
        if good.sum() >= max(3, _ENOUGH * fps):
            break
    return good


def _smooth(x: np.ndarray, fps: float) -> np.ndarray:
    """Moving mean of x (T, 3) over the window, of what is seen of it."""
    half = int(round(0.5 * _WINDOW * fps))
    padded = np.pad(x, ((half, half), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    count = np.isfinite(windows).sum(axis=2)
    return np.where(count > 0, np.nansum(windows, axis=2) / np.maximum(count, 1), np.nan)
