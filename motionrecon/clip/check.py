"""The first step: numbers that can be keypoints, NaN for what is missing."""

import numpy as np
from jaxtyping import Float

from motionrecon.clip.reading import Reading
from motionrecon.io.base import LARGEST_VALUE, MOST_LABELS, MOST_NUMBERS

MIN_FRAMES = 5  # fewer tell neither velocity nor noise


def check(reading: Reading) -> Reading:
    """positions and confidence of the right shape and range; a point of which one coordinate is
    missing, that has no confidence, or that a tool wrote as 0, 0, 0 is NaN. Raises ClipError.
    """
    positions = _positions(reading)
    confidence = _confidence(reading, len(positions), positions.shape[1])
    positions, zeros = _without_zeros(positions)
    positions[confidence <= 0] = np.nan
    if not np.isfinite(positions).any():
        raise reading.error("every keypoint of every frame is missing (NaN or zero confidence)")
    reading = reading.replace(positions=positions, confidence=confidence)
    return (
        reading.found(f"{zeros} keypoints at exactly 0, 0, 0 taken as missing")
        if zeros
        else reading
    )


def _positions(reading: Reading) -> Float[np.ndarray, "T J 3"]:
    count, joints = np.size(reading.positions), np.shape(reading.positions)[1:2]
    if count > MOST_NUMBERS or joints > (MOST_LABELS,):
        raise reading.error(
            f"keypoints have shape {np.shape(reading.positions)}; expected at most {MOST_LABELS} "
            f"keypoints and {MOST_NUMBERS} numbers in all: cut the clip into pieces"
        )
    positions = np.array(reading.positions, float)
    if positions.ndim != 3 or positions.shape[2] != 3:
        flat = positions.shape[-1:] == (2,)
        hint = "; these are 2D keypoints: lift them to 3D first" if flat else ""
        raise reading.error(
            f"keypoints have shape {positions.shape}; expected (frames, joints, 3){hint}"
        )
    if len(positions) < MIN_FRAMES:
        raise reading.error(f"{len(positions)} frame(s); a motion needs at least {MIN_FRAMES}")
    if np.isinf(positions).any():
        frame, joint, _ = np.argwhere(np.isinf(positions))[0]
        raise reading.error(
            f"infinite value at frame {frame}, joint {joint} ({np.isinf(positions).sum()} in all); "
            "write NaN for what is missing"
        )
    if np.abs(positions[np.isfinite(positions)]).max(initial=0.0) > LARGEST_VALUE:
        frame, joint, _ = np.argwhere(np.abs(positions) > LARGEST_VALUE)[0]
        raise reading.error(
            f"frame {frame}, joint {joint} is beyond {LARGEST_VALUE:g}: the file is damaged"
        )
    if positions.shape[1] == 0 or np.isnan(positions).all():
        raise reading.error(
            "every keypoint of every frame is missing (NaN); nothing to reconstruct"
        )
    # A point with one coordinate missing is missing.
    return np.where(np.isnan(positions).any(axis=-1, keepdims=True), np.nan, positions)


def _confidence(reading: Reading, frames: int, joints: int) -> Float[np.ndarray, "T J"]:
    if reading.raw.confidence is None:
        return np.ones((frames, joints))
    confidence = np.array(reading.raw.confidence, float)
    if confidence.shape == (frames, joints, 1):
        confidence = confidence[:, :, 0]
    if confidence.shape != (frames, joints):
        raise reading.error(f"confidence has shape {confidence.shape}; expected {(frames, joints)}")
    confidence = np.where(np.isnan(confidence), 0.0, confidence)
    if confidence.min() < 0 or confidence.max() > 1:
        raise reading.error(
            f"confidence runs from {confidence.min():g} to {confidence.max():g}; "
            "expected 0 to 1 (scale it)"
        )
    return confidence


def _without_zeros(
    positions: Float[np.ndarray, "T J 3"],
) -> tuple[Float[np.ndarray, "T J 3"], int]:
    """(positions, how many were zero): tools write 0, 0, 0 for a point they have not seen. A joint
    that is there in all frames is the origin itself.
    """
    zero = (positions == 0).all(axis=-1)
    zero &= ~zero.all(axis=0)  # root-relative clips have their root at the origin throughout
    # A lone zero may be true (a clip often starts above the origin), several in one joint may not.
    zero &= zero.sum(axis=0) > 1
    return np.where(zero[..., None], np.nan, positions), int(zero.sum())
