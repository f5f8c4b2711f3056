"""Which soles stand on the floor, how high it is by them, where keypoints sit over them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motionrecon.body.build import Body
from motionrecon.kinematics.fit import Fit
from motionrecon.kinematics.tree import tree_of

# A point at this speed (m/s), and one at this height (m), is as likely to move on as to stand. The
# heel of a walking foot rises with 0.1 to 0.3 m/s while the ball still carries.
_STILL, _NEAR_M = 0.3, 0.025
# How closely a standing sole's sphere is on the floor: soles and heel pads give as much
# (body.mjcf.ModelOptions).
_HELD_M = 0.004
# How closely it stays at its place. Of 4, 8 and 15 mm: squats with plates gain most by 4 (vertical
# 4.4, 3.9, 4.1, 4.2 % of body weight from nothing to 4, 8 and 15), walks of other sources lose by 4
# and 8 (peaks of a foot 1.49, then 2.1 body weights where a source's feet slide), none by 15.
_STAYS_M = 0.015
_FIRM = 3  # power of `stands`: a sole that half stands is on its way, and has no place yet
_STANCE_S = 0.3  # s, one stance: so long do neighbouring frames tell the same
_STANCE_M = 0.006  # m, spread of one stance's height about the floor
# m, from coarse to fine: distance at which a height counts a quarter (Cauchy's weight, squared)
_SCALES_M = (0.04, 0.03, 0.02, 0.015, 0.01, 0.01, 0.01)
_FAR = 4.0  # spreads of what is known before
_LOADED = 0.2  # the least stance that says where keypoints sit
_SEATED_FRAMES = 3.0  # frames of stance that weigh as much as the place assumed before
_FARTHEST_M = 0.03  # m: a keypoint off by more, for one frame, is clipped


class Soles(NamedTuple):
    """Contact spheres of feet and toes: places among the body's spheres; 0 left, 1 right."""

    spheres: Int[np.ndarray, "S"]
    foot: Int[np.ndarray, "S"]


def foot_of(body: Body) -> dict[int, int]:
    """Body id -> 0 for the left foot's segments, 1 for the right's."""
    segments = ((i, f"{side}_{part}") for i, side in enumerate("lr") for part in ("foot", "toes"))
    return {body.model.body(name).id: i for i, name in segments}


def of(body: Body) -> Soles:
    """The soles of a body."""
    feet, segments = foot_of(body), tree_of(body).sphere_body
    mine = np.flatnonzero([int(b) in feet for b in segments])
    return Soles(mine, np.array([feet[int(b)] for b in segments[mine]]))


def at_rest(points: Float[np.ndarray, "T S 3"], fps: float) -> Float[np.ndarray, "T S"]:
    """From 1 for points that do not move to 0 for those that do."""
    speed = np.linalg.norm(np.gradient(points, 1 / fps, axis=0), axis=-1)
    return 1 / (1 + (speed / _STILL) ** 4)


def height(
    points: Float[np.ndarray, "T S 3"],
    rest: Float[np.ndarray, "T S"],
    foot: Int[np.ndarray, "S"],
    fps: float,
    prior: float,
) -> tuple[float, float]:
    """(height m of the floor that the lowest resting points of each foot show, standard deviation).

    A robust mean (iterated Cauchy weights) of their heights, weighed against z = 0, which is known
    to `prior` m. Evidence is never cut off: little of it moves the floor little, and what lies many
    spreads away hardly is evidence of the floor.
    """
    if prior <= 0:
        return 0.0, 0.0
    z, weight = [], []
    for side in (0, 1):
        mine = points[:, foot == side, 2]
        low = mine.argmin(axis=1)[:, None]
        z.append(np.take_along_axis(mine, low, 1)[:, 0])
        weight.append(np.take_along_axis(rest[:, foot == side], low, 1)[:, 0])
    heights = np.concatenate(z)
    weights = np.concatenate(weight) / (1 + (heights / (_FAR * prior)) ** 2) ** 2
    centre, counted = 0.0, weights
    for scale in _SCALES_M:
        counted = weights / (1 + ((heights - centre) / scale) ** 2) ** 2
        centre = float((counted * heights).sum() / max(counted.sum(), 1e-12))
    evidence = counted.sum() / (_STANCE_S * fps) / _STANCE_M**2
    total = evidence + 1 / prior**2
    return centre * evidence / total, float(total**-0.5)


def stands(
    points: Float[np.ndarray, "T S 3"], rest: Float[np.ndarray, "T S"]
) -> Float[np.ndarray, "T S"]:
    """From 1 for soles that rest on the floor or below it to 0 for those that move or are high."""
    return rest / (1 + (np.maximum(points[..., 2], 0.0) / _NEAR_M) ** 4)


def held(
    points: Float[np.ndarray, "T S 3"], stands: Float[np.ndarray, "T S"]
) -> Float[np.ndarray, "T S 4"]:
    """How firmly (1/m^2) each sphere is held to the floor, and to its place there, and that place
    x, y (m): the weighted mean of where it was while it stood without a pause.
    """
    firm = stands**_FIRM
    out = np.stack([stands / _HELD_M**2, firm / _STAYS_M**2, points[..., 0], points[..., 1]], -1)
    for s in range(points.shape[1]):
        on = np.flatnonzero(stands[:, s] > _LOADED)
        for stance in np.split(on, np.flatnonzero(np.diff(on) > 1) + 1):
            if len(stance):
                at = np.average(points[stance, s, :2], axis=0, weights=firm[stance, s])
                out[stance, s, 2:] = at
    return out


def seated(
    fit: Fit, qpos: Float[np.ndarray, "T nq"], stance: Float[np.ndarray, "T S"], of_feet: Soles
) -> Float[np.ndarray, "K 3"]:
    """Where the keypoints sit on their bodies (m), those of feet and toes moved by their mean
    distance to the clip's while the foot carries.
    """
    body, tree = fit.problem.body, fit.problem.tree
    feet, place = foot_of(body), tree.point_pos.copy()
    loaded = np.stack([stance[:, of_feet.foot == side].max(axis=1) for side in (0, 1)], axis=1)
    mine = [k for k, b in enumerate(tree.point_body) if int(b) in feet]
    off, count = np.zeros((len(mine), 3)), np.zeros(len(mine))
    for t, (xpos, xmat) in enumerate(fit.problem.poses(qpos)):
        for i, k in enumerate(mine):
            b = tree.point_body[k]
            weight = loaded[t, feet[int(b)]]
            if fit.weight[t, k] > 0 and weight > _LOADED:
                local = xmat[b].T @ (fit.target[t, k] - xpos[b]) - place[k]
                off[i] += weight * np.clip(local, -_FARTHEST_M, _FARTHEST_M)
                count[i] += weight
    place[mine] += off / (count + _SEATED_FRAMES)[:, None]
    return place
