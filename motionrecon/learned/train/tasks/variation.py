"""Clips varied at random, so that few of them make many training tasks."""

from __future__ import annotations

import dataclasses

import numpy as np

from motionrecon.clip import Clip

# Adults of 1.5 to 2.0 m out of clips of people of 1.7 m.
_SMALLEST, _LARGEST = 0.88, 1.18


@dataclasses.dataclass(frozen=True)
class Variation:
    """How a clip is varied. noise_m: Gaussian, m a coordinate; missing: share of keypoints; speed:
    factor on the frame rate; mass: factor on the body's mass; mirrored: left and right exchanged;
    size: factor on lengths, with times by its root, so that the motion is dynamically similar
    (R. McN. Alexander, Physiological Reviews 69, 1989); reversed: last frame first, which asks the
    same forces of the floor, since accelerations stay; start, seconds: the part taken, s.
    """

    noise_m: float = 0.0
    missing: float = 0.0
    speed: float = 1.0
    mass: float = 1.0
    mirrored: bool = False
    size: float = 1.0
    reversed: bool = False
    start: float = 0.0
    seconds: float | None = None


def mirrored(clip: Clip) -> Clip:
    """The clip seen in a mirror: left and right exchanged, y negated."""
    other = {"l_": "r_", "r_": "l_"}
    names = [other[n[:2]] + n[2:] if n[:2] in other else n for n in clip.names]
    missing = [n for n in names if n not in clip.names]
    if missing:  # a keypoint on one side only takes its new name
        return clip.replace(keypoints=clip.keypoints * [1.0, -1.0, 1.0], names=tuple(names))
    order = [clip.names.index(n) for n in names]
    return clip.replace(
        keypoints=clip.keypoints[:, order] * [1.0, -1.0, 1.0], confidence=clip.confidence[:, order]
    )


def vary(clip: Clip, v: Variation, rng: np.random.Generator) -> Clip:
    """The part of the clip that v names, changed as v says. What came along (force plates) is
    dropped but the mass.
    """
    first = int(v.start * clip.fps)
    last = (
        len(clip.keypoints) if v.seconds is None else first + int(round(v.seconds * clip.fps)) + 1
    )
    keypoints, confidence = v.size * clip.keypoints[first:last], clip.confidence[first:last].copy()
    extras = {k: clip.extras[k] for k in ("body_mass_kg",) if k in clip.extras}
    keypoints += v.noise_m * rng.standard_normal(keypoints.shape)
    gone = rng.random(confidence.shape) < v.missing
    keypoints[gone], confidence[gone] = np.nan, 0.0
    if v.reversed:
        keypoints, confidence = keypoints[::-1].copy(), confidence[::-1].copy()
    fps = clip.fps * v.speed / v.size**0.5
    part = clip.replace(keypoints=keypoints, confidence=confidence, fps=fps, extras=extras)
    return mirrored(part) if v.mirrored else part


def draw_variation(clip: Clip, rng: np.random.Generator, seconds: float = 2.0) -> Variation:
    """A random one; half of them without noise, two thirds with every keypoint, a third
    reversed.
    """
    size = float(np.exp(rng.uniform(np.log(_SMALLEST), np.log(_LARGEST))))
    speed = float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    root = size**0.5
    speed = float(np.clip(speed, 22.0 * root / clip.fps, 245.0 * root / clip.fps))
    seconds *= speed / root
    spare = max(0.0, clip.duration - seconds)
    return Variation(
        noise_m=float(rng.uniform(0.003, 0.03)) if rng.random() < 0.5 else 0.0,
        missing=float(rng.uniform(0.0, 0.15)) if rng.random() < 1 / 3 else 0.0,
        speed=speed,
        mass=float(np.exp(0.12 * rng.standard_normal())),
        mirrored=bool(rng.random() < 0.5),
        start=float(rng.uniform(0.0, spare)),
        seconds=seconds,
        size=size,
        reversed=bool(rng.random() < 1 / 3),
    )
