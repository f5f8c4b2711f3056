"""The last step: what looks wrong in a converted clip."""

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import Points, nanmedian
from motionrecon.anatomy.skeletons import shows_trunk
from motionrecon.clip.reading import Reading
from motionrecon.runs import runs

_LONG_GAP_S = 0.25
# The middle of the hips of a person who walks on the spot sways by 30 mm (development clips: 45 and
# more of anybody whose feet travel); rounding of a file to millimetres leaves 1.
_HELD_M, _TRAVELS_M = 0.005, 0.15
_LOST = "its travel is lost, and its forces mean nothing"
_STANDS_ON_HEAD = 0.8  # of the frames


def doubt(reading: Reading) -> Reading:
    """With a warning for swapped sides, for long gaps, and for a root that is held at the
    origin.
    """
    positions, rate = reading.positions, reading.fps
    if (why := swapped(positions, reading.names)) is not None:
        reading = reading.warned(f"left and right look swapped: {why}")
    for first, after in runs(~np.isfinite(positions).all(axis=-1).any(axis=1)):
        if after - first > _LONG_GAP_S * rate:
            reading = reading.warned(
                f"frames {first} to {after - 1} ({(after - first) / rate:.2f} s) "
                "show no keypoint at all"
            )
    for why in (held_root(positions, reading.names), upside_down(positions, reading.names)):
        if why is not None:
            reading = reading.warned(why)
    return reading


def held_root(positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...]) -> str | None:
    """What says that the clip is relative to its root, whose travel is lost, or None.

    The middle of the hips stays within a few millimetres while both feet go far: somebody who walks
    on a treadmill sways by 30 mm and more, and somebody who stands keeps the feet still. A pelvis,
    hip or neck that is the origin throughout says the same.
    """
    for name in ("pelvis", "l_hip", "neck"):
        if name in names and np.abs(_known(positions[:, names.index(name)])).max() < 1e-9:
            return f"{name} stays at the origin: the clip is relative to it, {_LOST}"
    p = Points(positions, names)
    if _reach(p.trunk_bottom()[:, :2]) < _HELD_M:
        feet = [_reach(p.ankle(side)[:, :2]) for side in "lr"]
        if min(feet) > _TRAVELS_M:
            return (
                f"the middle of the hips never moves while both feet go {1e3 * min(feet):.0f} mm "
                f"and more: the clip is relative to its root, {_LOST}"
            )
    return None


def upside_down(positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...]) -> str | None:
    """What says that the person stands on the head, or None: the shoulders (where any keypoint
    shows a trunk) are below the hips and the hips below the ankles nearly all the time. A cartwheel
    is so for a while only.
    """
    p = Points(positions, names)
    ankles = p.mean("l_ankle", "r_ankle", "l_heel", "r_heel")[:, 2]
    bottom = p.trunk_bottom()[:, 2]
    top = p.trunk_top()[:, 2] if shows_trunk(names) else bottom - 1e-9
    with np.errstate(invalid="ignore"):
        down = (top < bottom) & (bottom < ankles)
    known = np.isfinite(top + bottom + ankles)
    if not known.any() or (share := float(down[known].mean())) < _STANDS_ON_HEAD:
        return None
    return (
        f"the person is upside down {share:.0%} of the time: unless this is a handstand, the up "
        "axis is wrong; give --up"
    )


def swapped(positions: np.ndarray, names: tuple[str, ...]) -> str | None:
    """What says that left and right are swapped, or None.

    The person's front follows from left and right (left x up = forward; up is along the trunk, or
    the legs where no keypoint shows one); toes point there, knees
    bend there, the nose is there. Each of these votes with its own size over frames; a swapped or
    mirrored clip turns all of them.
    """
    p = Points(positions, names)
    legs = p.trunk_bottom() - p.mean("l_ankle", "r_ankle", "l_heel", "r_heel")
    up = _unit(p.trunk_top() - p.trunk_bottom() if shows_trunk(names) else legs)
    hips, shoulders = p("l_hip") - p("r_hip"), p("l_shoulder") - p("r_shoulder")
    if (v := nanmedian(np.sum(_unit(hips) * _unit(shoulders), axis=-1))) < -0.3:
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
        votes[f"{side} toe"] = nanmedian(np.sum((toe - heel) * forward, axis=-1)) / 0.15
        far = np.linalg.norm(bend, axis=-1) > 0.02  # a straight knee says nothing
        votes[f"{side} knee"] = (
            nanmedian(np.sum(bend * forward, axis=-1)[far]) / 0.05 if far.sum() > 2 else np.nan
        )
    face = p("nose") - p.mean("l_ear", "r_ear")
    votes["nose"] = nanmedian(np.sum(face * forward, axis=-1)) / 0.1
    known = {k: float(np.clip(v, -1, 1)) for k, v in votes.items() if np.isfinite(v)}
    if not known or sum(known.values()) > -0.3 * len(known):
        return None
    against = ", ".join(
        k.replace("l ", "left ").replace("r ", "right ") for k, v in known.items() if v < 0
    )
    return (
        f"with left and right as named, the person faces away from what {against} show as the front"
    )


def _reach(path: np.ndarray) -> float:
    """m, the largest extent of a path (T, D) along an axis; NaN where it is not seen."""
    return float(np.ptp(_known(path), axis=0).max())


def _known(path: np.ndarray) -> np.ndarray:
    """The frames (N, D) in which a path is seen; one of NaN where it never is."""
    known = path[np.isfinite(path).all(axis=1)]
    return known if len(known) else np.full((1, path.shape[1]), np.nan)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
