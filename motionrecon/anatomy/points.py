"""Keypoints by name, and the size of the person they show."""

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.anthropometry import STATURE

# A limb's bone -> the keypoints at its ends, without the side.
LIMBS = {
    "thigh": ("hip", "knee"),
    "shank": ("knee", "ankle"),
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
}


class Points:
    """Keypoints by canonical name: p("l_hip") is (T, 3), all NaN where there is none."""

    def __init__(self, positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...]) -> None:
        self._xyz, self._index = positions, {n: i for i, n in enumerate(names)}

    def __call__(self, *names: str) -> Float[np.ndarray, "T 3"]:
        """The first of the names that the clip has."""
        for name in names:
            if name in self._index:
                return self._xyz[:, self._index[name]]
        return np.full((len(self._xyz), 3), np.nan)

    def mean(self, *names: str) -> Float[np.ndarray, "T 3"]:
        """The mean of those seen, frame by frame."""
        return nanmean(np.stack([self(n) for n in names]), axis=0)

    def ankle(self, side: str) -> Float[np.ndarray, "T 3"]:
        """The ankle of side "l" or "r", or what of the foot there is in its place."""
        return self(f"{side}_ankle", f"{side}_heel", f"{side}_toe", f"{side}_big_toe")

    def trunk_top(self) -> Float[np.ndarray, "T 3"]:
        """The middle of the shoulders, or what is nearest to it."""
        shoulders = 0.5 * (self("l_shoulder") + self("r_shoulder"))
        return np.where(np.isnan(shoulders), self("neck", "chest", "head"), shoulders)

    def trunk_bottom(self) -> Float[np.ndarray, "T 3"]:
        """The middle of the hips, or the pelvis."""
        hips = 0.5 * (self("l_hip") + self("r_hip"))
        return np.where(np.isnan(hips), self("pelvis"), hips)


def nanmean(a: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is not NaN, NaN without a warning where nothing is."""
    seen = np.isfinite(a)
    count = seen.sum(axis=axis)
    return np.where(count > 0, np.where(seen, a, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def nanmedian(a: np.ndarray) -> float:
    """Median of what is finite, NaN without a warning where nothing is."""
    a = a[np.isfinite(a)]
    return float(np.median(a)) if a.size else np.nan


def stature(positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...]) -> float:
    """Stature in the file's own units, from the legs' and arms' lengths; NaN where no bone is seen.

    The median over bones of length over the usual fraction of stature
    (motionrecon.anatomy.anthropometry).
    """
    p, estimates = Points(positions, names), []
    for bone, (a, b) in LIMBS.items():
        for side in "lr":
            end = p.ankle(side) if b == "ankle" else p(f"{side}_{b}")
            estimates.append(
                nanmedian(np.linalg.norm(p(f"{side}_{a}") - end, axis=-1)) / STATURE[bone]
            )
    return nanmedian(np.array(estimates))
