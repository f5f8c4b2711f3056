"""Frames of the input that no floor could bring about: flight without fall, acceleration without
contact.

What the input asks of the floor, a kilogram, is the f of motionrecon.motion.demand. Without a
contact it must be 0; with one it lies in the friction cone |f_xy| <= mu f_z. The distance of f from
what is possible is what someone or something else must have done: a rope, a chair, a step that is
not flat floor, or a mistake of the capture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from motionrecon.body.supports import scene_of
from motionrecon.clip.floor import SOLE
from motionrecon.motion import demand
from motionrecon.motion.demand import Demand
from motionrecon.motion.motion import Motion
from motionrecon.physics.constants import contact_spheres

# a keypoint so far above where it rests does not touch; placement and floor are known to 15 to 35
# mm
_CLEAR_M = 0.10
# distance from the possible that counts; the quadratic's own error on real jumps and landings is
# below
_LEAST_M_S2 = 4.0
_SIGMAS = 4.0


@dataclass(frozen=True)
class Unexplained:
    """flight, contact (T,) bool: frames without and with a contact that nothing in the scene
    explains; seconds: the longest run of them; worst: the largest distance from what is possible
    among them, m/s^2.
    """

    flight: np.ndarray
    contact: np.ndarray
    seconds: float
    worst: float


def unexplained(
    motion: Motion, noise_m: float, stature: float, asked: Demand | None = None
) -> Unexplained:
    """Of the input that a motion followed; noise_m: of the clip, a coordinate; stature: m; asked:
    what the input asks of the floor, where it is known already.
    """
    fps, seen, model = motion.fps, motion.input_keypoints, motion.model
    T, asked = len(seen), asked or demand.of(motion, noise_m)
    nothing = np.zeros(T, bool)
    if T < 2 * demand.half_frames(fps) + 1:
        return Unexplained(nothing, nothing, 0.0, 0.0)
    # A one-sided fit at the clip's ends is not judged.
    force = np.full((T, 3), np.nan)
    force[asked.half : T - asked.half] = asked.specific[asked.half : T - asked.half]
    touch = touching(scene_of(model).above(seen), motion.keypoint_names, stature, noise_m)
    mu = float(model.geom_friction[contact_spheres(model), 0].max())
    off = np.where(touch, _outside_cone(force, mu), np.linalg.norm(force, axis=1))
    bad = np.nan_to_num(off) > max(_LEAST_M_S2, _SIGMAS * asked.noise)
    # A fit that sees both sides of a take-off or landing knows neither.
    around = np.convolve(touch, np.ones(2 * asked.half + 1), "same")
    pure = (around == 0) | (around == 2 * asked.half + 1)
    bad &= pure
    worst = float(np.nanmax(np.where(bad, off, 0.0)))
    return Unexplained(bad & ~touch, bad & touch, longest(bad) / fps, worst)


def touching(seen: np.ndarray, names: Sequence[str], stature: float, noise_m: float) -> np.ndarray:
    """(T,) bool: some keypoint is low enough to rest on the floor, or none is known."""
    rest = np.array(
        [
            next((f for part, f in SOLE.items() if n.endswith("_" + part)), 0.05) * stature
            for n in names
        ]
    )
    height = np.where(np.isfinite(seen[..., 2]), seen[..., 2] - rest, np.inf).min(axis=1)
    return (height < _CLEAR_M + 2 * noise_m) | np.isinf(height)


def longest(flags: np.ndarray) -> int:
    """The length of the longest run of True along the first axis; over all columns where there are
    several.
    """
    run = best = np.zeros(flags.shape[1:], int)
    for row in flags:
        run = np.where(row, run + 1, 0)
        best = np.maximum(best, run)
    return int(best.max()) if best.size else 0


def _outside_cone(force: np.ndarray, mu: float) -> np.ndarray:
    """Distance (T,) of forces (T, 3) from the friction cone |f_xy| <= mu f_z."""
    side, up = np.linalg.norm(force[:, :2], axis=1), force[:, 2]
    over = (side - mu * up) / np.hypot(1, mu)  # from the cone's surface
    nearest_is_apex = up + mu * side <= 0
    return np.where(side <= mu * up, 0.0, np.where(nearest_is_apex, np.hypot(side, up), over))
