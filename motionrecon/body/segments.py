"""The tree of segments: parents, joint centres (m) and inertials from de Leva's tables."""

from dataclasses import dataclass

import numpy as np

from motionrecon.anatomy import anthropometry as table
from motionrecon.body.proportions import Proportions, standing_out
from motionrecon.errors import BodyError

MIDLINE = ("pelvis", "lumbar", "thorax", "head")
ARM, LEG = ("clavicle", "upper_arm", "forearm", "hand"), ("thigh", "shank", "foot", "toes")
PARENT = {
    "lumbar": "pelvis",
    "thorax": "lumbar",
    "head": "thorax",
    "clavicle": "thorax",
    "upper_arm": "clavicle",
    "forearm": "upper_arm",
    "hand": "forearm",
    "thigh": "pelvis",
    "shank": "thigh",
    "foot": "shank",
    "toes": "foot",
}


@dataclass(frozen=True)
class Segment:
    """origin: joint centre in the zero pose, mid-hip at 0; com: from the origin; inertia: (3, 3)
    about com.
    """

    name: str
    parent: str | None
    origin: np.ndarray
    mass: float
    com: np.ndarray
    inertia: np.ndarray


def origins(p: Proportions) -> dict[str, np.ndarray]:
    """Joint centres (m) in the zero pose relative to mid-hip, by segment name."""
    spine_back = -0.012 * p.stature  # the spine runs behind the line from hips to shoulders
    at = {
        "pelvis": np.zeros(3),
        "lumbar": np.array([spine_back, 0.0, table.LUMBAR_JOINT * p.trunk]),
        "thorax": np.array([spine_back, 0.0, table.THORAX_JOINT * p.trunk]),
        "head": np.array([spine_back, 0.0, p.trunk + p.neck]),
    }
    for i, (side, y) in enumerate((("l_", 1.0), ("r_", -1.0))):
        shoulder = np.array([0.0, y * p.shoulder_width / 2, p.trunk])
        hip = np.array([0.0, y * p.hip_width / 2, 0.0])
        at[side + "clavicle"] = np.array([0.0, y * 0.10 * p.shoulder_width, p.trunk])
        at[side + "upper_arm"] = shoulder
        at[side + "forearm"] = shoulder - [0, 0, p.upper_arm[i]]
        at[side + "hand"] = at[side + "forearm"] - [0, 0, p.forearm[i]]
        at[side + "thigh"] = hip
        at[side + "shank"] = hip - [0, 0, p.thigh[i]]
        at[side + "foot"] = at[side + "shank"] - [0, 0, p.shank[i]]
        ahead = (table.BALL_AHEAD_OF_HEEL - table.HEEL_BEHIND_ANKLE) * p.foot
        at[side + "toes"] = at[side + "foot"] + [ahead, 0, -p.ankle_height + 0.010 * p.stature]
    return at


def build(p: Proportions, mass: float) -> list[Segment]:
    """All segments, parents first, for a body of `mass` kg in total. Raises BodyError for lengths
    that no body has.
    """
    at = origins(p)
    lumps = _lumps(p, mass, at)
    total = sum(m for m, _, _ in lumps.values())
    out = []
    # depth first, the order in which MuJoCo numbers bodies and dofs: actuators are made in it
    for name in MIDLINE + tuple(s + n for limb in (ARM, LEG) for s in ("l_", "r_") for n in limb):
        m, com, inertia = lumps[name]
        scale = mass / total  # the table's fractions add to 0.99995
        parent = PARENT.get(name.removeprefix("l_").removeprefix("r_"))
        if parent is not None and parent in ARM + LEG:
            parent = name[:2] + parent
        if not _can_be(inertia):
            raise BodyError(f"the bones' lengths make no {name}: {standing_out(p)}")
        out.append(Segment(name, parent, at[name], m * scale, com - at[name], inertia * scale))
    return out


def _can_be(inertia: np.ndarray) -> bool:
    """Whether anything has this inertia (3, 3): principal moments are positive, and none is more
    than the other two together. (What MuJoCo's compiler asks.)
    """
    low, middle, high = np.linalg.eigvalsh(inertia)
    return bool(low > 0 and low + middle >= high)


def _rod(
    name: str,
    mass: float,
    proximal: np.ndarray,
    distal: np.ndarray,
    radii: tuple[float, float, float] | None = None,
) -> tuple:
    """(mass, com, inertia (3, 3)) of a table segment whose long axis is vertical in the zero
    pose.
    """
    s = table.SEGMENTS[name]
    length = np.linalg.norm(distal - proximal)
    m = s.mass * mass
    rx, ry, rz = radii or s.gyration
    return m, proximal + s.com * (distal - proximal), m * length**2 * np.diag([rx**2, ry**2, rz**2])


def _lumps(p: Proportions, mass: float, at: dict[str, np.ndarray]) -> dict[str, tuple]:
    def level(fraction: float) -> np.ndarray:
        return np.array([0.0, 0.0, fraction * p.trunk])

    vertex = np.array([0.0, 0.0, p.trunk + p.neck + p.head])
    lumps = {
        "pelvis": _rod("lower_trunk", mass, level(table.OMPHALION), level(0)),
        "lumbar": _rod("middle_trunk", mass, level(table.XIPHION), level(table.OMPHALION)),
        "head": _rod("head", mass, vertex, vertex - [0, 0, table.VERTEX_TO_GONION * p.stature]),
    }
    upper = _rod("upper_trunk", mass, level(1.0), level(table.XIPHION))
    girdles = []
    for side in ("l_", "r_"):
        lumps[side + "clavicle"] = _ball(
            table.GIRDLE_SHARE * upper[0],
            0.5 * (at[side + "clavicle"] + at[side + "upper_arm"]),
            0.035 * p.stature,
        )
        girdles.append(lumps[side + "clavicle"])
        for name, child in (
            ("upper_arm", "forearm"),
            ("forearm", "hand"),
            ("thigh", "shank"),
            ("shank", "foot"),
        ):
            lumps[side + name] = _rod(name, mass, at[side + name], at[side + child])
        knuckle = at[side + "hand"] - [0, 0, table.HAND_TO_KNUCKLE * p.stature]
        lumps[side + "hand"] = _rod("hand", mass, at[side + "hand"], knuckle)
        lumps[side + "foot"], lumps[side + "toes"] = _foot(
            p, mass, at[side + "foot"], at[side + "toes"]
        )
    lumps["thorax"] = _minus(upper, girdles)
    return lumps


def _ball(mass: float, com: np.ndarray, radius_of_gyration: float) -> tuple:
    return mass, com, mass * radius_of_gyration**2 * np.eye(3)


def _foot(p: Proportions, mass: float, ankle: np.ndarray, ball: np.ndarray) -> tuple:
    """The foot split at the metatarsal heads so that both parts together keep the table's mass, com
    and inertia.
    """
    s = table.SEGMENTS["foot"]
    heel = ankle + np.array([-table.HEEL_BEHIND_ANKLE * p.foot, 0.0, -0.6 * p.ankle_height])
    tip = heel + np.array([p.foot, 0.0, 0.0])
    m = s.mass * mass
    r_sagittal, r_transverse, r_long = s.gyration  # its long axis lies along x here
    whole = (
        m,
        heel + s.com * (tip - heel),
        m * p.foot**2 * np.diag([r_long**2, r_transverse**2, r_sagittal**2]),
    )
    toe_length = tip[0] - ball[0]
    toes_com = np.array([ball[0] + 0.4 * toe_length, ankle[1], heel[2] - 0.2 * p.ankle_height])
    toes = _ball(table.TOES_SHARE * m, toes_com, 0.3 * toe_length)
    return _minus(whole, [toes]), toes


def _minus(whole: tuple, parts: list[tuple]) -> tuple:
    """What is left of a rigid lump without its parts (parallel axes)."""
    mass = whole[0] - sum(q[0] for q in parts)
    com = (whole[0] * whole[1] - sum(q[0] * q[1] for q in parts)) / mass
    about = _about(whole, com) - sum(_about(q, com) for q in parts)
    return mass, com, about


def _about(lump: tuple, point: np.ndarray) -> np.ndarray:
    m, com, inertia = lump
    d = com - point
    return inertia + m * (d @ d * np.eye(3) - np.outer(d, d))
