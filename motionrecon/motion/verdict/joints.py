"""Joints: time at the limit of their torque, angles beyond their range."""

import numpy as np

from motionrecon.motion.unexplained import longest
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_AT = 0.995  # of the limit
_NAMED = 4

HELD = Limit(
    "torque_limit_s",
    "s",
    "the longest that a joint is at the limit of its torque without a break",
    0.25,
    "measured on 38 development clips: 0.13 at most",
)
SHARE = Limit(
    "torque_limit_share",
    "",
    "share of all joints and frames at the limit of the torque",
    0.02,
    "measured on 38 development clips: 0.017 at most, a roll",
)
RANGE = Limit(
    "beyond_range_deg",
    "degrees",
    "how far a joint stays beyond its range for 0.1 s",
    15.0,
    "measured on 38 development clips: 13 at most",
)
_STAYS_S = 0.1


def torque(e: Evidence) -> list[Finding]:
    """Whether the motion takes more strength than the body has."""
    motion = e.motion
    at = np.abs(motion.torques) >= _AT * motion.model.actuator_forcerange[:, 1]
    seconds = {n: longest(at[:, i]) / motion.fps for i, n in enumerate(motion.joint_names)}
    held = {n: s for n, s in seconds.items() if s > HELD.most}
    longest_first = sorted(held.items(), key=lambda x: -x[1])[:_NAMED]
    named = ", ".join(f"{n} {s:.2f} s" for n, s in longest_first)
    share = float(at.mean())
    return [
        HELD.at(
            max(seconds.values()),
            f"joints at the limit of their torque without a break: {named}",
        ),
        SHARE.at(
            share,
            "" if held else f"joints are at the limit of their torque {share:.1%} of the time",
        ),
    ]


def angles(e: Evidence) -> list[Finding]:
    """Whether joints stay beyond their range."""
    motion = e.motion
    low, high = motion.model.jnt_range[1:].T
    angle = motion.qpos[:, 7:]
    beyond = np.degrees(np.maximum(angle - high, low - angle))
    frames = max(1, round(_STAYS_S * motion.fps))
    windows = np.lib.stride_tricks.sliding_window_view(beyond, min(frames, len(beyond)), axis=0)
    held = windows.min(axis=-1).max(axis=0)
    worst = int(held.argmax())
    seconds = longest(beyond[:, worst] > RANGE.most) / motion.fps
    said = (
        f"{motion.joint_names[worst]} is {held[worst]:.0f} degrees beyond its range, more than "
        f"{RANGE.most:g} for {seconds:.2f} s"
    )
    return [RANGE.at(max(float(held[worst]), 0.0), said)]
