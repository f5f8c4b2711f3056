"""What a file does not say: units, up axis, skeleton, and whether left and right are swapped.

Positions are (T, J, 3) with NaN for what is missing; names are canonical
(motionrecon.anatomy.skeletons).
"""

from dataclasses import dataclass

import numpy as np

from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.anatomy.skeletons import SKELETONS

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Only where they are given, or a format is known for them: inches, and the CMU data base's 1/0.45
# of an inch.
ALL_UNITS = UNITS | {"cmu": 0.0254 / 0.45, "in": 0.0254}
STATURE_RANGE_M = (
    0.7,
    2.6,
)  # a toddler to the tallest person measured, with a margin for sloppy joint centres
# Rows are the new x, y, z in terms of the old: proper rotations, so that left stays left.
UP_AXES = {
    "z": np.eye(3),
    "-z": np.diag([1.0, -1.0, -1.0]),
    "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "-y": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "x": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "-x": np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]]),
}
_PRIOR = {"z": 0.10, "y": 0.08, "-y": 0.04, "-z": 0.0, "x": 0.0, "-x": 0.0}  # what files mostly use
_BONES = {
    "thigh": ("hip", "knee"),
    "shank": ("knee", "ankle"),
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
}


class Points:
    """Keypoints by canonical name: p("l_hip") is (T, 3), all NaN where there is none."""

    def __init__(self, positions: np.ndarray, names: tuple[str, ...]):
        self._xyz, self._index = positions, {n: i for i, n in enumerate(names)}

    def __call__(self, *names: str) -> np.ndarray:
        """The first of the names that the clip has."""
        for name in names:
            if name in self._index:
                return self._xyz[:, self._index[name]]
        return np.full((len(self._xyz), 3), np.nan)

    def mean(self, *names: str) -> np.ndarray:
        """The mean of those seen, frame by frame."""
        return nanmean(np.stack([self(n) for n in names]), axis=0)

    def ankle(self, side: str) -> np.ndarray:
        return self(f"{side}_ankle", f"{side}_heel", f"{side}_toe", f"{side}_big_toe")

    def trunk_top(self) -> np.ndarray:
        shoulders = 0.5 * (self("l_shoulder") + self("r_shoulder"))
        return np.where(np.isnan(shoulders), self("neck", "chest", "head"), shoulders)

    def trunk_bottom(self) -> np.ndarray:
        hips = 0.5 * (self("l_hip") + self("r_hip"))
        return np.where(np.isnan(hips), self("pelvis"), hips)


def nanmean(a: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is not NaN, NaN without a warning where nothing is."""
    seen = np.isfinite(a)
    count = seen.sum(axis=axis)
    return np.where(count > 0, np.where(seen, a, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def _median(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(np.median(a)) if a.size else np.nan


def size(positions: np.ndarray, names: tuple[str, ...]) -> float:
    """Stature in the file's own units, from the legs' and arms' lengths; NaN where no bone is seen.

    The median over bones of length over the usual fraction of stature
    (motionrecon.anatomy.anthropometry).
    """
    p, estimates = Points(positions, names), []
    for bone, (a, b) in _BONES.items():
        for side in "lr":
            end = p.ankle(side) if b == "ankle" else p(f"{side}_{b}")
            estimates.append(
                _median(np.linalg.norm(p(f"{side}_{a}") - end, axis=-1)) / STATURE[bone]
            )
    return _median(np.array(estimates))


def metres_of(units: str) -> float | None:
    """Metres in a unit, given by its name or as a number; None for what is neither."""
    if units in ALL_UNITS:
        return ALL_UNITS[units]
    try:
        metres = float(units)
    except ValueError:
        return None
    return metres if 1e-6 < metres < 1e6 else None


def detect_units(stature: float, candidates: tuple[str, ...] = tuple(UNITS)) -> str | None:
    """The first unit in which a person of that size is STATURE_RANGE_M tall; None where there is
    none.
    """
    low, high = STATURE_RANGE_M
    return next((u for u in candidates if low <= stature * ALL_UNITS[u] <= high), None)


@dataclass(frozen=True)
class Up:
    """axis; evidence: by how much its score beats the next best one's (below 0.1 it is a guess)."""

    axis: str
    evidence: float


def detect_up(positions: np.ndarray, names: tuple[str, ...]) -> Up:
    """The axis along which people stand and the ground is level.

    Score of an axis: the mean over frames of the cosine between it and feet-to-shoulders; less how
    much the height of the lowest keypoint wanders, relative to the person (the ground stops it, so
    it hardly does along the true one: this decides for crawling and rolling); plus a little for the
    axes in common use.
    """
    p = Points(positions, names)
    feet = nanmean(np.stack([p.ankle("l"), p.ankle("r")]), axis=0)
    standing = p.trunk_top() - feet
    norm = np.linalg.norm(standing, axis=-1)
    tall = np.nanquantile(norm, 0.9) if np.isfinite(norm).any() else 1.0
    scores = {}
    for axis, turn in UP_AXES.items():
        height = positions @ turn[2]
        mean_cosine = _mean_of(standing @ turn[2] / tall)
        low = np.nanmin(np.where(np.isfinite(height), height, np.inf), axis=1)
        low = low[np.isfinite(low)]
        wander = np.subtract(*np.quantile(low, [0.9, 0.1])) / tall if low.size else 0.0
        scores[axis] = mean_cosine - min(wander, 1.0) + _PRIOR[axis]
    ranked = sorted(scores, key=scores.get, reverse=True)
    return Up(ranked[0], scores[ranked[0]] - scores[ranked[1]])


def _mean_of(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(a.mean()) if a.size else 0.0


def detect_skeleton(positions: np.ndarray) -> str | None:
    """The one convention of J keypoints under which left and right bones are alike and of human
    proportions.

    None where none fits, or several fit about as well.
    """
    misfits = {}
    for key, names in SKELETONS.items():
        if len(names) != positions.shape[1]:
            continue
        p = Points(positions, names)
        length = {
            (bone, side): _median(np.linalg.norm(p(f"{side}_{a}") - p(f"{side}_{b}"), axis=-1))
            / STATURE[bone]
            for bone, (a, b) in _BONES.items()
            for side in "lr"
        }
        ratios = np.log(np.maximum(list(length.values()), 1e-12))
        misfits[key] = (
            float(np.max(np.abs(ratios - np.median(ratios))))
            if np.isfinite(ratios).all()
            else np.inf
        )
    ranked = sorted(misfits, key=misfits.get)
    if not ranked or misfits[ranked[0]] > 0.5:
        return None
    return None if len(ranked) > 1 and misfits[ranked[1]] < misfits[ranked[0]] + 0.2 else ranked[0]


def swapped(positions: np.ndarray, names: tuple[str, ...]) -> str | None:
    """What says that left and right are swapped, or None.

    The person's front follows from left and right (left x up = forward); toes point there, knees
    bend there, the nose is there. Each of these votes with its own size over frames; a swapped or
    mirrored clip turns all of them.
    """
    p = Points(positions, names)
    up = _unit(p.trunk_top() - p.trunk_bottom())
    hips, shoulders = p("l_hip") - p("r_hip"), p("l_shoulder") - p("r_shoulder")
    if (v := _median(np.sum(_unit(hips) * _unit(shoulders), axis=-1))) < -0.3:
        return f"the hips' left points away from the shoulders' left (median cosine {v:.2f})"
    forward = _unit(np.cross(_unit(hips), up))
    votes = {}
    for side in "lr":
        heel, toe = p(f"{side}_heel", f"{side}_ankle"), p(f"{side}_toe", f"{side}_big_toe")
        hip, knee, ankle = p(f"{side}_hip"), p(f"{side}_knee"), p.ankle(side)
        shank = _unit(hip - ankle)
        bend = knee - hip - np.sum((knee - hip) * shank, axis=-1, keepdims=True) * shank
        # Each foot and knee against the thigh's own plane would forgive turned-out legs; medians
        # over frames do too.
        votes[f"{side} toe"] = _median(np.sum((toe - heel) * forward, axis=-1)) / 0.15
        far = np.linalg.norm(bend, axis=-1) > 0.02  # a straight knee says nothing
        votes[f"{side} knee"] = (
            _median(np.sum(bend * forward, axis=-1)[far]) / 0.05 if far.sum() > 2 else np.nan
        )
    face = p("nose") - p.mean("l_ear", "r_ear")
    votes["nose"] = _median(np.sum(face * forward, axis=-1)) / 0.1
    known = {k: float(np.clip(v, -1, 1)) for k, v in votes.items() if np.isfinite(v)}
    if not known or sum(known.values()) > -0.3 * len(known):
        return None
    against = ", ".join(
        k.replace("l ", "left ").replace("r ", "right ") for k, v in known.items() if v < 0
    )
    return (
        f"with left and right as named, the person faces away from what {against} show as the front"
    )


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
