"""What a file does not say: units, up axis, skeleton.

Positions are (T, J, 3) with NaN for what is missing; names are canonical
(motionrecon.anatomy.skeletons).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.anatomy.points import LIMBS, Points, nanmean, nanmedian
from motionrecon.anatomy.skeletons import SKELETONS

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Only where they are given, or a format is known for them: inches, and the CMU data base's 1/0.45
# of an inch.
ALL_UNITS = UNITS | {"cmu": 0.0254 / 0.45, "in": 0.0254}
# a toddler to the tallest person measured, with a margin for sloppy joint centres
STATURE_RANGE_M = (0.7, 2.6)
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


def metres_of(units: str) -> float | None:
    """Metres in a unit, given by its name or as a number; None for what is neither."""
    if units in ALL_UNITS:
        return ALL_UNITS[units]
    try:
        metres = float(units)
    except ValueError:
        return None
    return metres if 1e-6 < metres < 1e6 else None


def wrong_units(units: str) -> str | None:
    """What to say of units that are none."""
    if metres_of(units) is not None:
        return None
    known = ", ".join(ALL_UNITS)
    return f"unknown units {units!r}; known are {known}, or a number, the metres in a unit"


def wrong_up(up: str) -> str | None:
    """What to say of an up axis that is none."""
    return None if up in UP_AXES else f"unknown up axis {up!r}; known are {', '.join(UP_AXES)}"


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


def detect_up(positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...]) -> Up:
    """The axis along which people stand and the ground is level.

    Score of an axis: the mean over frames of the cosine between it and feet-to-shoulders
    (feet-to-hips where there is no trunk); less how
    much the height of the lowest keypoint wanders, relative to the person (the ground stops it, so
    it hardly does along the true one: this decides for crawling and rolling); plus a little for the
    axes in common use.
    """
    p = Points(positions, names)
    feet = nanmean(np.stack([p.ankle("l"), p.ankle("r")]), axis=0)
    top = p.trunk_top()
    # Legs alone stand too.
    standing = np.where(np.isfinite(top).any(), top, p.trunk_bottom()) - feet
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
    ranked = sorted(scores, key=lambda axis: scores[axis], reverse=True)
    return Up(ranked[0], scores[ranked[0]] - scores[ranked[1]])


def _mean_of(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(a.mean()) if a.size else 0.0


def detect_skeleton(positions: Float[np.ndarray, "T J 3"]) -> str | None:
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
            (bone, side): nanmedian(np.linalg.norm(p(f"{side}_{a}") - p(f"{side}_{b}"), axis=-1))
            / STATURE[bone]
            for bone, (a, b) in LIMBS.items()
            for side in "lr"
        }
        ratios = np.log(np.maximum(list(length.values()), 1e-12))
        misfits[key] = (
            float(np.max(np.abs(ratios - np.median(ratios))))
            if np.isfinite(ratios).all()
            else np.inf
        )
    ranked = sorted(misfits, key=lambda key: misfits[key])
    if not ranked or misfits[ranked[0]] > 0.5:
        return None
    return None if len(ranked) > 1 and misfits[ranked[1]] < misfits[ranked[0]] + 0.2 else ranked[0]
