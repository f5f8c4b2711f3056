"""How far the motion is off the keypoints: all in all, for half a second, at the clip's ends."""

import numpy as np

from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_MEASURED = "measured on 38 development clips"
DISTANCE = Limit(
    "mpjpe_g_mm",
    "mm",
    "mean distance to the keypoints, beyond the noise's own",
    40.0,
    f"{_MEASURED}: 21 at most",
)
HALF_SECOND = Limit(
    "worst_half_second_mm",
    "mm",
    "the same over the worst half second",
    80.0,
    f"{_MEASURED}: 32 at most",
)
BODY = Limit(
    "ik_mpjpe_g_mm",
    "mm",
    "mean distance of the inverse kinematics to the keypoints, beyond the noise's own",
    25.0,
    f"{_MEASURED}: 8 at most",
)
SUNK = Limit(
    "penetration_mm",
    "mm",
    "mean depth below the floor of what is below it",
    8.0,
    f"{_MEASURED}: 5.2 at most, of which the contact's own compliance is 2 to 4; two that hit "
    "the floor hard 6.5 and 8.3",
)
ENDS = Limit(
    "ends_ratio",
    "",
    "distance to the keypoints over the first or last 0.15 s, over the clip's median, where it is "
    "20 mm and more beyond the noise's own",
    4.0,
    f"{_MEASURED}: 2.6 at most; an end that nothing comes after was 5 to 20 times the median",
)
LOST_MM = 250.0  # off the keypoints by more, the motion shows something else: failed
_MEAN_LENGTH = np.sqrt(8 / np.pi)  # of a 3D vector of standard normal coordinates
_END_S = 0.15
_END_LEAST_MM = 20.0  # a clip's end that is nearer is no worse than clips of other laboratories
_HALF_S = 0.25


def distance(e: Evidence) -> list[Finding]:
    """All in all, and over the worst half second."""
    noise, result = noise_mm(e), e.report.result.mpjpe_g_mm
    mean = np.nan if result is None else result
    worst, at = worst_half_second(e)
    return [
        DISTANCE.at(
            mean, f"the motion is {mean:.0f} mm off the keypoints (noise alone {noise:.0f})", noise
        ),
        HALF_SECOND.at(
            worst,
            # one reason for one thing
            ""
            if mean > DISTANCE.most + noise
            else f"around {at:.1f} s the motion is {worst:.0f} mm off the keypoints",
            noise,
        ),
    ]


def body(e: Evidence) -> list[Finding]:
    """Whether a body with fixed bones fits the keypoints."""
    noise, ik = noise_mm(e), e.report.ik.mpjpe_g_mm
    off = np.nan if ik is None else ik
    said = (
        f"no body with fixed bones fits the keypoints: {off:.0f} mm off (noise alone {noise:.0f})"
    )
    return [BODY.at(off, said, noise)]


def depth(e: Evidence) -> list[Finding]:
    """How far the body sinks into the floor."""
    sunk = e.report.result.penetration_mm
    off = np.nan if sunk is None else sunk
    return [SUNK.at(off, f"the body sinks {off:.1f} mm into the floor on average")]


def ends(e: Evidence) -> list[Finding]:
    """Whether the clip's first and last frames are followed as its middle is."""
    each = e.motion.frame_distances_mm
    n = max(1, round(_END_S * e.motion.fps))
    if len(each) < 4 * n or not np.isfinite(each).any():
        return [ENDS.at(np.nan, "")]  # a clip that is hardly more than its ends
    middle = float(np.nanmedian(each))
    first, last = (float(np.nanmean(part)) for part in (each[:n], each[-n:]))
    off, where = max((first, "first"), (last, "last"))
    noise = noise_mm(e)
    # an end that is as near as most clips' middle may be many times its own
    least = (_END_LEAST_MM + noise) / max(middle, 1e-9)
    said = (
        f"the {where} {_END_S:g} s are {off:.0f} mm off the keypoints, the rest {middle:.0f}: "
        "cut them off"
    )
    return [ENDS.at(off / max(middle, 1e-9), said, max(0.0, least - ENDS.most))]


def worst_half_second(e: Evidence) -> tuple[float, float]:
    """(mm, the largest mean distance over half a second; s, its middle)."""
    each = np.nan_to_num(e.motion.frame_distances_mm)
    half = max(1, round(_HALF_S * e.motion.fps))
    if len(each) >= 2 * half:
        each = np.convolve(each, np.ones(2 * half), "valid") / (2 * half)
    at = int(each.argmax())
    return float(each[at]), (at + half) / e.motion.fps


def noise_mm(e: Evidence) -> float:
    """mm, the mean distance that the clip's noise alone makes."""
    return float(_MEAN_LENGTH * e.report.noise_mm)
