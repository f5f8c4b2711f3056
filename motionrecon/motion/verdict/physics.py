"""Frames of the input that no floor could bring about."""

import numpy as np

from motionrecon.motion.unexplained import unexplained
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

LONGEST = Limit(
    "unexplained_s",
    "s",
    "the longest run of frames that no floor could bring about",
    0.15,
    "measured on 34 development clips: 0.08 at most; lifted by 0.5 m for 0.6 s: 0.77",
)
SHARE = Limit(
    "unexplained_share",
    "",
    "share of such frames",
    0.05,
    "measured on 34 development clips: 0.0496 at most; lifted by 0.5 m for 0.6 s: 0.49",
)


def physics(e: Evidence) -> list[Finding]:
    """Flight without fall, acceleration that a floor cannot give."""
    u = unexplained(e.motion, e.noise_m, e.stature, e.demand)
    share = float((u.flight | u.contact).mean())
    said = "; ".join(
        f"{kind} in {flags.sum()} frames from {np.flatnonzero(flags)[0] / e.motion.fps:.1f} s on"
        for kind, flags in (
            ("flight without fall, or acceleration without contact,", u.flight),
            ("acceleration that a floor cannot give", u.contact),
        )
        if flags.any()
    )
    said += f": up to {u.worst:.0f} m/s^2 that no physics explains"
    both = u.seconds > LONGEST.most  # one reason for one thing
    return [
        LONGEST.at(u.seconds, f"{said}, {u.seconds:.2f} s without a break"),
        SHARE.at(share, "" if both else f"{said}, {share:.0%} of the time"),
    ]
