"""A clip of keypoints: what every part of the package takes as its input, and how a file becomes
one.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from motionrecon import io
from motionrecon.anatomy.skeletons import NEEDS
from motionrecon.errors import ClipError
from motionrecon.io import detect, plates
from motionrecon.io.naming import Choice, closest, name_keypoints

FPS_RANGE = (20.0, 250.0)
MIN_FRAMES = 5  # fewer tell neither velocity nor noise
_MAX_FPS = 20_000.0
_LONG_GAP_S = 0.25
_MOST_FILLED = (
    20  # frames for every one of the file, and 20,000: only damaged time stamps ask for more
)


@dataclass(frozen=True)
class Clip:
    """Keypoints of one person over time.

    keypoints (T, J, 3) float64, m, z up, ground near z = 0, NaN where missing; names: J canonical
    names; fps: Hz; confidence (T, J) in [0, 1], 0 where missing; source: the file's name; findings:
    what was detected or converted; warnings: what looks wrong; extras: arrays that came along
    (grf_*, body_mass_kg, time: seconds of the frames).
    """

    keypoints: np.ndarray
    names: tuple[str, ...]
    fps: float
    confidence: np.ndarray
    source: str = "clip"
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extras: dict = field(default_factory=dict)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (len(self.keypoints) - 1) / self.fps

    def index(self, name: str) -> int | None:
        """The column of a keypoint, or None."""
        return self.names.index(name) if name in self.names else None

    def replace(self, **changes) -> "Clip":
        """A copy with some fields changed."""
        return replace(self, **changes)


def load_clip(
    path: str | Path,
    *,
    skeleton: str | None = None,
    mapping: str | None = None,
    units: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    subject: str | None = None,
    person: int | None = None,
    model: str | Path | None = None,
    allow_pickle: bool = False,
) -> Clip:
    """Reads a clip, of any format that motionrecon.io has a reader for, and converts it to metres,
    z up, canonical names.

    skeleton (a key of motionrecon.anatomy.skeletons.SKELETONS), mapping (a shipped mapping's name,
    a YAML file, or "none"; see motionrecon.io.mapping), units (m, cm, mm, or the metres in a unit),
    up (z, y, x, -z, -y, -x) and fps (Hz) override what the file says or what is detected; subject,
    person, model and allow_pickle settle what it leaves open (motionrecon.io.ReadOptions). Raises
    ClipError with the file, what is wrong and what to do.
    """
    options = io.ReadOptions(
        person, subject, Path(model) if model is not None else None, allow_pickle
    )
    raw = io.read(Path(path), options)
    return make_clip(
        raw,
        str(path),
        skeleton=skeleton,
        mapping=mapping,
        units=units,
        up=up,
        fps=fps,
        subject=subject if raw.names is not None else None,
    )


def make_clip(
    raw: io.Raw,
    source: str,
    *,
    skeleton: str | None = None,
    mapping: str | None = None,
    units: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    subject: str | None = None,
) -> Clip:
    """The same as load_clip, from arrays in memory (motionrecon.io.Raw)."""
    findings, warnings = list(raw.findings), list(raw.warnings)
    positions = _check_positions(source, np.array(raw.positions, float))
    confidence = _check_confidence(source, raw.confidence, positions)
    positions = _drop_zeros(positions, findings)
    positions[confidence <= 0] = np.nan
    if not np.isfinite(positions).any():
        raise ClipError(
            f"{source}: every keypoint of every frame is missing (NaN or zero confidence)"
        )
    rate, positions, confidence = _clock(
        source, raw, fps, positions, confidence, findings, warnings
    )
    choice = Choice(skeleton, mapping, subject, detect.metres_of(units or raw.units or ""))
    named = name_keypoints(source, raw, positions, confidence, choice, findings, warnings)
    names, positions, confidence = named.names, named.positions, named.confidence
    _check_needs(source, names, positions, raw.names if mapping is None else None)
    positions = positions * _scale(source, raw, units, positions, names, findings)
    turn = _turn(source, raw.up, up, positions, names, findings, warnings)
    positions = positions @ turn.T
    extras = dict(raw.extras)
    if raw.plates is not None:
        measured, found = plates.to_extras(raw.plates, turn, positions, names, rate)
        extras |= measured
        findings.append(found)
    first, after = _shown(source, positions, findings)
    if raw.time is not None or first > 0:
        begun = raw.time[0] if raw.time is not None else 0.0
        extras["time"] = begun + np.arange(first, after) / rate
    positions, confidence = positions[first:after], confidence[first:after]
    warnings += _doubts(positions, names, rate)
    clip = Clip(
        keypoints=positions,
        names=names,
        fps=rate,
        confidence=np.where(np.isfinite(positions).all(axis=-1), confidence, 0.0),
        source=source,
        findings=tuple(findings),
        warnings=tuple(warnings),
        extras=extras,
    )
    if rate <= FPS_RANGE[1]:
        return clip
    from motionrecon.clip.resample import to_rate  # resample needs Clip

    slower = rate / np.ceil(rate / FPS_RANGE[1])
    return to_rate(clip, slower)


def _check_positions(source: str, positions: np.ndarray) -> np.ndarray:
    if positions.ndim != 3 or positions.shape[2] != 3:
        hint = (
            "; these are 2D keypoints: lift them to 3D first"
            if positions.shape[-1:] == (2,)
            else ""
        )
        raise ClipError(
            f"{source}: keypoints have shape {positions.shape}; expected (frames, joints, 3){hint}"
        )
    if len(positions) < MIN_FRAMES:
        raise ClipError(
            f"{source}: {len(positions)} frame(s); a motion needs at least {MIN_FRAMES}"
        )
    if np.isinf(positions).any():
        frame, joint, _ = np.argwhere(np.isinf(positions))[0]
        raise ClipError(
            f"{source}: infinite value at frame {frame}, joint {joint} ({np.isinf(positions).sum()} in all); "
            "write NaN for what is missing"
        )
    if np.abs(positions[np.isfinite(positions)]).max(initial=0.0) > io.LARGEST_VALUE:
        frame, joint, _ = np.argwhere(np.abs(positions) > io.LARGEST_VALUE)[0]
        raise ClipError(
            f"{source}: frame {frame}, joint {joint} is beyond {io.LARGEST_VALUE:g}: the file is damaged"
        )
    if positions.shape[1] == 0 or np.isnan(positions).all():
        raise ClipError(
            f"{source}: every keypoint of every frame is missing (NaN); nothing to reconstruct"
        )
    # A point with one coordinate missing is missing.
    return np.where(np.isnan(positions).any(axis=-1, keepdims=True), np.nan, positions)


def _check_confidence(
    source: str, confidence: np.ndarray | None, positions: np.ndarray
) -> np.ndarray:
    if confidence is None:
        return np.ones(positions.shape[:2])
    confidence = np.array(confidence, float)
    if confidence.shape == (*positions.shape[:2], 1):
        confidence = confidence[:, :, 0]
    if confidence.shape != positions.shape[:2]:
        raise ClipError(
            f"{source}: confidence has shape {confidence.shape}; expected {positions.shape[:2]}"
        )
    confidence = np.where(np.isnan(confidence), 0.0, confidence)
    if confidence.min() < 0 or confidence.max() > 1:
        raise ClipError(
            f"{source}: confidence runs from {confidence.min():g} to {confidence.max():g}; expected 0 to 1 (scale it)"
        )
    return confidence


def _drop_zeros(positions: np.ndarray, findings: list[str]) -> np.ndarray:
    """Tools write 0, 0, 0 for a point they have not seen. A joint that is there in all frames is
    the origin itself.
    """
    zero = (positions == 0).all(axis=-1)
    zero &= ~zero.all(axis=0)  # root-relative clips have their root at the origin throughout
    # A lone zero may be true (a clip often starts above the origin), several in one joint may not.
    zero &= zero.sum(axis=0) > 1
    if zero.any():
        findings.append(f"{zero.sum()} keypoints at exactly 0, 0, 0 taken as missing")
    return np.where(zero[..., None], np.nan, positions)


def _clock(source, raw, fps, positions, confidence, findings, warnings):
    """(rate, positions, confidence) on an even clock; frames that time stamps show to be absent
    become NaN.
    """
    time = raw.time
    if time is not None and (
        len(time) != len(positions) or not np.isfinite(time).all() or (np.diff(time) <= 0).any()
    ):
        raise ClipError(
            f"{source}: 'time' must hold one rising number of seconds for each of the {len(positions)} frames; "
            f"it has shape {time.shape}"
            + ("" if len(time) != len(positions) else " and does not rise everywhere")
        )
    rate, how = (fps, "given") if fps is not None else (raw.fps, "from the file")
    if rate is None and time is not None and len(time) > 1:
        rate, how = _rate_of(time), "from the file's time stamps"
    if rate is None:
        raise ClipError(f"{source}: no frame rate: add 'fps' to the file or give --fps")
    rate = float(rate)
    if not np.isfinite(rate) or not FPS_RANGE[0] <= rate <= _MAX_FPS:
        raise ClipError(
            f"{source}: {rate:g} frames per second ({how}); expected {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} Hz "
            "(faster clips are decimated); correct it with --fps"
        )
    findings.append(f"{len(positions)} frames at {rate:g} Hz ({how})")
    if time is None or fps is not None:
        return rate, positions, confidence
    frame = (time - time[0]) * rate
    index = np.rint(frame).astype(int)
    if np.diff(frame).max() > 1e5 or frame[-1] > max(_MOST_FILLED * len(frame), 20_000):
        raise ClipError(
            f"{source}: 'time' jumps by {np.diff(time).max():g} s; expected seconds at {rate:g} Hz"
        )
    if np.abs(np.diff(frame) - np.rint(np.diff(frame))).max() > 0.3 or (np.diff(index) < 1).any():
        warnings.append(
            f"time stamps are uneven or disagree with {rate:g} Hz (steps of {np.diff(time).min() * 1e3:.1f} to "
            f"{np.diff(time).max() * 1e3:.1f} ms): frames were put on an even clock by linear interpolation"
        )
        return (rate, *_interpolate(time, positions, confidence, rate))
    if index[-1] == len(index) - 1:
        return rate, positions, confidence
    warnings.append(
        f"{index[-1] + 1 - len(index)} frames are absent by the time stamps (the longest gap is "
        f"{np.diff(time).max():.2f} s): they are filled as missing"
    )
    spread = np.full((index[-1] + 1, *positions.shape[1:]), np.nan)
    spread_confidence = np.zeros(spread.shape[:2])
    spread[index], spread_confidence[index] = positions, confidence
    return rate, spread, spread_confidence


def _rate_of(time: np.ndarray) -> float:
    """Frames a second of time stamps (T,): their median step, refined over the whole; 30.0003 is 30
    with rounded stamps.
    """
    step = float(np.median(np.diff(time)))
    rate = (
        max(np.rint((time[-1] - time[0]) / step), 1.0) / (time[-1] - time[0])
        if np.isfinite(step)
        else np.nan
    )
    if abs(rate * step - 1) > 0.01:
        rate = 1 / step  # gaps that are no whole number of frames
    return float(round(rate)) if abs(rate - round(rate)) < 2e-4 * rate else float(rate)


def _interpolate(time, positions, confidence, rate):
    """Linear between neighbouring frames no further apart than 2.5 frames; NaN elsewhere."""
    clock = np.arange(int(np.floor((time[-1] - time[0]) * rate + 1e-6)) + 1) / rate + time[0]
    right = np.clip(np.searchsorted(time, clock), 1, len(time) - 1)
    span = time[right] - time[right - 1]
    w = np.clip((clock - time[right - 1]) / span, 0, 1)
    # An end of weight zero must not spoil the other with its NaN.
    w_left, w_right = (1 - w)[:, None, None], w[:, None, None]
    left_part = np.where(w_left == 0, 0.0, w_left * positions[right - 1])
    mixed = left_part + np.where(w_right == 0, 0.0, w_right * positions[right])
    mixed[span > 2.5 / rate] = np.nan
    return mixed, np.minimum(confidence[right - 1], confidence[right])


def _check_needs(
    source: str, names: tuple[str, ...], positions: np.ndarray, labels: tuple[str, ...] | None
) -> None:
    missing = []
    for alternatives in NEEDS:
        if not any(set(names) >= set(option) for option in alternatives):
            missing.append(
                " or ".join(
                    "+".join(n for n in option if n not in names) for option in alternatives
                )
            )
    if missing:
        raise ClipError(
            f"{source}: too few joints to determine a body: missing {'; '.join(missing)}; "
            f"the clip has {', '.join(names)}{closest(labels) if labels else ''}"
        )
    needed = {n for alternatives in NEEDS for option in alternatives for n in option if n in names}
    rare = [n for n in sorted(needed) if np.isfinite(positions[:, names.index(n), 0]).sum() < 3]
    if any(
        not any(set(names) - set(rare) >= set(option) for option in alternatives)
        for alternatives in NEEDS
    ):
        raise ClipError(
            f"{source}: seen in fewer than 3 frames: {', '.join(rare)}; that does not determine a body"
        )


def _scale(source, raw, override, positions, names, findings) -> float:
    declared = raw.units
    for units in (override, declared):
        if units is not None and detect.metres_of(units) is None:
            known = ", ".join(detect.ALL_UNITS)
            raise ClipError(
                f"{source}: unknown units {units!r}; known are {known}, or a number, the metres in a unit"
            )
    stature = detect.size(positions, names)
    if not np.isfinite(stature):
        raise ClipError(
            f"{source}: no thigh, shank or arm has both its ends seen in one frame: no size, no body"
        )
    detected = detect.detect_units(stature, raw.likely_units)
    units, how = (
        (override, "given")
        if override
        else (declared, "from the file")
        if declared
        else (detected, "detected")
    )
    low, high = detect.STATURE_RANGE_M
    if units is None:
        tall = ", ".join(
            f"{stature * metres:.3g} m tall in {u}" for u, metres in detect.UNITS.items()
        )
        raise ClipError(
            f"{source}: the units fit neither metres nor centimetres nor millimetres: the person would be {tall}; "
            f"expected {low:g} to {high:g} m: give --units with the metres in a unit, such as 0.1"
        )
    metres = detect.metres_of(units)
    if not low <= stature * metres <= high:
        hint = (
            f"; in {detected} it would be {stature * detect.ALL_UNITS[detected]:.2f} m"
            if detected
            else ""
        )
        raise ClipError(
            f"{source}: in {units} ({how}) the person is {stature * metres:.3g} m tall; expected {low:g} to {high:g} m{hint}"
        )
    findings.append(f"units {units} ({how}): the person is about {stature * metres:.2f} m tall")
    return metres


def _turn(source, declared, override, positions, names, findings, warnings) -> np.ndarray:
    for up in (override, declared):
        if up is not None and up not in detect.UP_AXES:
            raise ClipError(
                f"{source}: unknown up axis {up!r}; known are {', '.join(detect.UP_AXES)}"
            )
    if override or declared:
        findings.append(
            f"up axis {override or declared} ({'given' if override else 'from the file'})"
        )
        return detect.UP_AXES[override or declared]
    found = detect.detect_up(positions, names)
    findings.append(f"up axis {found.axis} (detected)")
    if found.evidence < 0.1:
        warnings.append(
            f"the up axis is a guess ({found.axis}): the motion hardly shows it; give --up if it is wrong"
        )
    return detect.UP_AXES[found.axis]


def _shown(source: str, positions: np.ndarray, findings: list[str]) -> tuple[int, int]:
    """(first, after): without the frames at both ends in which less than half of the keypoints are
    seen.

    Laboratories record before the person enters the volume and after they leave it; where the body
    was then is unknown.
    """
    seen = np.isfinite(positions).all(axis=-1).mean(axis=1) >= 0.5
    frames = np.flatnonzero(seen)
    if not frames.size:  # never half of them at once: another rule would be a guess
        return 0, len(positions)
    first, after = int(frames[0]), int(frames[-1]) + 1
    if after - first < MIN_FRAMES:
        raise ClipError(
            f"{source}: {after - first} frame(s) show at least half of the keypoints; a motion needs at least {MIN_FRAMES}"
        )
    if first:
        findings.append(
            f"the first {first} frames, which show less than half of the keypoints, were cut"
        )
    if after < len(positions):
        findings.append(
            f"the last {len(positions) - after} frames, which show less than half of the keypoints, were cut"
        )
    return first, after


def _doubts(positions: np.ndarray, names: tuple[str, ...], rate: float) -> list[str]:
    """What looks wrong in a converted clip: swapped sides, long gaps, a root that is held at the
    origin.
    """
    doubts = []
    if (why := detect.swapped(positions, names)) is not None:
        doubts.append(f"left and right look swapped: {why}")
    blind = ~np.isfinite(positions).all(axis=-1).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], blind.astype(int), [0]])))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        if after - first > _LONG_GAP_S * rate:
            doubts.append(
                f"frames {first} to {after - 1} ({(after - first) / rate:.2f} s) show no keypoint at all"
            )
    for name in ("pelvis", "l_hip", "neck"):
        if name in names and np.nanmax(np.abs(positions[:, names.index(name)])) < 1e-9:
            doubts.append(
                f"{name} stays at the origin: the clip is relative to it and its travel is lost"
            )
    return doubts
