"""Supports that a clip shows: what a person stands or sits on who is above the floor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.clip.balance import centre_of_mass
from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import SOLE
from motionrecon.clip.resample import local_fit
from motionrecon.runs import runs
from motionrecon.scene.scene import Scene
from motionrecon.scene.support import Support

_SMOOTHING_S = 0.1  # to each side, of the keypoints
# m/s: of a foot that stands flat, of hips that sit; a foot held in the air moves more.
_STILL, _SITS = 0.25, 0.12
_RAISED_M = 0.1  # over the floor: floors that drift or tilt are known to less
_LEAST_S, _LEAST_TOTAL_S, _LEAST_SIT_S = 0.2, 0.4, 0.4  # of a rest, of all on one support, of a sit
_LEVEL_M, _NEAR_M = 0.05, 0.5  # rests so near in height and place are on one support
_MARGIN_M = 0.03  # of a support beyond the footprints on it
_PLATE_M = 0.04  # of which the top alone is known
_LOWER_M = 0.06  # a foot that rests so much lower is the one that carries
_UPRIGHT = 0.5  # of a shank's length, that the knee is over the ankle
# m: a centre of mass that rests so far from every part of the feet is carried by something else.
_AWAY_M = 0.15
_HANDS_M = 0.25  # over the floor: hands that low may carry
_LOWEST_HIP, _HIGHEST_HIP = 0.15, 0.5  # of stature: above who lies, below who stands
_BELOW_HIP = 0.054  # of stature: from the hips' middle down to the buttocks (motionrecon.body)
_SEAT_M = (0.45, 0.45)


@dataclass(frozen=True)
class _Rest:
    """Of one foot: seconds, sole's height (m), the corners (n, 2) m of what it stood on, and where
    it points.
    """

    seconds: float
    height: float
    prints: Float[np.ndarray, "n 2"]
    ahead: Float[np.ndarray, "2"]


def find_scene(clip: Clip) -> tuple[Scene, tuple[str, ...]]:
    """Supports that a clip with its ground at z = 0 shows, and the findings in words.

    A foot that rests flat above the floor, its shank upright under the hips and no other foot at
    rest below it, is on something; so is a person who rests with the centre of mass beside the
    feet and low hips. Footprints of one height near each other are one support: their rectangle and
    3 cm around it. What it is below its top is not known.
    """
    stature = stature_of(clip.keypoints, clip.names)
    if len(clip.keypoints) < 3 or not np.isfinite(stature):
        return Scene(), ()
    half = max(_SMOOTHING_S * clip.fps, 2.5)
    smooth = local_fit(clip, np.arange(len(clip.keypoints), dtype=float), half)[0]
    p = Points(smooth, clip.names)
    supports: list[Support] = []
    said: list[str] = []
    for group in _grouped(_rests(p, clip, stature)):
        if sum(r.seconds for r in group) < _LEAST_TOTAL_S:
            continue
        support = _under(group, f"step{len(supports) + 1}")
        supports.append(support)
        said.append(_words(support, f"feet rest on it for {sum(r.seconds for r in group):.1f} s"))
    for number, (first, after) in enumerate(_sits(p, clip, stature), 1):
        support = _seat(p, first, after, stature, f"seat{number}")
        if any(np.hypot(*np.subtract(s.top[:2], support.top[:2])) < _NEAR_M for s in supports):
            continue
        supports.append(support)
        said.append(_words(support, f"the hips rest on it for {(after - first) / clip.fps:.1f} s"))
    return Scene(tuple(supports)), tuple(said)


def _words(s: Support, why: str) -> str:
    return (
        f"support '{s.name}' {100 * s.top[2]:.0f} cm over the floor, {100 * s.size[0]:.0f} by "
        f"{100 * s.size[1]:.0f} cm: {why} (--scene none leaves it out)"
    )


def _speed(at: Float[np.ndarray, "T 3"], fps: float) -> Float[np.ndarray, " T"]:
    return np.linalg.norm(np.gradient(at, 1 / fps, axis=0), axis=-1)


def _rests(p: Points, clip: Clip, stature: float) -> list[_Rest]:
    """Of both feet, where they carry above the floor."""
    hips, found = p.trunk_bottom(), []
    soles, still = {}, {}
    for side in "lr":
        parts = [n for n in SOLE if f"{side}_{n}" in clip.names]
        if not parts:
            return []
        at = np.stack([p(f"{side}_{n}") for n in parts], axis=1)
        high = at[..., 2] - np.array([SOLE[n] for n in parts]) * stature
        with np.errstate(invalid="ignore"):
            soles[side] = high.min(axis=1)
            moving = np.max([_speed(at[:, j], clip.fps) for j in range(len(parts))], axis=0)
            still[side] = moving < _STILL
    for side, other in ("lr", "rl"):
        knee, ankle = p(f"{side}_knee"), p.ankle(side)
        with np.errstate(invalid="ignore"):
            shank = np.nanmedian(np.linalg.norm(knee - ankle, axis=1))
            upright = (knee - ankle)[:, 2] > _UPRIGHT * shank
            over = hips[:, 2] - soles[side] > 2 * _UPRIGHT * shank
            # one that is not seen may carry
            below = ~(soles[other] > soles[side] - _LOWER_M) & ~(still[other] < 1)
            rests = still[side] & (soles[side] > _RAISED_M) & upright & over & ~below
        for first, after in runs(rests):
            if (after - first) / clip.fps >= _LEAST_S:
                found.append(_rest(p, side, soles[side], first, after, clip))
    return found


def _rest(
    p: Points, side: str, sole: Float[np.ndarray, " T"], first: int, after: int, clip: Clip
) -> _Rest:
    names = [n for n in SOLE if f"{side}_{n}" in clip.names]
    prints = np.array([np.median(p(f"{side}_{n}")[first:after, :2], axis=0) for n in names])
    toe, heel = (
        np.median(p(*(f"{side}_{n}" for n in part))[first:after, :2], axis=0)
        for part in (("big_toe", "toe"), ("heel", "ankle"))
    )
    ahead = toe - heel
    if not np.linalg.norm(ahead) > 0.03:  # one keypoint alone: across the hips
        across = np.median((p("l_hip") - p("r_hip"))[first:after, :2], axis=0)
        ahead = np.array([across[1], -across[0]])
    ahead = ahead / np.linalg.norm(ahead)
    if len(names) == 1:  # an ankle is behind the middle of the foot
        prints = np.vstack([prints - 0.06 * ahead, prints + 0.18 * ahead])
    seconds = (after - first) / clip.fps
    return _Rest(seconds, float(np.median(sole[first:after])), prints, ahead)


def _grouped(rests: Sequence[_Rest]) -> list[list[_Rest]]:
    """Rests of one height, each near another of its group; lowest first."""
    groups: list[list[_Rest]] = []
    for rest in sorted(rests, key=lambda r: r.height):
        near = [g for g in groups if any(_together(rest, other) for other in g)]
        groups = [g for g in groups if g not in near] + [[r for g in near for r in g] + [rest]]
    return groups


def _together(a: _Rest, b: _Rest) -> bool:
    apart = np.linalg.norm(a.prints.mean(axis=0) - b.prints.mean(axis=0))
    return bool(abs(a.height - b.height) < _LEVEL_M and apart < _NEAR_M)


def _under(group: list[_Rest], name: str) -> Support:
    seconds = np.array([r.seconds for r in group])
    ahead = seconds @ np.array([r.ahead for r in group])
    yaw = np.arctan2(ahead[1], ahead[0])
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    local = np.concatenate([r.prints for r in group]) @ axes.T
    low, high = local.min(axis=0) - _MARGIN_M, local.max(axis=0) + _MARGIN_M
    width = max(0.12, high[1] - low[1])  # of a foot, of which a line of keypoints is seen
    middle = (low + high) / 2 @ axes
    height = float(np.average([r.height for r in group], weights=seconds))
    top = (float(middle[0]), float(middle[1]), height)
    size = (float(high[0] - low[0]), float(width))
    return Support(name, top, size, yaw_deg=float(np.degrees(yaw)), thickness=_PLATE_M)


def _sits(p: Points, clip: Clip, stature: float) -> list[tuple[int, int]]:
    """(first, after), in frames, of sitting above the floor."""
    hips, mass = p.trunk_bottom(), centre_of_mass(p)
    feet = [p(f"{s}_{n}")[:, :2] for s in "lr" for n in SOLE if f"{s}_{n}" in clip.names]
    if not feet:
        return []
    hands = p.mean("l_wrist", "r_wrist", "l_hand", "r_hand")[:, 2]
    with np.errstate(invalid="ignore"):
        away = np.min([np.linalg.norm(mass[:, :2] - f, axis=1) for f in feet], axis=0)
        sits: Bool[np.ndarray, " T"] = (
            (_speed(hips, clip.fps) < _SITS)
            & (_speed(mass, clip.fps) < _SITS)
            & (away > _AWAY_M)
            & (hips[:, 2] > _LOWEST_HIP * stature)
            & (hips[:, 2] < _HIGHEST_HIP * stature)
            & ~(hands < _HANDS_M)
        )
    return [(a, b) for a, b in runs(sits) if (b - a) / clip.fps >= _LEAST_SIT_S]


def _seat(p: Points, first: int, after: int, stature: float, name: str) -> Support:
    hips = np.median(p.trunk_bottom()[first:after], axis=0)
    across = np.median((p("l_hip") - p("r_hip"))[first:after, :2], axis=0)
    yaw = np.arctan2(-across[0], across[1])
    ahead = np.array([np.cos(yaw), np.sin(yaw)]) * (0.5 * _SEAT_M[0] - 0.2)
    top = (
        float(hips[0] + ahead[0]),
        float(hips[1] + ahead[1]),
        float(hips[2] - _BELOW_HIP * stature),
    )
    return Support(name, top, _SEAT_M, yaw_deg=float(np.degrees(yaw)), thickness=_PLATE_M)
