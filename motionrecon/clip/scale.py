"""The step that brings a file's units to metres."""

import numpy as np

from motionrecon.anatomy.points import stature
from motionrecon.clip.reading import Reading
from motionrecon.io import detect


def scale(reading: Reading) -> Reading:
    """positions in metres: by the user's units, the file's, or those in which the person has the
    size of one. Raises ClipError.
    """
    asked, declared = reading.asked.units, reading.raw.units
    for units in (asked, declared):
        if units is not None and (wrong := detect.wrong_units(units)):
            raise reading.error(wrong)
    tall = stature(reading.positions, reading.names)
    if not np.isfinite(tall):
        raise reading.error(
            "no thigh, shank or arm has both its ends seen in one frame: no size, no body"
        )
    detected = detect.detect_units(tall, reading.raw.likely_units)
    units, how = detected, "detected"
    if asked or declared:
        units, how = (asked, "given") if asked else (declared, "from the file")
    low, high = detect.STATURE_RANGE_M
    metres = None if units is None else detect.metres_of(units)
    if metres is None:
        sizes = ", ".join(f"{tall * m:.3g} m tall in {u}" for u, m in detect.UNITS.items())
        raise reading.error(
            "the units fit neither metres nor centimetres nor millimetres: "
            f"the person would be {sizes}; expected {low:g} to {high:g} m: "
            "give --units with the metres in a unit, such as 0.1"
        )
    if not low <= tall * metres <= high:
        hint = ""
        if detected:
            hint = f"; in {detected} it would be {tall * detect.ALL_UNITS[detected]:.2f} m"
        raise reading.error(
            f"in {units} ({how}) the person is {tall * metres:.3g} m tall; "
            f"expected {low:g} to {high:g} m{hint}"
        )
    return reading.replace(positions=reading.positions * metres, units=units).found(
        f"units {units} ({how}): the person is about {tall * metres:.2f} m tall"
    )
