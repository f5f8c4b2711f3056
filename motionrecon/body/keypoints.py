"""Where each named keypoint sits on the body by default, and how far a source's idea of it may lie
from that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from motionrecon.anatomy import anthropometry as table
from motionrecon.body.foot import FootShape
from motionrecon.body.proportions import Proportions

STOOD = 0.012  # m, spread of a foot keypoint's place once it was seen in flat stance


@dataclass(frozen=True)
class Placement:
    """segment, local offset (m), and the prior's standard deviation (m) of that offset from source
    to source.
    """

    segment: str
    offset: np.ndarray
    spread: float


def placements(
    p: Proportions, at: dict[str, np.ndarray], foot: FootShape | None = None
) -> dict[str, Placement]:
    """Default placements of all known keypoint names; `at` are the joint centres of
    segments.origins.

    foot: where the foot's keypoints were seen in flat stance, which then is their place.
    """
    h = p.stature
    out: dict[str, Placement] = {}

    def put(name: str, segment: str, offset: ArrayLike, spread: float) -> None:
        out[name] = Placement(segment, np.asarray(offset, float), spread)

    put("pelvis", "pelvis", [-0.005 * h, 0, 0.02 * h], 0.05)
    put("spine", "lumbar", [0, 0, 0.12 * p.trunk], 0.08)
    put("spine2", "lumbar", [0, 0, 0.30 * p.trunk], 0.08)
    put("chest", "thorax", [0, 0, 0.08 * p.trunk], 0.08)
    put("neck", "thorax", [0.005 * h, 0, p.trunk + 0.5 * p.neck - at["thorax"][2]], 0.06)
    for name, x, z in (("head", 0.012, 0.65), ("nose", 0.070, 0.47), ("mouth", 0.062, 0.36)):
        put(name, "head", [x * h, 0, z * p.head], 0.06)
    foot_end = (1 - table.HEEL_BEHIND_ANKLE) * p.foot
    for i, (s, y) in enumerate((("l_", 1.0), ("r_", -1.0))):
        put(s + "eye", "head", [0.058 * h, y * 0.018 * h, 0.55 * p.head], 0.03)
        put(s + "ear", "head", [0.012 * h, y * 0.042 * h, 0.50 * p.head], 0.03)
        put(s + "mouth", "head", [0.058 * h, y * 0.015 * h, 0.36 * p.head], 0.03)
        put(s + "collar", "thorax", at[s + "clavicle"] - at["thorax"], 0.05)
        put(s + "shoulder", s + "clavicle", at[s + "upper_arm"] - at[s + "clavicle"], 0.01)
        put(s + "elbow", s + "upper_arm", [0, 0, -p.upper_arm[i]], 0.005)
        put(s + "wrist", s + "forearm", [0, 0, -p.forearm[i]], 0.005)
        put(s + "hand", s + "hand", [0, 0, -0.5 * p.hand], 0.04)
        for name, x, z in (("pinky", -0.02, -0.75), ("index", 0.015, -0.85), ("thumb", 0.03, -0.5)):
            put(s + name, s + "hand", [x * h, 0, z * p.hand], 0.04)
        put(s + "hip", "pelvis", at[s + "thigh"], 0.01)
        put(s + "knee", s + "thigh", [0, 0, -p.thigh[i]], 0.005)
        put(s + "ankle", s + "shank", [0, 0, -p.shank[i]], 0.005)
        put(
            s + "heel",
            s + "foot",
            [-table.HEEL_BEHIND_ANKLE * p.foot, 0, -0.7 * p.ankle_height],
            0.04,
        )
        ball = at[s + "toes"] - at[s + "foot"]
        put(s + "toe", s + "foot", ball + [0, 0, 0.003 * h], 0.05)
        put(s + "foot", s + "foot", ball + [0, 0, 0.003 * h], 0.05)
        tip = foot_end - ball[0]
        put(s + "big_toe", s + "toes", [0.9 * tip, -y * 0.018 * h, 0], 0.04)
        put(s + "small_toe", s + "toes", [0.5 * tip, y * 0.026 * h, 0], 0.04)
    for name, (forward, height) in (foot.points if foot else {}).items():
        _stand(out, name, forward, height - p.ankle_height, p, at)
    return out


def _stand(
    out: dict[str, Placement], name: str, forward: float, up: float, p: Proportions, at: dict
) -> None:
    """Replaces a foot keypoint's place by that seen in stance (m from the ankle); beyond the ball
    it is on the toes.
    """
    side = name[:2]
    ball = at[side + "toes"] - at[side + "foot"]
    place = np.array([forward, out[name].offset[1], up])
    if (
        name[2:] in ("toe", "foot")
        and forward < ball[0] + 0.5 * (1 - table.BALL_AHEAD_OF_HEEL) * p.foot
    ):
        out[name] = Placement(side + "foot", place, STOOD)
    elif name[2:] == "heel":
        out[name] = Placement(side + "foot", place, STOOD)
    else:
        out[name] = Placement(side + "toes", place - ball, STOOD)
