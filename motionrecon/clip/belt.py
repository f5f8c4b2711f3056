"""A treadmill whose belt moves: the person goes over ground as fast as the belt comes."""

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import Points, nanmean
from motionrecon.clip.reading import Reading
from motionrecon.clip.travel import recover, standing_velocity

_STAYS = 0.2  # m/s: hips that go on average faster travel themselves
_SWINGS_M = 0.25  # how far both feet go along the ground in the clip, at least
_SLOWEST = 0.3  # m/s; slower belts are not told from feet that slide
_LEAST_S = 1.5
# Of the belt's speed: how far from it the speeds of standing feet are (the median), at most;
# on treadmills made of thirteen walks and runs 0.01 to 0.08, of what is neither up to 0.3.
_SPREAD = 0.15
FASTEST = 12.0  # m/s, as fast as anybody runs


def belt(reading: Reading) -> Reading:
    """The step: positions as seen from the belt of a treadmill, by the speed that the user gives
    or that the standing feet show; places of measured forces with them. On a belt of constant speed
    physics is that of the ground (Galileo). Raises ClipError for a speed that is none.
    """
    asked = reading.asked.belt or "auto"
    if (wrong := wrong_belt(asked)) is not None:
        raise reading.error(wrong)
    if asked == "none":
        return reading
    seen = _seen(reading)
    if asked != "auto":
        ahead = _ahead(reading, seen)
        if ahead is None:
            raise reading.error("--belt: no hips show where the person faces; leave it out")
        return _carried(reading, float(asked) * ahead, "given")
    return reading if seen is None else _carried(reading, seen, "shown by the feet that stand")


def wrong_belt(asked: str) -> str | None:
    """What is wrong with a word for the belt's speed, or None."""
    if asked in ("auto", "none"):
        return None
    try:
        speed = float(asked)
    except ValueError:
        speed = np.nan
    if 0 < speed <= FASTEST:
        return None
    return f"--belt {asked}: expected auto, none, or more than 0 to {FASTEST:g} m/s"


def _carried(reading: Reading, velocity: Float[np.ndarray, " 2"], how: str) -> Reading:
    time = np.arange(len(reading.positions)) / reading.fps
    moved = reading.positions.copy()
    moved[..., :2] += (time[:, None] * velocity)[:, None]
    extras = dict(reading.extras)
    if "grf_cop" in extras and "grf_time" in extras:
        centre = np.array(extras["grf_cop"], float)
        centre[..., :2] += (np.asarray(extras["grf_time"])[:, None] * velocity)[:, None]
        extras["grf_cop"] = centre
    speed = np.linalg.norm(velocity)
    return reading.replace(positions=moved, extras=extras).found(
        f"a treadmill's belt of {speed:.2f} m/s ({how}): the motion is told as seen from the belt, "
        "over ground (--belt none leaves it out)"
    )


def _seen(reading: Reading) -> Float[np.ndarray, " 2"] | None:
    """m/s, over the belt, of a person who stays while standing feet go back; or None."""
    at, names, fps = reading.positions, reading.names, reading.fps
    p = Points(at, names)
    hips = p.trunk_bottom()[:, :2]
    hips = hips[np.isfinite(hips).all(axis=1)]
    seconds = len(at) / fps
    if len(hips) < 5 or seconds < _LEAST_S:
        return None
    if np.linalg.norm(hips[-1] - hips[0]) / seconds > _STAYS:
        return None
    for side in "lr":
        foot = p.ankle(side)[:, :2]
        foot = foot[np.isfinite(foot).all(axis=1)]
        if len(foot) < 5 or np.ptp(foot, axis=0).max() < _SWINGS_M:
            return None
    found = recover(at, names, fps)
    if isinstance(found, str):
        return None
    velocity, spread = standing_velocity(found, fps)
    speed = float(np.linalg.norm(velocity))
    return velocity if speed > _SLOWEST and spread < _SPREAD * speed else None


def _ahead(reading: Reading, seen: Float[np.ndarray, " 2"] | None) -> np.ndarray | None:
    """Unit: where the person goes, else faces."""
    if seen is None:
        p = Points(reading.positions, reading.names)
        across = nanmean(p("l_hip") - p("r_hip"), axis=0)
        seen = np.array([across[1], -across[0]])
    length = np.linalg.norm(seen)
    return seen / length if np.isfinite(length) and length > 0 else None
