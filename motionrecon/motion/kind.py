"""What kind of motion the input shows: it chooses how forces are filtered and what they may be.

By the input alone: a walk whose simulation hops is a walk, filtered and judged as one.
"""

from enum import StrEnum

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.motion.motion import Motion
from motionrecon.motion.unexplained import longest


class Kind(StrEnum):
    """A kind of motion for which there is a usual filter, and usual forces."""

    WALK = "walk"
    RUN = "run"
    SQUAT = "squat"  # sit-to-stand too
    JUMP = "jump"
    OTHER = "other"


# The trunk's cosine with the vertical, nearly always: nobody walks or runs bent further.
_UPRIGHT = 0.8
# Of stature: by so much one ankle passes the other, and the centre of mass rises and falls less.
# Short steps pass by 0.15, a run rises by 0.06.
_STRIDE, _LEVEL = 0.08, 0.12
_DEEP = 0.06  # of stature: by so much the centre of mass sinks in a shallow squat
_PLANTED = 0.06  # of stature: feet that stay where they are move less
# Body weights asked of the floor: below, nothing touches it. Smoothing over 0.2 s leaves 0.1 to 0.3
# of the flight of a run, and 0.5 to 0.7 of a walk's least.
_FLIES = 0.35
_OFTEN = 0.1  # of the time: a run flies 0.2 to 0.5, a dance with a hop in it less
_FRAMES = 3  # in flight without a break: fewer are noise
_LEANS = 0.5  # the trunk's cosine: who jumps may lean further than who walks


def kind_of(motion: Motion, force: Float[np.ndarray, "T 3"]) -> Kind:
    """Of the input that a motion followed, and the force in body weights that it asks of the floor
    (motionrecon.motion.demand).

    Ankles that pass each other again and again under an upright trunk are a walk, or, where the
    centre of mass falls freely in between, a run; a body that flies otherwise jumps; one that sinks
    over feet that stay squats.
    """
    p = Points(motion.input_keypoints, motion.keypoint_names)
    stature = stature_of(motion.input_keypoints, motion.keypoint_names)
    height = np.nanquantile(p.trunk_bottom()[:, 2], [0.05, 0.95]) / stature
    rises = float(height[1] - height[0])
    trunk = p.trunk_top() - p.trunk_bottom()
    cosine = trunk[:, 2] / np.linalg.norm(trunk, axis=-1)
    bent = float(np.nanquantile(cosine, 0.1)) if np.isfinite(cosine).any() else 1.0
    ankles = [p.ankle(side) for side in "lr"]
    apart = (ankles[0] - ankles[1])[:, :2] / stature
    across = (p("l_hip", "l_shoulder") - p("r_hip", "r_shoulder"))[:, :2]
    ahead = np.column_stack([-across[:, 1], across[:, 0]])
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    passed = np.nansum(apart * ahead, axis=1)
    strides = min(float(passed.max()), -float(passed.min())) > _STRIDE
    flights = force[:, 2] < _FLIES
    if strides and bent > _UPRIGHT and rises < _LEVEL:
        flies = float(flights.mean())
        return Kind.WALK if flies == 0 else Kind.RUN if flies > _OFTEN else Kind.OTHER
    moved = [np.nanmax(np.ptp(_seen(a), axis=0)) / stature for a in ankles]
    if max(moved) < _PLANTED:
        return Kind.SQUAT if rises > _DEEP else Kind.OTHER
    return Kind.JUMP if longest(flights) > _FRAMES and bent > _LEANS else Kind.OTHER


def _seen(path: np.ndarray) -> np.ndarray:
    known = path[np.isfinite(path).all(axis=1)]
    return known if len(known) else np.zeros((1, path.shape[1]))
