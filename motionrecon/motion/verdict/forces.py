"""Forces that the input asks for, and those that the body gets: flight, peaks, breaks, the root."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from motionrecon.motion import stances
from motionrecon.motion.kind import Kind
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_NOTHING = 0.02  # body weights: less of the floor on the whole body is flight
# The input flies where it asks for less of the floor, and, smoothed over 0.2 s as it is, perhaps
# for so much longer before and after.
_FLIES, _UNSURE_S = 0.5, 0.08
_NEVER_FLY = (Kind.WALK, Kind.SQUAT)
_SIGMAS = 2.0  # of the demand's noise

_MEASURED = "measured on 38 development clips"
AIR = Limit(
    "air_share",
    "",
    "share of time in the air where the input is on the ground",
    0.01,
    f"{_MEASURED}: 0.3 % at most of those whose curves look like a person's; walks "
    "that hop (docs/benchmarks/plausibility.md): 1.3 % and more",
)
PEAK = Limit(
    "foot_peak_bw",
    "body weights",
    "largest vertical force on a foot; allowed in a run or jump 1.5, in other motion 1.0 more than "
    "the input asks of the floor at most, smoothed over 0.2 s",
    1.6,
    "force plates under walks of development clips read 1.1 to 1.2; the rest is for quick walks",
)
# Beyond what the input asks of the floor as a whole at its peak, smoothed over 0.2 s: an impact is
# shorter. Force plates read up to 0.8 more under a foot of a run, 0.2 in a drop jump.
_IMPACT = {
    Kind.WALK: -np.inf,
    Kind.SQUAT: -np.inf,
    Kind.RUN: 1.5,
    Kind.JUMP: 1.5,
    Kind.OTHER: 1.0,
}
ELSEWHERE = Limit(
    "other_peak_bw", "body weights", "the same on what is no foot", 1.6, "as of a foot: by choice"
)
TOTAL = Limit(
    "total_peak_bw",
    "body weights",
    "the same on the whole body",
    2.0,
    f"{_MEASURED}: walks 1.8 at most, others 1.1 beyond what is asked; a cartwheel whose hands and "
    "feet land at once 2.5 beyond",
)
BREAKS = Limit(
    "contact_breaks_per_s",
    "1/s",
    "a foot lifted for less than 0.1 s, or loaded for less than 0.05 s; one alone is allowed, in a "
    "jump or other motion 1.2 a second more",
    1.0,
    f"{_MEASURED}: walks whose curves look like a person's 0.8 at most, quick "
    "dances 2.0; walks that hop 2.4 and more",
)
_FOOTWORK = {Kind.WALK: 0.0, Kind.SQUAT: 0.0, Kind.RUN: 0.0, Kind.JUMP: 1.2, Kind.OTHER: 1.2}
ROOT = Limit(
    "root_residual_bw",
    "body weights",
    "root mean square of the floor's force less m (a - g) of the input, smoothed over 0.2 s; "
    "allowed in a run 0.3, in a jump or other motion 0.2 more, and twice the noise's own",
    0.3,
    f"{_MEASURED}, of those whose curves look like a person's: walks 0.25 at "
    "most, runs 0.44, other 0.39; walks that hop 0.36 and more",
)
_SHARP = {Kind.WALK: 0.0, Kind.SQUAT: 0.0, Kind.RUN: 0.3, Kind.JUMP: 0.2, Kind.OTHER: 0.2}


def air(e: Evidence) -> list[Finding]:
    """Time in the air where the person is not."""
    stands = np.ones(len(e.floor), bool)
    if e.kind not in _NEVER_FLY:
        reach = round(_UNSURE_S / e.step)
        stands = ~_spread(e.asked[:, 2] < _FLIES, reach) & e.known
    flies = (e.floor[:, 2] < _NOTHING) & stands
    share = float(flies.mean())
    first = e.step_time[flies.argmax()]
    said = f"in the air {share:.1%} of the time, from {first:.1f} s on, where the person is not"
    return [AIR.at(share, said)]


def peak(e: Evidence) -> list[Finding]:
    """Peaks beyond what the motion can give, on a foot and on all that is no foot."""
    up = e.feet[..., 2]
    step, side = np.unravel_index(int(up.argmax()), up.shape)
    allowed = max(PEAK.most, float(e.asked[:, 2].max()) + _IMPACT[e.kind])
    where = f"the {'left' if side == 0 else 'right'} foot"
    other, total = e.floor[:, 2] - up.sum(axis=1), e.floor[:, 2]
    parts = [
        _peak(e, PEAK, where, int(step), float(up.max()), allowed),
        _peak(e, ELSEWHERE, "what is no foot", int(other.argmax()), float(other.max()), allowed),
    ]
    most, at = float(total.max()), int(total.argmax())
    whole = _peak(e, TOTAL, "the whole body", at, most, max(TOTAL.most, allowed))
    if any(f.suspicious for f in parts):  # one reason for one thing
        whole = replace(whole, reason="")
    return [*parts, whole]


def _peak(e: Evidence, limit: Limit, where: str, step: int, most: float, allowed: float) -> Finding:
    said = (
        f"the floor pushes {where} with {most:.2f} body weights at {e.step_time[step]:.1f} s: the "
        f"motion can give {allowed:.2f}"
    )
    return limit.at(most, said, allowed - limit.most)


def broken(e: Evidence) -> list[Finding]:
    """Contacts broken into pieces."""
    rate = 1 / e.step
    times = sum(len(stances.breaks(e.feet[:, s, 2], rate)) for s in (0, 1))
    said = f"the feet leave the floor or touch it {times} times for less than a person can"
    seconds = max(e.motion.duration, 1e-9)
    once = 1 / seconds - BREAKS.most  # in a short clip too, one alone is no pattern
    return [BREAKS.at(times / seconds, said, max(_FOOTWORK[e.kind], once))]


def root(e: Evidence) -> list[Finding]:
    """The floor's force against m (a - g) of the input."""
    off = np.linalg.norm(e.floor - e.asked, axis=1)[e.known]
    residual = float(np.sqrt((off**2).mean())) if off.size else np.nan
    said = f"the floor's force is {residual:.2f} body weights (RMS) off what the motion asks for"
    noise = _SIGMAS * float(np.sqrt(3)) * e.demand.noise / 9.81
    return [ROOT.at(residual, said, _SHARP[e.kind] + noise)]


def _spread(flags: Bool[np.ndarray, "N"], reach: int) -> Bool[np.ndarray, "N"]:
    """True within `reach` steps of a True."""
    # "same" is as long as the longer of both: a clip may be shorter than its surroundings
    return np.convolve(flags, np.ones(2 * reach + 1), "full")[reach : reach + len(flags)] > 0.5
