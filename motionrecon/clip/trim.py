"""The step that cuts the frames in which the person is not there yet, or no more."""

import numpy as np

from motionrecon.clip.check import MIN_FRAMES
from motionrecon.clip.reading import Reading

_ENOUGH = 0.5  # of the keypoints


def trim(reading: Reading) -> Reading:
    """Without the frames at both ends in which less than half of the keypoints are seen; extras
    gets time (T,), s, where the file has time stamps or frame 0 was cut. Raises ClipError where
    too few are left.

    Laboratories record before the person enters the volume and after they leave it; where the body
    was then is unknown.
    """
    first, after = _shown(reading)
    frames, stamps = len(reading.positions), reading.raw.time
    if stamps is not None or first > 0:
        begun = stamps[0] if stamps is not None else 0.0
        time = begun + np.arange(first, after) / reading.fps
        reading = reading.replace(extras=reading.extras | {"time": time})
    if first:
        reading = reading.found(
            f"the first {first} frames, which show less than half of the keypoints, were cut"
        )
    if after < frames:
        reading = reading.found(
            f"the last {frames - after} frames, which show less than half of the keypoints, were "
            "cut"
        )
    return reading.replace(
        positions=reading.positions[first:after], confidence=reading.confidence[first:after]
    )


def _shown(reading: Reading) -> tuple[int, int]:
    """(first, after) of the frames to keep."""
    seen = np.isfinite(reading.positions).all(axis=-1).mean(axis=1) >= _ENOUGH
    frames = np.flatnonzero(seen)
    if not frames.size:  # never half of them at once: another rule would be a guess
        return 0, len(seen)
    first, after = int(frames[0]), int(frames[-1]) + 1
    if after - first < MIN_FRAMES:
        raise reading.error(
            f"{after - first} frame(s) show at least half of the keypoints; "
            f"a motion needs at least {MIN_FRAMES}"
        )
    return first, after
