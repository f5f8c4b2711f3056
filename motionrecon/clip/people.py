"""Which of several persons an array (P, T, J, 3) or (T, P, J, 3) holds."""

from dataclasses import replace

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import Raw


def separate(raw: Raw, source: str) -> dict[int, Raw]:
    """Each person of a file by number (from 0, or a track's), positions (T, J, 3); those of whom
    no coordinate is known are left out.

    The axis of frames is the one that `time` has the length of, or else the longer one: there are
    more frames than people. Raises ClipError where both are as long.
    """
    if raw.positions.ndim != 4:
        return {raw.persons[0] if raw.persons else 0: raw}
    axis = _axis_of_persons(raw, source)
    positions = np.moveaxis(raw.positions, axis, 0)
    confidence = raw.confidence
    if confidence is not None and np.shape(confidence)[:2] == raw.positions.shape[:2]:
        confidence = np.moveaxis(confidence, axis, 0)
    numbers = raw.persons or tuple(range(len(positions)))
    return {
        number: replace(
            raw,
            positions=positions[k],
            confidence=None if confidence is None else confidence[k],
            persons=(),
            findings=(*raw.findings, f"person {number} of {len(positions)}"),
        )
        for k, number in enumerate(numbers)
        if (np.isfinite(positions[k]) & (positions[k] != 0)).any()
    }


def one(raw: Raw, person: int | None, source: str) -> Raw:
    """The person asked for, or the only one. Raises ClipError, a question, where there are several;
    and where there is no such person.
    """
    if raw.positions.ndim != 4:
        if not raw.persons and person not in (None, 0):
            raise ClipError(f"{source}: no person {person}; it shows one: leave --person out")
        return raw
    people = separate(raw, source)
    known = ", ".join(map(str, list(people)[:20])) or "none"
    if person is None and len(people) != 1:
        raise ClipError(
            f"{source}: {len(people)} persons: which one? Give --person, one of: {known}, or all"
        )
    if person is not None and person not in people:
        raise ClipError(f"{source}: no person {person}; there are {known} (--person)")
    return people[next(iter(people)) if person is None else person]


def _axis_of_persons(raw: Raw, source: str) -> int:
    first, second = raw.positions.shape[:2]
    if raw.time is not None and len(raw.time) in (first, second) and first != second:
        return 0 if len(raw.time) == second else 1
    if first == second:
        raise ClipError(
            f"{source}: keypoints have shape {raw.positions.shape}: as many persons as frames? "
            "Expected (persons, frames, joints, 3) with more frames: cut out one person"
        )
    return 0 if first < second else 1
