"""Falls: the body far below its keypoints, or on the floor where they are not."""

import numpy as np

from motionrecon.anatomy.points import Points
from motionrecon.body.supports import scene_of
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_LOW = 0.12  # of stature: a trunk so far below its keypoints has fallen
_LOADED = 0.1  # body weights on what is no foot
# of stature: a keypoint that is no foot's and so low may rest on the floor (a knee over its skin,
# a hip of someone who lies)
_NEAR = 0.12
_FEET = ("ankle", "heel", "toe")

FALL = Limit(
    "fall_s",
    "s",
    "the longest that the trunk is 0.12 of stature below its keypoints",
    0.1,
    "measured on 38 development clips: 0",
)
SPRAWL = Limit(
    "other_contact_s",
    "s",
    "the longest that the floor carries a tenth of the weight on what is no foot, where no other "
    "keypoint of the input is near it",
    0.1,
    "measured on 38 development clips: 0",
)


def falls(e: Evidence) -> list[Finding]:
    """Whether the body falls where the person did not."""
    body = Points(e.motion.keypoints, e.motion.keypoint_names)
    gap = np.fmin(_lower(body, e.seen, top=True), _lower(body, e.seen, top=False)) / e.stature
    fallen = np.nan_to_num(gap) > _LOW
    seconds = e.longest_s(fallen)
    first = np.flatnonzero(fallen)[0] / e.motion.fps if fallen.any() else 0.0
    said = f"the body falls where the person does not: for {seconds:.2f} s from {first:.1f} s on"
    return [FALL.at(seconds, said)]


def sprawls(e: Evidence) -> list[Finding]:
    """Whether something other than the feet carries weight where the person's does not."""
    m = e.motion
    columns = [i for i, n in enumerate(m.keypoint_names) if not n.endswith(_FEET)]
    height = scene_of(m.model).above(m.input_keypoints[:, columns])[..., 2]
    lowest = np.where(np.isfinite(height), height, np.inf).min(axis=1)
    low = (lowest < _NEAR * e.stature + 2 * e.noise_m) | np.isinf(lowest)
    carried = (m.contact_force_other[:, 2] / m.weight > _LOADED) & ~low
    seconds = e.longest_s(carried)
    first = np.flatnonzero(carried)[0] / m.fps if carried.any() else 0.0
    said = (
        f"the floor carries more than the feet from {first:.1f} s on, where no other keypoint is "
        f"near it: for {seconds:.2f} s"
    )
    return [SPRAWL.at(seconds, said)]


def _lower(body: Points, seen: Points, top: bool) -> np.ndarray:
    """m, by which the body's trunk is below the input's, at its top or its bottom."""
    ours, theirs = (p.trunk_top() if top else p.trunk_bottom() for p in (body, seen))
    return theirs[:, 2] - ours[:, 2]
