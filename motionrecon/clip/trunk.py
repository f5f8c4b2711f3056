"""The upper body that no keypoint shows: where its neck must be for the body to be in balance."""

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter
from scipy.sparse import diags_array
from scipy.sparse.linalg import spsolve

from motionrecon.anatomy.anthropometry import SEGMENTS, STATURE
from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.anatomy.skeletons import shows_trunk
from motionrecon.clip.clip import Clip
from motionrecon.clip.gaps import bridged

PRESUMED = "neck"
# m: how far a presumed neck may be off, and the spread that inverse kinematics gives one that is
# seen (motionrecon.kinematics.fit.spreads).
_SPREAD_M, _SEEN_M = 0.05, 0.009
# Head, arms and trunk: centre of mass above the hips, radius of gyration about it, fractions of
# stature: near 0.626 and 0.496 of the 0.288 from hip to shoulder (Winter, Biomechanics and Motor
# Control of Human Movement, table 4.1: 0.180, 0.143), the first with a head that is not shown.
_CENTRE, _GYRATION = 0.19, 0.14
_G = 9.81  # m/s^2
_REACH_S = 0.1  # s to each side, over which accelerations are taken
# m/s and m: a foot at this speed, or so far above where it stands, half stands. By choice.
_STILL, _NEAR_M = 0.4, 0.04
# The centre of pressure wanders by 60 mm from the middle of a foot, for 0.2 s at a time; the centre
# of mass of a trunk by 120 mm from over the hips, for a second, and by so much less where the hips
# travel, half at 0.1 m/s: who goes is upright; it is as smooth as a white acceleration of this
# density, (m/s^2)^2/Hz, makes it. Chosen on 17 development clips that show the neck: walks and runs
# stay within 2 mm of what an upright trunk gives, squats come from 264 mm off to 145.
_PRESSURE_M, _PRESSURE_S = 0.06, 0.2
_LEAN_M, _LEAN_S, _TRAVELS = 0.12, 1.0, 0.1
_AGITATION = 0.1
_MOST = 0.9  # of the trunk's length: a neck is not further from above the hips


def with_presumed_trunk(clip: Clip) -> Clip:
    """The clip itself where it shows an upper body; else with a neck as its last keypoint, of
    little confidence: where head, arms and trunk, one rigid piece on the hips, keep the body in
    balance over the feet that stand.
    """
    if shows_trunk(clip.names):
        return clip
    neck = balancing(clip)
    seen = np.isfinite(neck).all(axis=1)
    return clip.replace(
        keypoints=np.concatenate([clip.keypoints, neck[:, None]], axis=1),
        names=(*clip.names, PRESUMED),
        confidence=np.column_stack([clip.confidence, seen * (_SEEN_M / _SPREAD_M) ** 2]),
    )


def balancing(clip: Clip) -> Float[np.ndarray, "T 3"]:
    """m: the neck (T, 3) of a trunk that leans as balance asks for, NaN where no hip is seen.

    The floor's force acts at the centre of pressure p, about which gravity, inertia and the change
    of angular momentum are in equilibrium (M. Vukobratovic, B. Borovac, Int. J. Humanoid Robotics
    1(1), 2004):
        p sum m_i (z''_i + g) = sum m_i (c_i (z''_i + g) - z_i c''_i) - dH/dt,
    along each horizontal axis, of segments of mass m_i at c_i, z_i. Linear in the offset of the
    trunk's centre of mass from over the hips, which is found by least squares from p near the feet
    that stand, a trunk that is mostly upright, and one that leans smoothly.
    """
    height = stature_of(clip.keypoints, clip.names)
    p = Points(clip.keypoints, clip.names)
    hips = p.trunk_bottom()
    known = np.isfinite(hips).all(axis=1)
    length = (STATURE["trunk"] + 0.5 * STATURE["neck"]) * height
    lean = np.zeros((len(hips), 2))
    if len(hips) > 4 and known.any():
        lean = _lean(clip, p, height) * length / (_CENTRE * height)
    far = np.linalg.norm(lean, axis=1, keepdims=True) / (_MOST * length)
    lean /= np.maximum(far, 1.0)
    up = np.sqrt(length**2 - (lean**2).sum(axis=1))
    return hips + np.column_stack([lean, up])


def _lean(clip: Clip, p: Points, height: float) -> Float[np.ndarray, "T 2"]:
    """m, horizontally, of the centre of mass of head, arms and trunk from over the hips."""
    dt, hips = 1 / clip.fps, np.nan_to_num(bridged(p.trunk_bottom()))
    parts, feet, stands = [], [], []
    for side in "lr":
        hip, knee, ankle = (
            np.nan_to_num(bridged(x)) for x in (p(f"{side}_hip"), p(f"{side}_knee"), p.ankle(side))
        )
        foot = p.mean(*(f"{side}_{n}" for n in ("ankle", "heel", "toe", "big_toe")))
        foot = np.nan_to_num(bridged(foot))
        for bone, a, b in (("thigh", hip, knee), ("shank", knee, ankle)):
            parts.append((SEGMENTS[bone].mass, a + SEGMENTS[bone].com * (b - a)))
        parts.append((SEGMENTS["foot"].mass, foot))
        feet.append(foot[:, :2])
        stands.append(_stands(foot, dt))
    upper = 1 - sum(mass for mass, _ in parts)
    top = hips + [0.0, 0.0, _CENTRE * height]
    ground = min(np.nanquantile(f[:, 2], 0.02) for _, f in parts)
    pull, moment = np.zeros(len(hips)), np.zeros((len(hips), 2))
    for mass, at in [*parts, (upper, top)]:
        acceleration = _second(at, dt)
        weight = mass * (acceleration[:, 2] + _G)
        pull += weight
        moment += weight[:, None] * at[:, :2]
        moment -= mass * (at[:, 2:] - ground) * acceleration[:, :2]
    pull = np.maximum(pull, 0.0)
    left, right = stands
    share = (left / np.maximum(left + right, 1e-9))[:, None]
    place = share * feet[0] + (1 - share) * feet[1]
    # How two feet share the load is not known.
    spread = share * (1 - share) * (feet[0] - feet[1]) ** 2
    sure = np.maximum(left, right)[:, None] * dt / _PRESSURE_S / (_PRESSURE_M**2 + spread)
    arm = top[:, 2] - ground + _GYRATION**2 * height / _CENTRE
    second = diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(len(hips) - 2, len(hips)))
    curve = diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(len(hips),) * 2).tolil()
    curve[0], curve[-1] = curve[1], curve[-2]
    turned = (
        diags_array(upper * (_second(top, dt)[:, 2] + _G))
        - diags_array(upper * arm) @ curve.tocsr() / dt**2
    )
    smooth = second.T @ second / (_AGITATION * dt**3)
    speed = np.linalg.norm(np.gradient(hips[:, :2], dt, axis=0), axis=1)
    upright = diags_array(dt / _LEAN_S / _LEAN_M**2 * (1 + speed / _TRAVELS) ** 2)
    out = np.empty((len(hips), 2))
    for axis in range(2):
        weight = diags_array(sure[:, axis] / _G**2)
        matrix = turned.T @ weight @ turned + smooth + upright
        off = pull * place[:, axis] - moment[:, axis]
        out[:, axis] = spsolve(matrix.tocsc(), turned.T @ (weight @ off))
    return out


def _stands(foot: Float[np.ndarray, "T 3"], dt: float) -> Float[np.ndarray, "T"]:
    """From 1 for a foot that is low and still to 0 for one that moves or is high."""
    speed = np.linalg.norm(np.gradient(foot, dt, axis=0), axis=1)
    high = np.maximum(foot[:, 2] - np.quantile(foot[:, 2], 0.05), 0.0)
    return 1 / (1 + (speed / _STILL) ** 4) / (1 + (high / _NEAR_M) ** 4)


def _second(at: Float[np.ndarray, "T 3"], dt: float) -> Float[np.ndarray, "T 3"]:
    """m/s^2, by a quadratic over _REACH_S to each side (Savitzky and Golay 1964)."""
    half = max(1, min(round(_REACH_S / dt), (len(at) - 1) // 2))
    return savgol_filter(at, 2 * half + 1, 2, deriv=2, delta=dt, axis=0, mode="interp")
