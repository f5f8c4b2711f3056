"""How a file becomes a clip: a chain of steps, each a Reading to a Reading."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from motionrecon import io
from motionrecon.anatomy.skeletons import wrong_skeleton
from motionrecon.clip.belt import belt as see_from_belt
from motionrecon.clip.belt import wrong_belt
from motionrecon.clip.check import MIN_FRAMES, check
from motionrecon.clip.clip import Clip
from motionrecon.clip.clock import FPS_RANGE, clock, wrong_rate
from motionrecon.clip.doubts import doubt
from motionrecon.clip.naming import name
from motionrecon.clip.pair import pair
from motionrecon.clip.people import one, separate
from motionrecon.clip.reading import Asked, Reading
from motionrecon.clip.resample import to_rate
from motionrecon.clip.scale import scale
from motionrecon.clip.travel import travel as settle_travel
from motionrecon.clip.travel import wrong_travel
from motionrecon.clip.trim import trim
from motionrecon.clip.turn import turn
from motionrecon.errors import ClipError
from motionrecon.io import detect
from motionrecon.io.mapping import find_mapping

# Of a clip: what finds outliers among its keypoints holds 30 bytes a number.
MOST_NUMBERS = 8 * 2**20
STEPS = (check, clock, name, scale, turn, settle_travel, pair, see_from_belt, trim, doubt)


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
    forces: str | Path | None = None,
    travel: str | None = None,
    belt: str | None = None,
) -> Clip:
    """Reads a clip, of any format that motionrecon.io has a reader for, and converts it to metres,
    z up, canonical names.

    skeleton (a key of motionrecon.anatomy.skeletons.SKELETONS), mapping (a shipped mapping's name,
    a YAML file, or "none"; see motionrecon.io.mapping), units (m, cm, mm, or the metres in a unit),
    up (z, y, x, -z, -y, -x) and fps (Hz) override what the file says or what is detected; subject,
    person, model and allow_pickle settle what it leaves open (motionrecon.io.ReadOptions). forces:
    a file of ground forces on the clip's clock (motionrecon.io.forces). travel: "auto" finds that
    of keypoints which are relative to a root, "none" leaves them so. belt: "auto" finds
    the speed of a treadmill's belt and tells the motion as seen from it, a number gives it (m/s),
    "none" leaves it out. Raises ClipError with the
    file, what is wrong and what to do.
    """
    options = io.ReadOptions(
        person, subject, Path(model) if model is not None else None, allow_pickle
    )
    raw = one(io.read(Path(path), options), person, str(path))
    if forces is not None:
        raw = replace(raw, forces=io.read_forces(Path(forces)))
    return make_clip(
        raw,
        str(path),
        skeleton=skeleton,
        mapping=mapping,
        units=units,
        up=up,
        fps=fps,
        subject=subject if raw.names is not None else None,
        travel=travel,
        belt=belt,
    )


def check_asked(asked: Asked) -> None:
    """Raises ClipError, which names no file, for what no file at all can be read with: a skeleton,
    mapping, unit or axis that is not known, a frame rate that no clip has.
    """
    told = (
        ("skeleton", asked.skeleton and wrong_skeleton(asked.skeleton)),
        ("units", asked.units and detect.wrong_units(asked.units)),
        ("up", asked.up and detect.wrong_up(asked.up)),
        ("travel", asked.travel and wrong_travel(asked.travel)),
        ("fps", None if asked.fps is None else wrong_rate(asked.fps, "given")),
    )
    if asked.belt is not None and (wrong := wrong_belt(asked.belt)) is not None:
        raise ClipError(wrong)
    for option, wrong in told:
        if wrong:
            raise ClipError(f"--{option}: {wrong}")
    if asked.mapping is not None and asked.mapping.lower() != "none":
        find_mapping(asked.mapping)


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
    travel: str | None = None,
    belt: str | None = None,
) -> Clip:
    """The same as load_clip, from arrays in memory (motionrecon.io.Raw)."""
    asked = Asked(skeleton, mapping, units, up, fps, subject, travel, belt)
    return _clip(_settled(raw, source, asked))


def load_people(
    path: str | Path, *, model: str | Path | None = None, allow_pickle: bool = False, **asked: Any
) -> tuple[dict[int, Clip], tuple[str, ...]]:
    """(everybody in a file, by number or track; who was left out and why). One unit and one up axis
    for all: those that most of them show by themselves.

    asked: the other options of load_clip but person and forces. Raises ClipError where nobody can
    be read.
    """
    options = io.ReadOptions(
        subject=asked.get("subject"),
        model=Path(model) if model is not None else None,
        allow_pickle=allow_pickle,
        everyone=True,
    )
    raw = io.read(Path(path), options)
    wanted = Asked(**asked)
    if raw.names is None:
        wanted = replace(wanted, subject=None)
    readings, left_out, refused = {}, [], None
    for number, person in separate(raw, str(path)).items():
        try:
            readings[number] = _settled(person, str(path), wanted)
        except ClipError as error:
            refused = refused or error
            left_out.append(f"person {number} is left out: {error}")
    if not readings:
        raise refused or ClipError(f"{path}: every keypoint of everybody is missing")
    common = replace(
        wanted,
        units=_most([r.units for r in readings.values()]),
        up=_most([r.up for r in readings.values()]),
    )
    for number, reading in readings.items():
        if (reading.units, reading.up) != (common.units, common.up):
            readings[number] = _settled(reading.raw, str(path), common)
    return {number: _clip(reading) for number, reading in readings.items()}, tuple(left_out)


def _most(words: list[str]) -> str:
    """The most frequent one, the first of several."""
    return max(words, key=words.count)


def _settled(raw: io.Raw, source: str, asked: Asked) -> Reading:
    reading = Reading(
        raw,
        source,
        asked,
        positions=raw.positions,
        confidence=np.empty((0, 0)),  # the first step makes it
        findings=raw.findings,
        warnings=raw.warnings,
        extras=dict(raw.extras),
    )
    for step in STEPS:
        reading = step(reading)
    return reading


def _clip(reading: Reading) -> Clip:
    clip = Clip(
        keypoints=reading.positions,
        names=reading.names,
        fps=reading.fps,
        confidence=np.where(np.isfinite(reading.positions).all(axis=-1), reading.confidence, 0.0),
        source=reading.source,
        findings=reading.findings,
        warnings=reading.warnings,
        extras=reading.extras,
    )
    if clip.keypoints.size > MOST_NUMBERS:
        raise reading.error(
            f"{len(clip.keypoints)} frames of {len(clip.names)} keypoints; expected at most "
            f"{MOST_NUMBERS // clip.keypoints[0].size}: cut it into pieces"
        )
    if clip.fps <= FPS_RANGE[1]:
        return clip
    slower = to_rate(clip, clip.fps / np.ceil(clip.fps / FPS_RANGE[1]))
    if len(slower.keypoints) < MIN_FRAMES or not np.isfinite(slower.keypoints).any():
        raise reading.error(
            f"{len(clip.keypoints)} frames at {clip.fps:g} Hz are {clip.duration:.2g} s, "
            f"{len(slower.keypoints)} frames at {slower.fps:g} Hz; a motion needs at least "
            f"{MIN_FRAMES}: correct it with --fps"
        )
    return slower
