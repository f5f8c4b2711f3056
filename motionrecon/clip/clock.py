"""The step that puts frames on an even clock."""

import numpy as np
from jaxtyping import Float

from motionrecon.clip.reading import Reading
from motionrecon.io.base import MOST_NUMBERS

FPS_RANGE = (20.0, 250.0)  # Hz; faster clips are decimated
_MAX_FPS = 20_000.0
# s in which nothing is seen: what a person did for longer than that nobody can say, and the file is
# two clips. (The longest of the development clips' gaps is 0.3 s.)
_LONGEST_GAP_S = 10.0
_UNEVEN = 0.3  # of a frame, off a whole number of them
_WIDEST_SPAN = 2.5  # frames, across which linear interpolation still goes


def clock(reading: Reading) -> Reading:
    """fps, from the user, the file or its time stamps; frames that the stamps show to be absent
    become NaN, uneven ones are interpolated. Raises ClipError.
    """
    time = _checked_time(reading)
    rate, how = _rate(reading, time)
    reading = reading.replace(fps=rate).found(
        f"{len(reading.positions)} frames at {rate:g} Hz ({how})"
    )
    if time is None or reading.asked.fps is not None:
        return reading
    frame = (time - time[0]) * rate
    index = np.rint(frame).astype(int)
    step = np.diff(time)
    if step.max() > _LONGEST_GAP_S:
        raise reading.error(
            f"'time' jumps by {step.max():g} s after frame {int(step.argmax())}; expected seconds "
            f"at {rate:g} Hz, and gaps of at most {_LONGEST_GAP_S:g} s: cut the file there"
        )
    if (filled := (frame[-1] + 1) * reading.positions[0].size) > MOST_NUMBERS:
        raise reading.error(
            f"'time' asks for {filled:.3g} numbers at {rate:g} Hz; expected at most "
            f"{MOST_NUMBERS}: it is damaged, or must be cut into pieces"
        )
    off = np.abs(np.diff(frame) - np.rint(np.diff(frame))).max()
    if off > _UNEVEN or (np.diff(index) < 1).any():
        return _interpolated(reading, time).warned(
            f"time stamps are uneven or disagree with {rate:g} Hz (steps of "
            f"{step.min() * 1e3:.1f} to {step.max() * 1e3:.1f} ms): "
            "frames were put on an even clock by linear interpolation"
        )
    if index[-1] == len(index) - 1:
        return reading
    positions = np.full((index[-1] + 1, *reading.positions.shape[1:]), np.nan)
    confidence = np.zeros(positions.shape[:2])
    positions[index], confidence[index] = reading.positions, reading.confidence
    return reading.replace(positions=positions, confidence=confidence).warned(
        f"{index[-1] + 1 - len(index)} frames are absent by the time stamps (the longest gap is "
        f"{step.max():.2f} s): they are filled as missing"
    )


def wrong_rate(rate: float, how: str) -> str | None:
    """What to say of a frame rate, Hz, that no clip has; how: where it is from, in words."""
    if np.isfinite(rate) and FPS_RANGE[0] <= rate <= _MAX_FPS:
        return None
    return (
        f"{rate:g} frames per second ({how}); expected {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} Hz "
        "(faster clips are decimated); correct it with --fps"
    )


def _checked_time(reading: Reading) -> Float[np.ndarray, " T"] | None:
    time, frames = reading.raw.time, len(reading.positions)
    if time is None:
        return None
    if len(time) != frames or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise reading.error(
            f"'time' must hold one rising number of seconds for each of the {frames} frames; "
            f"it has shape {time.shape}"
            + ("" if len(time) != frames else " and does not rise everywhere")
        )
    return time


def _rate(reading: Reading, time: Float[np.ndarray, " T"] | None) -> tuple[float, str]:
    """(Hz, where it is from in words)."""
    asked = reading.asked.fps
    rate, how = (asked, "given") if asked is not None else (reading.raw.fps, "from the file")
    if rate is None and time is not None and len(time) > 1:
        rate, how = _rate_of(time), "from the file's time stamps"
    if rate is None:
        raise reading.error("no frame rate: add 'fps' to the file or give --fps")
    rate = float(rate)
    if wrong := wrong_rate(rate, how):
        raise reading.error(wrong)
    return rate, how


def _rate_of(time: Float[np.ndarray, " T"]) -> float:
    """Frames a second of time stamps (T,): their median step, refined over the whole; 30.0003 is 30
    with rounded stamps.
    """
    step = float(np.median(np.diff(time)))
    whole = time[-1] - time[0]
    rate = max(np.rint(whole / step), 1.0) / whole if np.isfinite(step) else np.nan
    if abs(rate * step - 1) > 0.01:
        rate = 1 / step  # gaps that are no whole number of frames
    return float(round(rate)) if abs(rate - round(rate)) < 2e-4 * rate else float(rate)


def _interpolated(reading: Reading, time: Float[np.ndarray, " T"]) -> Reading:
    """Linear between neighbouring frames no further apart than 2.5 frames; NaN elsewhere."""
    positions, confidence, rate = reading.positions, reading.confidence, reading.fps
    even = np.arange(int(np.floor((time[-1] - time[0]) * rate + 1e-6)) + 1) / rate + time[0]
    right = np.clip(np.searchsorted(time, even), 1, len(time) - 1)
    span = time[right] - time[right - 1]
    w = np.clip((even - time[right - 1]) / span, 0, 1)
    # An end of weight zero must not spoil the other with its NaN.
    w_left, w_right = (1 - w)[:, None, None], w[:, None, None]
    mixed = np.where(w_left == 0, 0.0, w_left * positions[right - 1])
    mixed = mixed + np.where(w_right == 0, 0.0, w_right * positions[right])
    mixed[span > _WIDEST_SPAN / rate] = np.nan
    return reading.replace(
        positions=mixed, confidence=np.minimum(confidence[right - 1], confidence[right])
    )
