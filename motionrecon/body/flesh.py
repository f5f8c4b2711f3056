"""The shapes that a body's skin is grown around: round cones and ellipsoids on its segments.

Thicknesses are fractions of stature, chosen by hand to look like an adult of average build: a
mannequin, not the subject. Lengths are the subject's own, from the model.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco

TRUNK, LEG, ARM = "trunk", "leg", "arm"


@dataclass(frozen=True, eq=False)
class Shape:
    """A round cone from a to b with radii ra, rb; or, where `radii` are given, an ellipsoid about a
    whose axes are the columns of `turn`. m, in the segment's frame; part: trunk, leg or arm.
    """

    segment: str
    part: str
    a: Float[np.ndarray, " 3"]
    b: Float[np.ndarray, " 3"]
    ra: float
    rb: float
    radii: Float[np.ndarray, " 3"] | None = None
    turn: Float[np.ndarray, "3 3"] | None = None

    def moved(self, turn: Float[np.ndarray, "3 3"], place: Float[np.ndarray, " 3"]) -> Self:
        """In the world, where its segment is turned and placed so."""
        own = turn if self.turn is None else turn @ self.turn
        return replace(self, a=turn @ self.a + place, b=turn @ self.b + place, turn=own)

    @property
    def low(self) -> Float[np.ndarray, " 3"]:
        """m, no point of it is lower."""
        return np.minimum(self.a, self.b) - self._reach

    @property
    def high(self) -> Float[np.ndarray, " 3"]:
        """m, no point of it is higher."""
        return np.maximum(self.a, self.b) + self._reach

    @property
    def _reach(self) -> float:
        return max(self.ra, self.rb) if self.radii is None else float(self.radii.max())

    def distance(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """m, about the distance to it, negative inside."""
        if self.radii is not None and self.turn is not None:
            local = (points - self.a) @ self.turn
            scaled = np.linalg.norm(local / self.radii, axis=1)
            steep = np.linalg.norm(local / self.radii**2, axis=1)
            return scaled * (scaled - 1) / np.maximum(steep, 1e-9)
        along = self.b - self.a
        length = max(float(along @ along), 1e-12)
        share = np.clip((points - self.a) @ along / length, 0.0, 1.0)
        nearest = self.a + share[:, None] * along
        radius = self.ra + share * (self.rb - self.ra)
        return np.linalg.norm(points - nearest, axis=1) - radius


def flesh(model: mujoco.MjModel, height: float) -> list[Shape]:
    """The shapes of a body of motionrecon.body; height: m, its stature."""
    at = {model.body(b).name: model.body_pos[b].copy() for b in range(2, model.nbody)}
    out: list[Shape] = []
    zero = np.zeros(3)

    def cone(segment: str, part: str, a: np.ndarray, b: np.ndarray, ra: float, rb: float) -> None:
        out.append(Shape(segment, part, a, b, ra * height, rb * height))

    def ball(segment: str, part: str, centre: np.ndarray, radii: tuple[float, ...]) -> None:
        size = height * np.array(radii)
        out.append(Shape(segment, part, centre, centre, 0.0, 0.0, size, np.eye(3)))

    def up(x: float, y: float, z: float) -> np.ndarray:
        return height * np.array([x, y, z])

    thorax, head = at["thorax"], at["head"]
    ball("pelvis", TRUNK, up(0.0, 0, 0.028), (0.062, 0.092, 0.066))
    for y in (0.042, -0.042):
        ball("pelvis", TRUNK, up(-0.016, y, -0.002), (0.052, 0.05, 0.056))
    cone("lumbar", TRUNK, up(0.014, 0.029, 0.0), thorax + up(0.014, 0.033, 0), 0.047, 0.051)
    cone("lumbar", TRUNK, up(0.014, -0.029, 0.0), thorax + up(0.014, -0.033, 0), 0.047, 0.051)
    ball("thorax", TRUNK, 0.5 * head + up(0.012, 0, -0.012), (0.064, 0.09, 0.112))
    for s, y in (("l_", 1.0), ("r_", -1.0)):
        shoulder = at[s + "upper_arm"]
        ball("thorax", TRUNK, 0.56 * head + up(0.034, 0.042 * y, 0), (0.038, 0.046, 0.05))
        cone(
            s + "clavicle",
            TRUNK,
            up(-0.006, 0.0, -0.008),
            shoulder - up(0.004, 0, 0.006),
            0.034,
            0.03,
        )
        near, far = head + up(-0.008, 0.012 * y, -0.012), at[s + "clavicle"] + 0.75 * shoulder
        cone("thorax", TRUNK, near, far, 0.026, 0.022)
        elbow, wrist = at[s + "forearm"], at[s + "hand"]
        ball(s + "upper_arm", ARM, up(0, 0.002 * y, -0.018), (0.034, 0.033, 0.044))
        cone(s + "upper_arm", ARM, zero, elbow, 0.029, 0.023)
        ball(s + "upper_arm", ARM, 0.5 * elbow + up(0.006, 0, 0), (0.028, 0.026, 0.06))
        cone(s + "forearm", ARM, zero, wrist, 0.0225, 0.0155)
        ball(s + "forearm", ARM, 0.28 * wrist, (0.027, 0.0255, 0.048))
        hand = _end(model, s + "hand") / 0.7
        ball(s + "hand", ARM, 0.42 * hand, (0.023, 0.0125, 0.036))
        cone(s + "hand", ARM, 0.45 * hand, 0.92 * hand, 0.0135, 0.0085)
        cone(
            s + "hand",
            ARM,
            0.45 * hand + up(0.008, 0, 0),
            0.86 * hand + up(0.008, 0, 0),
            0.011,
            0.008,
        )
        cone(
            s + "hand",
            ARM,
            0.2 * hand + up(0.012, 0, 0),
            0.55 * hand + up(0.03, 0, 0),
            0.0095,
            0.0075,
        )
        knee, ankle = at[s + "shank"], at[s + "foot"]
        cone(s + "thigh", LEG, up(0, 0.004 * y, -0.01), 0.55 * knee, 0.052, 0.044)
        cone(s + "thigh", LEG, 0.5 * knee, knee, 0.045, 0.032)
        cone(s + "shank", LEG, up(0.004, 0, 0), ankle, 0.031, 0.0205)
        ball(s + "shank", LEG, 0.28 * ankle + up(-0.012, 0, 0), (0.033, 0.032, 0.075))
        _foot(cone, model, s, height)
    cone("thorax", TRUNK, head + up(-0.002, 0, -0.04), head + up(0.004, 0, 0.01), 0.036, 0.029)
    top = _end(model, "head")[2] / 0.62
    cone(
        "head", TRUNK, up(0.002, 0, -0.01), np.array([0.006 * height, 0, 0.25 * top]), 0.029, 0.028
    )
    ball("head", TRUNK, np.array([0.008 * height, 0, 0.62 * top]), (0.055, 0.044, 0.056))
    ball("head", TRUNK, np.array([0.024 * height, 0, 0.36 * top]), (0.034, 0.033, 0.042))
    nose = np.array([0.058 * height, 0, 0.47 * top])
    cone("head", TRUNK, nose + up(-0.006, 0, 0.018), nose + up(0.004, 0, -0.004), 0.006, 0.009)
    return out


def _end(model: mujoco.MjModel, segment: str) -> Float[np.ndarray, " 3"]:
    """m: the far end of the capsule that the model draws on a segment, on its axis."""
    body = model.body(segment).id
    g = next(
        g
        for g in range(model.ngeom)
        if model.geom_bodyid[g] == body and model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE
    )
    axis = np.zeros(9)
    mujoco.mju_quat2Mat(axis, model.geom_quat[g])
    half = model.geom_size[g, 1] * axis.reshape(3, 3)[:, 2]
    ends = (model.geom_pos[g] - half, model.geom_pos[g] + half)
    return max(ends, key=lambda p: float(np.linalg.norm(p)))


def _foot(cone: Callable[..., None], model: mujoco.MjModel, s: str, height: float) -> None:
    """From the ankle to the heel, along the sole to the ball and the toes, as wide and as low as
    the spheres that touch the floor.
    """
    heel, ball, toe = 0.0185, 0.0155, 0.011
    cone(s + "foot", LEG, np.zeros(3), _sole(model, s + "heel_in", 0, heel * height), 0.021, heel)
    rows = []
    for k in ("in", "out"):
        base = _sole(model, f"{s}ball_{k}", 0.35, ball * height)
        tip = _sole(model, f"{s}toe_{k}", 0.3, toe * height)
        rows.append((_sole(model, f"{s}heel_{k}", 0.0, heel * height), base, tip))
    middle = tuple(0.5 * (p + q) for p, q in zip(*rows, strict=True))
    for back, base, tip in (*rows, middle):
        cone(s + "foot", LEG, back, base, heel, ball)
        cone(s + "foot", LEG, np.zeros(3), base, 0.0225, ball)
        cone(s + "toes", LEG, base - model.body(s + "toes").pos, tip, ball, toe)


def _sole(model: mujoco.MjModel, sphere: str, inward: float, radius: float) -> np.ndarray:
    """m: where a ball of that radius has its lowest point as low as a contact sphere's; inward: by
    that share nearer to the foot's middle.
    """
    g = model.geom(sphere)
    at = g.pos.copy()
    at[1] *= 1 - inward
    at[2] += radius - float(g.size[0])
    return at
