"""The clip itself: its size, its root, its sides, which way is up, what is missing, its floor."""

import numpy as np

from motionrecon.clip.doubts import held_root, swapped, upside_down
from motionrecon.clip.floor import estimate_floor
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

MISSING = Limit("missing_share", "", "share of the keypoints that are missing", 0.5, "by choice")
FLOOR = Limit(
    "floor_guess_mm",
    "mm",
    "how far the ground was moved on the word of the lowest keypoint alone; 0 where feet stand",
    20.0,
    "measured on 38 development clips: 5 at most of those whose forces look like a person's, "
    "29 and more of four whose bodies hit the floor",
)
CONTRADICTION = Limit(
    "stature_contradiction",
    "",
    "difference of the statures by the limbs' median and by their sum with the trunk, as a share",
    0.10,
    "measured on 38 development clips: 0.09 at most; 1.86 and 2.07 m are 0.11",
)
TALL = Limit("stature_m", "m", "stature", 2.15, "one man in a hundred thousand is taller (2.15 m)")
ODD = Limit("odd_clip", "", "signs that the file was misread", 0.0, "each is an error of its own")


def stature(e: Evidence) -> list[Finding]:
    """Whether the keypoints agree on how tall the person is, and whether people are."""
    body = e.report.stature_m
    tallest = np.fmax(e.stature, np.nan if body is None else body)
    off = np.nan if body is None else abs(body / e.stature - 1)
    said = f"the limbs show a stature of {e.stature:.2f} m, the whole body {body or 0:.2f} m"
    return [
        TALL.at(tallest, f"the person is {tallest:.2f} m tall: check --units"),
        CONTRADICTION.at(off, f"{said}: bones or names are wrong"),
    ]


def missing(e: Evidence) -> list[Finding]:
    """Whether most keypoints are seen."""
    share = float(1 - np.isfinite(e.clip.keypoints[..., 0]).mean())
    return [MISSING.at(share, f"{share:.0%} of the keypoints are missing")]


def misread(e: Evidence) -> list[Finding]:
    """Sides swapped, upside down, relative to the root."""
    clip = e.clip
    side = swapped(clip.keypoints, clip.names)
    said = [
        None if side is None else f"left and right look swapped: {side}",
        upside_down(clip.keypoints, clip.names),
        held_root(clip.keypoints, clip.names),
    ]
    reasons = [reason for reason in said if reason is not None]
    return [ODD.at(len(reasons), "; ".join(reasons))]


def floor(e: Evidence) -> list[Finding]:
    """Whether the ground's height is known; of one that the user gave nothing is measured."""
    if e.report.options.get("floor_m") is not None:
        return [FLOOR.at(np.nan, "")]
    found = estimate_floor(e.clip, e.noise_m)
    moved = 0.0 if found.contacts else 1e3 * abs(found.height)
    return [FLOOR.at(moved, f"the floor is uncertain: {found.findings[0]}")]
