"""The subject's bone lengths, measured on the clip and completed by published ratios."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.anatomy.points import LIMBS, Points
from motionrecon.errors import BodyError

# left and right are averaged unless they differ by more than this fraction
_CLEARLY_DIFFERENT = 0.06


@dataclass(frozen=True)
class Proportions:
    """Lengths in metres; pairs are (left, right). trunk: mid-hip to mid-shoulder; neck: shoulder
    line to C7.
    """

    stature: float
    thigh: tuple[float, float]
    shank: tuple[float, float]
    upper_arm: tuple[float, float]
    forearm: tuple[float, float]
    hip_width: float
    shoulder_width: float
    trunk: float
    neck: float
    head: float
    hand: float
    foot: float
    ankle_height: float
    measured: tuple[str, ...] = ()


def robust_length(a: np.ndarray, b: np.ndarray, quantile: float = 0.5) -> float | None:
    """Length (m) of a rigid bone seen as points a, b (T, 3); None where seen in fewer than 3
    frames.

    Noise of variance s^2 along and across the bone lengthens the median distance by about s^2 / d;
    that is taken off, with s from the distances' own spread.
    """
    d = np.linalg.norm(a - b, axis=1)
    d = d[np.isfinite(d)]
    if len(d) < 3:
        return None
    middle = float(np.median(d))
    spread = 1.4826 * float(np.median(np.abs(d - middle)))
    value = (
        middle
        if quantile == 0.5
        else float(np.quantile(d, quantile)) - spread * max(0.0, quantile - 0.5)
    )
    return value - min(spread**2 / max(value, 1e-3), 0.1 * value)


def measure(keypoints: np.ndarray, names: tuple[str, ...]) -> Proportions:
    """Proportions of keypoints (T, J, 3) m, NaN for what is missing. Raises BodyError where too few
    bones are seen.
    """
    p = Points(keypoints, names)
    hips, shoulders = (0.5 * (p("l_" + part) + p("r_" + part)) for part in ("hip", "shoulder"))
    sided: dict[str, tuple[float | None, float | None]] = {
        bone: (robust_length(p("l_" + a), p("l_" + b)), robust_length(p("r_" + a), p("r_" + b)))
        for bone, (a, b) in LIMBS.items()
    }
    single: dict[str, float | None] = {
        "hip_width": robust_length(p("l_hip"), p("r_hip")),
        "shoulder_width": robust_length(p("l_shoulder"), p("r_shoulder")),
        # bending the spine shortens this distance, so an upper quantile stands for the straight
        # trunk
        "trunk": robust_length(hips, shoulders, quantile=0.7),
    }
    if single["trunk"] is None:
        neck = robust_length(hips, p("neck"), quantile=0.7)
        single["trunk"] = (
            None if neck is None else neck * STATURE["trunk"] / (STATURE["trunk"] + STATURE["neck"])
        )
    stature = _stature(sided, single)
    usual = {name: fraction * stature for name, fraction in STATURE.items()}
    pairs = {bone: _both(pair, usual[bone]) for bone, pair in sided.items()}
    return Proportions(
        stature=stature,
        thigh=pairs["thigh"],
        shank=pairs["shank"],
        upper_arm=pairs["upper_arm"],
        forearm=pairs["forearm"],
        hip_width=_likely(single["hip_width"], usual["hip_width"]),
        shoulder_width=_likely(single["shoulder_width"], usual["shoulder_width"]),
        trunk=_likely(single["trunk"], usual["trunk"]),
        neck=usual["neck"],
        head=usual["head"],
        hand=usual["hand"],
        foot=usual["foot"],
        ankle_height=usual["ankle_height"],
        measured=tuple(b for b, pair in sided.items() if any(v is not None for v in pair)),
    )


def _is_likely(length: float | None, usual: float) -> TypeGuard[float]:
    """A distance far from any person's is a mislabelled or absent joint, not a proportion."""
    return length is not None and 0.4 < length / usual < 2.0


def _likely(length: float | None, usual: float) -> float:
    return length if _is_likely(length, usual) else usual


def _stature(sided: dict, single: dict) -> float:
    """Stature (m): the sum of the long bones that are seen over the sum of their usual
    fractions.
    """
    total, fraction = 0.0, 0.0
    for bone, pair in sided.items():
        values = [v for v in pair if v is not None]
        if values:
            total, fraction = total + float(np.mean(values)), fraction + STATURE[bone]
    if single["trunk"] is not None:
        total, fraction = total + single["trunk"], fraction + STATURE["trunk"]
    if fraction < 0.4:
        raise BodyError(
            "too few bones to build a body: found no frames with both ends of hips-knees-ankles, "
            "or trunk and arms; "
            "name at least hips, knees, ankles and shoulders (or a neck)"
        )
    stature = total / fraction
    if not 0.5 < stature < 3.0:
        lengths = {f"{s} {b}": v[i] for b, v in sided.items() for i, s in enumerate("lr")}
        raise BodyError(
            f"bone lengths make a person {stature:.2f} m tall; expected 0.5 to 3 m: "
            f"{_standing_out(lengths | {'trunk': single['trunk']})}"
        )
    return stature


def standing_out(p: Proportions) -> str:
    """In words: the length that is furthest from what the others suggest, and what to do."""
    sided = {f"{s} {b}": getattr(p, b)[i] for b in LIMBS for i, s in enumerate("lr")}
    single = {b: getattr(p, b) for b in ("hip_width", "shoulder_width", "trunk")}
    return _standing_out(sided | single)


def _standing_out(lengths: Mapping[str, float | None]) -> str:
    """Of lengths (m) by name, such as "l shank"; None where one is not seen."""
    known = {name: v for name, v in lengths.items() if v is not None}
    tall = {name: v / STATURE[name.split()[-1]] for name, v in known.items()}
    middle = max(float(np.median(list(tall.values()))), 1e-9)
    worst = max(tall, key=lambda name: abs(np.log(max(tall[name], 1e-9) / middle)))
    ratio = tall[worst] / middle
    if 0.5 < ratio < 2.0:
        return "check the clip's units"
    return (
        f"'{worst}' is {known[worst]:.2f} m, {ratio:.2g} times what the other bones suggest: a "
        "keypoint is misplaced or mislabelled"
    )


def _both(pair: tuple[float | None, float | None], usual: float) -> tuple[float, float]:
    """(left, right): averaged unless clearly different; one stands for the other; neither: the
    usual length.
    """
    known = [v for v in pair if _is_likely(v, usual)]
    if not known:
        return usual, usual
    left, right = known[0], known[-1]  # one alone is both
    if abs(left - right) <= _CLEARLY_DIFFERENT * 0.5 * (left + right):
        left = right = 0.5 * (left + right)
    return left, right
