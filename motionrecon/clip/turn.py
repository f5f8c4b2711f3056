"""The step that turns a file's axes so that z is up, its force plates with them."""

import numpy as np
from jaxtyping import Float

from motionrecon.clip.reading import Reading
from motionrecon.io import detect, plates

_GUESS = 0.1  # evidence below which the up axis is a guess (motionrecon.io.detect.Up)


def turn(reading: Reading) -> Reading:
    """positions with z up: by the user's up axis, the file's, or the one the motion shows; and the
    contacts of force plates as extras grf_*. Raises ClipError for an axis that is none.
    """
    reading, rotation = _rotation(reading)
    reading = reading.replace(positions=reading.positions @ rotation.T)
    if reading.raw.plates is None:
        return reading
    measured, found = plates.to_extras(
        reading.raw.plates, rotation, reading.positions, reading.names, reading.fps
    )
    return reading.replace(extras=reading.extras | measured).found(found)


def _rotation(reading: Reading) -> tuple[Reading, Float[np.ndarray, "3 3"]]:
    """The reading with what was found, and the rotation whose rows are the new axes in the old."""
    asked, declared = reading.asked.up, reading.raw.up
    for up in (asked, declared):
        if up is not None and (wrong := detect.wrong_up(up)):
            raise reading.error(wrong)
    if axis := asked or declared:
        how = "given" if asked else "from the file"
        return reading.replace(up=axis).found(f"up axis {axis} ({how})"), detect.UP_AXES[axis]
    seen = detect.detect_up(reading.positions, reading.names)
    reading = reading.replace(up=seen.axis).found(f"up axis {seen.axis} (detected)")
    if seen.evidence < _GUESS:
        reading = reading.warned(
            f"the up axis is a guess ({seen.axis}): the motion hardly shows it; "
            "give --up if it is wrong"
        )
    return reading, detect.UP_AXES[seen.axis]
