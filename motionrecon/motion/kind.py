"""What kind of motion it is, by its contacts and its pelvis: what says how forces are filtered."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool

from motionrecon.motion.motion import Motion


class Kind(StrEnum):
    """A kind of motion for which laboratories have a usual filter."""

    WALKING = "walking"
    RUNNING = "running"
    SQUATS = "squats or sit-to-stand"
    JUMPS = "jumps"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Bounds:
    """What tells the kinds apart. Ranges are those of the gait literature where one is named, else
    set between what motions of known kind with force plates measure.
    """

    loaded: float = 0.05  # body weights: less is no contact
    # s: a shorter gap in a foot's contact is no step; a foot swings for 0.25 s in a sprint, 0.4 in
    # a walk
    joined_s: float = 0.1
    other: float = 0.05  # share of the floor's impulse on other segments than feet
    # s; a runner is in the air 0.06 to 0.15 s at a time (Cavagna et al., J. Physiol. 399, 1988)
    jump_s: float = 0.25
    # share of the time; a walk has none by definition, a slow run 10 % and more
    flight: float = 0.04
    single: float = 0.3  # share of the time on one foot: 0.6 and more in walks and runs
    # touchdowns a second, with what a clip's ends and an unsteady foot add: 1.4 to 2.5 walking
    # (Perry & Burnfield, Gait Analysis, 2010), 2.4 to 4 running
    walking: tuple[float, float] = (0.8, 3.0)
    running: tuple[float, float] = (1.5, 5.0)
    alternate: float = 0.6  # share of touchdowns that follow one of the other foot
    both: float = 0.9  # share of the time on both feet, in squats and when getting up
    # m/s, 95 of 100 vertical speeds of the pelvis are slower; a squat in a second takes 1
    slow_m_s: float = 1.2
    travel_m_s: float = 0.3  # m/s of the pelvis between the motion's ends


@dataclass(frozen=True)
class Signs:
    """What a motion's kind is decided by."""

    other: float  # share of the floor's impulse on other segments than feet
    flight: float  # share of the time in the air
    longest_flight_s: float  # s
    single: float  # share of the time on one foot
    both: float  # share of the time on both feet
    steps_s: float  # touchdowns a second, either foot's
    alternate: float  # share of touchdowns that follow one of the other foot
    irregular: float  # standard deviation over mean of the times between touchdowns
    travel_m_s: float  # m/s, the pelvis' horizontal way from end to end
    vertical_m_s: float  # m/s, 95 of 100 vertical speeds of the pelvis are less


def signs(motion: Motion, bounds: Bounds = Bounds()) -> Signs:
    """Of the simulated states and forces."""
    h, weight = motion.timestep, float(motion.model.body_subtreemass[0]) * 9.81
    foot = motion.simulation_contact_force[..., 2]
    other = motion.simulation_contact_force_other[..., 2]
    gap = round(bounds.joined_s / h)
    least = bounds.loaded * weight
    on = np.stack([joined(foot[:, s] > least, gap) for s in (0, 1)], axis=1)
    carried = foot.sum(axis=1) + other > least
    flights = _runs(~carried)
    seconds = len(foot) * h
    at, foot_of = np.nonzero(on[1:] & ~on[:-1])
    way = motion.simulation_qpos[-1, :2] - motion.simulation_qpos[0, :2]
    return Signs(
        other=float(other.sum() / max(foot.sum() + other.sum(), 1e-9)),
        flight=float((~carried).mean()),
        longest_flight_s=float(h * max((b - a for a, b in flights), default=0)),
        single=float((on.sum(axis=1) == 1).mean()),
        both=float(on.all(axis=1).mean()),
        steps_s=len(at) / seconds,
        alternate=float((foot_of[1:] != foot_of[:-1]).mean()) if len(at) > 1 else 1.0,
        irregular=float(np.diff(at).std() / max(np.diff(at).mean(), 1)) if len(at) > 2 else 0.0,
        travel_m_s=float(np.linalg.norm(way) / seconds),
        vertical_m_s=float(np.percentile(np.abs(motion.simulation_qvel[:, 2]), 95)),
    )


def kind_of(motion: Motion, bounds: Bounds = Bounds()) -> tuple[Kind, str]:
    """(kind, in words why). Where the signs contradict each other the kind is unsure."""
    s = signs(motion, bounds)
    stepping = s.single >= bounds.single and s.alternate >= bounds.alternate
    if s.other > bounds.other:
        return Kind.UNSURE, f"{s.other:.0%} of the floor's push is not on the feet"
    if s.longest_flight_s > bounds.jump_s:
        return Kind.JUMPS, f"{s.longest_flight_s:.2f} s in the air at a time"
    pace = f"{s.steps_s:.1f} steps a second, {s.flight:.0%} of the time in the air"
    kind = Kind.RUNNING if s.flight > bounds.flight else Kind.WALKING
    slowest, quickest = bounds.running if kind is Kind.RUNNING else bounds.walking
    if stepping and slowest <= s.steps_s <= quickest:
        return kind, pace
    still = s.travel_m_s < bounds.travel_m_s and s.vertical_m_s < bounds.slow_m_s
    if s.both >= bounds.both and still:
        return Kind.SQUATS, f"on both feet {s.both:.0%} of the time, no travel"
    return Kind.UNSURE, f"{pace}, {s.both:.0%} on both feet"


def joined(on: Bool[np.ndarray, "n"], gap: int) -> Bool[np.ndarray, "n"]:
    """The same with gaps of at most `gap` samples closed."""
    out = on.copy()
    for a, b in _runs(~on):
        if 0 < a and b < len(on) and b - a <= gap:
            out[a:b] = True
    return out


def _runs(flags: Bool[np.ndarray, "n"]) -> list[tuple[int, int]]:
    """(first, beyond the last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
