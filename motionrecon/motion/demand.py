"""What the input asks of the floor: the force that its centre of mass needs to move as it does.

Newton for the whole body: the floor's force a kilogram is f = a - g, with a the acceleration of the
input's centre of mass and g gravity.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_coeffs, savgol_filter

from motionrecon.engine import mujoco
from motionrecon.motion.motion import Motion

# to each side: half of a quick step's contact, so that a quadratic follows the centre of mass
_REACH_S = 0.1
_G = 9.81  # m/s^2, to say forces in body weights


@dataclass(frozen=True)
class Demand:
    """specific: m/s^2, the force a kilogram at T frames, world frame; half: so many frames to each
    side it is smoothed over, one-sided where the clip has fewer; noise: m/s^2, the standard
    deviation that the clip's noise gives each of its coordinates.
    """

    specific: Float[np.ndarray, "T 3"]
    half: int
    noise: float

    @property
    def force(self) -> Float[np.ndarray, "T 3"]:
        """In body weights."""
        return self.specific / _G


def of(motion: Motion, noise_m: float) -> Demand:
    """Of the input that a motion followed; noise_m: of the clip, m a coordinate.

    The centre of mass through a quadratic over 0.2 s (A. Savitzky, M. Golay, Analytical Chemistry
    36(8), 1964), whose second derivative is a. NaN for a motion that holds values that are no
    numbers.
    """
    fps = motion.fps
    centre, count = centre_of_mass(
        motion.model, motion.qpos, motion.keypoints, motion.input_keypoints
    )
    half = max(1, min(half_frames(fps), (len(centre) - 1) // 2))
    width = 2 * half + 1
    acceleration = np.full(centre.shape, np.nan)
    if np.isfinite(centre).all():
        acceleration = savgol_filter(
            centre, width, 2, deriv=2, delta=1 / fps, axis=0, mode="interp"
        )
    spread = float(np.linalg.norm(savgol_coeffs(width, 2, deriv=2, delta=1 / fps)))
    noise = noise_m / np.sqrt(max(count, 1.0)) * spread
    return Demand(acceleration - motion.model.opt.gravity, half, float(noise))


def half_frames(fps: float) -> int:
    """How many frames to each side are smoothed over, where the clip has them."""
    return max(2, round(_REACH_S * fps))


def centre_of_mass(
    model: mujoco.MjModel,
    qpos: Float[np.ndarray, "T nq"],
    keypoints: Float[np.ndarray, "T K 3"],
    seen: Float[np.ndarray, "T K 3"],
) -> tuple[Float[np.ndarray, "T 3"], float]:
    """(m, of the person in the input; how many keypoints it rests on).

    The body's own centre of mass plus what the input's keypoints are off the body's, each weighed
    by the mass of the segments it is nearest to. seen: the input, NaN where missing; gaps are
    bridged by the body's keypoints.
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
