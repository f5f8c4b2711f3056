"""When each foot stands: by the floor's force on it, and by its keypoints."""

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import SOLE
from motionrecon.clip.resample import local_fit
from motionrecon.runs import runs

# of a body weight: a foot stands from the one on until the other; 20 N, the least that force plates
# are trusted with, is 3 % of 70 kg
_ON, _OFF = 0.05, 0.02
# A keypoint so near to where it rests (m), and so slow (m/s), stands: placement and floor are known
# to 15 mm; the heel of a walking foot rises with 0.1 to 0.3 m/s while the ball still carries.
_NEAR_M, _SLOW = 0.04, 0.6
_LOAD = 0.3  # body weights
_SMOOTHING_S = 0.06  # to each side, of the keypoints
# Nobody lifts a foot and sets it down again in less, or steps on it for less: quick swings take
# 0.2 s, a sprinter's contact 0.09 s.
BREAK_S, TOUCH_S = 0.1, 0.05


def by_force(vertical: Float[np.ndarray, "N"]) -> Bool[np.ndarray, "N"]:
    """Of the floor's force on a foot in body weights; hysteresis: from 5 % on until below 2 %."""
    known = (vertical > _ON) | (vertical < _OFF)
    last = np.maximum.accumulate(np.where(known, np.arange(len(vertical)), -1))
    return (last >= 0) & (vertical[np.maximum(last, 0)] > _ON)


def by_keypoints(clip: Clip, stature: float) -> tuple[Bool[np.ndarray, "T"] | None, ...]:
    """Of the left and right foot's keypoints, with the ground at z = 0; None where it has none.

    A foot stands while one of its keypoints is low and slow; breaks and touches too short for a
    person are closed. stature: m.
    """
    centre = np.arange(len(clip.keypoints), dtype=float)
    smooth = local_fit(clip, centre, max(_SMOOTHING_S * clip.fps, 2.5))[0]
    speed = np.linalg.norm(np.gradient(smooth, 1 / clip.fps, axis=0), axis=-1)
    feet = []
    for side in "lr":
        stands = []
        for part, fraction in SOLE.items():
            if (k := clip.index(f"{side}_{part}")) is not None:
                with np.errstate(invalid="ignore"):
                    low = smooth[:, k, 2] < fraction * stature + _NEAR_M
                    stands.append(low & (speed[:, k] < _SLOW))
        feet.append(mended(np.any(stands, axis=0), clip.fps) if stands else None)
    return tuple(feet)


def breaks(vertical: Float[np.ndarray, "N"], rate: float) -> list[tuple[int, int]]:
    """(first, after) of what no person does with a foot: lifting it for less than 0.1 s between two
    loads, and loading it for less than 0.05 s.

    vertical: the floor's force in body weights, at `rate` Hz. A load is 0.3 of the weight and
    more: a toe that grazes the floor, or a foot that hardly carries, is no break.
    """
    stands = by_force(vertical)
    loads = [(a, b) for a, b in runs(stands) if vertical[a:b].max() > _LOAD]
    lifted = [
        (b, c) for (_, b), (c, _) in zip(loads, loads[1:], strict=False) if c - b < BREAK_S * rate
    ]
    inside = [(a, b) for a, b in loads if a > 0 and b < len(stands)]
    return sorted(lifted + [(a, b) for a, b in inside if b - a < TOUCH_S * rate])


def switches(stands: Bool[np.ndarray, "N"]) -> int:
    """How often a foot comes down or leaves."""
    return int(np.count_nonzero(np.diff(stands.astype(int))))


def mended(stands: Bool[np.ndarray, "T"], fps: float) -> Bool[np.ndarray, "T"]:
    """Without breaks and touches too short for a person, but those at the ends."""
    out = stands.copy()
    for a, b in runs(~out):
        if a > 0 and b < len(out) and b - a < BREAK_S * fps:
            out[a:b] = True
    for a, b in runs(out):
        if a > 0 and b < len(out) and b - a < TOUCH_S * fps:
            out[a:b] = False
    return out
