"""Frames of the input that no floor could bring about: flight without fall, acceleration without
contact.

Newton for the whole body: the floor's force a kilogram is f = a - g, with a the acceleration of the
input's centre of mass. Without a contact f must be 0; with one it lies in the friction cone |f_xy|
<= mu f_z. The distance of f from what is possible is what someone or something else must have done:
a rope, a chair, a step that is not flat floor, or a mistake of the capture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.signal import savgol_coeffs

from motionrecon.clip.floor import SOLE
from motionrecon.motion.motion import Motion

# to each side: half of a quick step's contact, so that a quadratic follows the centre of mass
_REACH_S = 0.1
# a keypoint so far above where it rests does not touch; placement and floor are known to 15 to 35
# mm
_CLEAR_M = 0.10
# distance from the possible that counts; the quadratic's own error on real jumps and landings is
# below
_LEAST_M_S2 = 4.0
_SIGMAS = 4.0
_LIMBS = ("wrist", "hand", "elbow", "knee", "hip", "shoulder", "head", "pelvis")


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


def unexplained(motion: Motion, noise_m: float, stature: float) -> Unexplained:
    """Of the input that a motion followed; noise_m: of the clip, a coordinate; stature: m."""
    fps, names = motion.fps, motion.keypoint_names
    seen, model = motion.input_keypoints, motion.model
    centre, count = centre_of_mass(model, motion.qpos, motion.keypoints, seen)
    half = max(2, round(_REACH_S * fps))
    T = len(centre)
    nothing = np.zeros(T, bool)
    if T < 2 * half + 1:
        return Unexplained(nothing, nothing, 0.0, 0.0)
    weights = savgol_coeffs(2 * half + 1, 2, deriv=2, delta=1 / fps)
    force = np.full((T, 3), np.nan)
    force[half : T - half] = np.stack(
        [np.convolve(centre[:, k], weights[::-1], "valid") for k in range(3)], axis=1
    )
    force -= model.opt.gravity
    touch = touching(seen, names, stature, noise_m)
    mu = float(model.geom_friction[model.geom_conaffinity == 1, 0].max())
    off = np.where(touch, _outside_cone(force, mu), np.linalg.norm(force, axis=1))
    sigma = noise_m / np.sqrt(max(count, 1.0)) * np.linalg.norm(weights)
    bad = np.nan_to_num(off) > max(_LEAST_M_S2, _SIGMAS * sigma)
    # A fit that sees both sides of a take-off or landing knows neither.
    around = np.convolve(touch, np.ones(2 * half + 1), "same")
    pure = (around == 0) | (around == 2 * half + 1)
    bad &= pure
    worst = float(np.nanmax(np.where(bad, off, 0.0)))
    return Unexplained(bad & ~touch, bad & touch, longest(bad) / fps, worst)


def centre_of_mass(
    model: mujoco.MjModel, qpos: np.ndarray, keypoints: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, float]:
    """(T, 3) m of the person in the input, and how many keypoints it rests on.

    The body's own centre of mass plus what the input's keypoints are off the body's, each weighed
    by the mass of the segments it is nearest to. seen (T, K, 3): the input, NaN where missing; gaps
    are bridged by the body's keypoints.
    """
    data, share = mujoco.MjData(model), np.zeros(keypoints.shape[1])
    own = np.empty((len(qpos), 3))
    for t, q in enumerate(qpos):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        own[t] = data.subtree_com[1]
        if t == 0:
            distance = np.linalg.norm(data.xipos[1:, None] - keypoints[0][None], axis=-1)
            np.add.at(
                share, distance.argmin(axis=1), model.body_mass[1:] / model.body_mass[1:].sum()
            )
    off = np.nan_to_num(seen - keypoints)
    return own + np.einsum("k,tkc->tc", share, off), float(1 / np.sum(share**2))


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
