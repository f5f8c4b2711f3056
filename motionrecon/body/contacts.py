"""Contact spheres, the only geometry that collides, and only with the floor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from motionrecon.anatomy import anthropometry as table
from motionrecon.body.proportions import Proportions


@dataclass(frozen=True)
class Sphere:
    """A contact sphere: centre (m) in its segment's frame, radius (m)."""

    name: str
    segment: str
    centre: np.ndarray
    radius: float


def spheres(p: Proportions, at: dict[str, np.ndarray]) -> list[Sphere]:
    """All spheres; `at` are the joint centres of segments.origins. Six a foot with their lowest
    points on one plane.
    """
    h = p.stature
    out = []

    def add(name: str, segment: str, centre: ArrayLike, radius: float) -> None:
        out.append(Sphere(name, segment, np.asarray(centre, float), float(radius)))

    for side, y in (("l_", 1.0), ("r_", -1.0)):
        heel_x = -table.HEEL_BEHIND_ANKLE * p.foot
        ball_x = at[side + "toes"][0] - at[side + "foot"][0]
        toe_x = (1 - table.BALL_AHEAD_OF_HEEL) * p.foot
        r_heel, r_ball, r_toe = 0.012 * h, 0.010 * h, 0.008 * h
        sole, toe_sole = (
            -p.ankle_height,
            -p.ankle_height - (at[side + "toes"] - at[side + "foot"])[2],
        )
        for k, w in (("in", -1.0), ("out", 1.0)):
            add(
                f"{side}heel_{k}",
                side + "foot",
                [heel_x + r_heel, y * w * 0.013 * h, sole + r_heel],
                r_heel,
            )
            add(
                f"{side}ball_{k}", side + "foot", [ball_x, y * w * 0.023 * h, sole + r_ball], r_ball
            )
            add(
                f"{side}toe_{k}",
                side + "toes",
                [toe_x - r_toe, y * w * 0.018 * h, toe_sole + r_toe],
                r_toe,
            )
        add(side + "knee", side + "shank", [0.012 * h, 0, -0.010 * h], 0.028 * h)
        add(
            side + "trochanter",
            "pelvis",
            at[side + "thigh"] + [-0.005 * h, y * 0.020 * h, 0],
            0.045 * h,
        )
        add(side + "buttock", "pelvis", [-0.030 * h, y * 0.042 * h, -0.012 * h], 0.042 * h)
        add(side + "shoulder", side + "upper_arm", [0, 0, -0.004 * h], 0.031 * h)
        add(
            side + "scapula",
            "thorax",
            at[side + "clavicle"] - at["thorax"] + [-0.025 * h, y * 0.025 * h, -0.055 * h],
            0.038 * h,
        )
        add(side + "elbow", side + "forearm", [-0.004 * h, 0, 0], 0.022 * h)
        add(side + "palm", side + "hand", [0, 0, -0.018 * h], 0.015 * h)
        add(side + "fingers", side + "hand", [0, 0, -0.075 * h], 0.012 * h)
    add("sacrum", "pelvis", [-0.030 * h, 0, 0.045 * h], 0.040 * h)
    add("abdomen", "pelvis", [0.015 * h, 0, 0.040 * h], 0.045 * h)
    add("chest", "thorax", [0.042 * h, 0, 0.55 * (p.trunk - at["thorax"][2])], 0.050 * h)
    add("head_back", "head", [-0.005 * h + 0.012 * h, 0, 0.62 * p.head], 0.052 * h)
    add("head_face", "head", [0.030 * h + 0.012 * h, 0, 0.50 * p.head], 0.040 * h)
    return out
