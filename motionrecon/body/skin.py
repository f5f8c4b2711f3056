"""One smooth mesh of a person's body, with the weights by which its segments move it.

The body is a smooth union of round cones and ellipsoids along the segments, as long as the
subject's own bones. To look at only: nothing touches it, it weighs nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix, diags

from motionrecon.anatomy.points import stature
from motionrecon.anatomy.sides import side_of
from motionrecon.body.flesh import ARM, LEG, TRUNK, Shape, flesh
from motionrecon.body.surface import surface
from motionrecon.engine import mujoco

# Degrees by which arms and legs are spread where the mesh is made: arms between hanging, where they
# would grow to the hips, and a T, whose armpits fold when they come down; thighs apart.
_SPREAD_DEG = {"upper_arm": 50.0, "thigh": 9.0}
_CELL = 0.015  # of stature: 4000 vertices or so
_SPREADS = 10  # steps of the weights along the surface: 4 cm to each side of a joint
_NEAREST = 4  # segments that move a vertex, as most programs take
# Of stature, over which shapes grow together.
_SMOOTH = {TRUNK: 0.03, LEG: 0.012, ARM: 0.012}
_SMOOTH_SOLE = 0.003  # a union swells by a quarter of it, and soles belong on the floor
_JOINED = 0.022
_SIDES = {"middle": 0, "left": 1, "right": 2}


@dataclass(frozen=True, eq=False)
class Skin:
    """V vertices, F triangles (anticlockwise from outside), B segments in the model's order; m.

    points, normals: in the pose in which it was made, place and turn its segments' there; joints,
    weights: which segments move a vertex, and by how much; side: 0 middle, 1 left, 2 right; left:
    from 1 where it is the left limbs' to -1 where the right ones', smooth; along: m, from the
    shoulder or hip of a limb.
    """

    points: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    joints: Int[np.ndarray, "V 4"]
    weights: Float[np.ndarray, "V 4"]
    side: Int[np.ndarray, " V"]
    left: Float[np.ndarray, " V"]
    along: Float[np.ndarray, " V"]
    place: Float[np.ndarray, "B 3"]
    turn: Float[np.ndarray, "B 3 3"]

    def posed(
        self, place: Float[np.ndarray, "B 3"], turn: Float[np.ndarray, "B 3 3"]
    ) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"]]:
        """Points and normals where the segments are so, by linear blend skinning."""
        local = np.einsum("bji,vbj->vbi", self.turn, self.points[:, None] - self.place)
        bones = np.arange(len(self.points))[:, None]
        moved = np.einsum("bij,vbj->vbi", turn, local) + place
        points = (self.weights[..., None] * moved[bones, self.joints]).sum(axis=1)
        spun = np.einsum("bij,bkj->bik", turn, self.turn)
        normals = np.einsum("vk,vkij,vj->vi", self.weights, spun[self.joints], self.normals)
        return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def skin_of(model: mujoco.MjModel) -> Skin | None:
    """The skin of a body of motionrecon.body; None for another, such as a robot."""
    names = [model.body(b).name for b in range(1, model.nbody)]
    if not {"pelvis", "thorax", "head", "l_hand", "r_toes"} <= set(names):
        return None
    turn = np.stack([_spread(model, names, b) for b in range(len(names))])
    place = np.zeros((len(names), 3))
    for b in range(1, len(names)):
        parent = int(model.body_parentid[b + 1]) - 1
        place[b] = place[parent] + turn[parent] @ model.body_pos[b + 1]
    height = _stature(place, names)
    shapes = [
        shape.moved(turn[names.index(shape.segment)], place[names.index(shape.segment)])
        for shape in flesh(model, height)
    ]
    points, normals, faces = surface(
        lambda p: _distance(shapes, p, height), *_bounds(shapes, height), _CELL * height
    )
    nearest = np.argmin([shape.distance(points) for shape in shapes], axis=0)
    owner = np.array([names.index(shape.segment) for shape in shapes])[nearest]
    joints, weights = _weights(owner, faces, len(names))
    sides = np.array([_SIDES[side_of(n)] for n in names])
    left = (weights * np.array([0.0, 1.0, -1.0])[sides[joints]]).sum(axis=1)
    roots = np.array([place[_root(names, b)] for b in range(len(names))])
    along = np.linalg.norm(points - roots[owner], axis=1)
    return Skin(points, normals, faces, joints, weights, sides[owner], left, along, place, turn)


def _spread(model: mujoco.MjModel, names: list[str], b: int) -> Float[np.ndarray, "3 3"]:
    """The turn of segment b where arms and legs are spread."""
    at, degrees = b, 0.0
    while at >= 0:
        sign = {"l_": 1.0, "r_": -1.0}.get(names[at][:2], 0.0)
        degrees += sign * _SPREAD_DEG.get(names[at][2:], 0.0)
        at = int(model.body_parentid[at + 1]) - 1
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])


def _stature(place: np.ndarray, names: list[str]) -> float:
    parts = {"hip": "thigh", "knee": "shank", "ankle": "foot", "shoulder": "upper_arm"}
    parts |= {"elbow": "forearm", "wrist": "hand"}
    of = {f"{s}_{k}": place[names.index(f"{s}_{v}")] for k, v in parts.items() for s in "lr"}
    return stature(np.array([list(of.values())]), tuple(of))


def _root(names: list[str], b: int) -> int:
    """The segment at which segment b's limb begins; the pelvis for the trunk."""
    side, part = names[b][:2], names[b][2:]
    if side not in ("l_", "r_"):
        return 0
    leg = part in ("thigh", "shank", "foot", "toes")
    return names.index(side + ("thigh" if leg else "upper_arm"))


def _bounds(shapes: list[Shape], height: float) -> tuple[np.ndarray, np.ndarray]:
    low = np.min([shape.low for shape in shapes], axis=0)
    high = np.max([shape.high for shape in shapes], axis=0)
    return low - _JOINED * height, high + _JOINED * height


def _distance(
    shapes: list[Shape], points: Float[np.ndarray, "n 3"], height: float
) -> Float[np.ndarray, " n"]:
    """About the distance to the body's surface, negative inside. Limbs grow to the trunk, and not
    to each other: thighs are no skirt.
    """
    limbs: dict[tuple[str, str], np.ndarray] = {}
    for shape in shapes:
        key = (shape.part, "" if shape.part == TRUNK else shape.segment[:2])
        mine = limbs.get(key)
        found = shape.distance(points)
        flat = shape.segment.endswith(("foot", "toes"))
        smooth = (_SMOOTH_SOLE if flat else _SMOOTH[shape.part]) * height
        limbs[key] = found if mine is None else _union(mine, found, smooth)
    trunk = limbs.pop((TRUNK, ""))
    grown = [_union(trunk, limb, _JOINED * height) for limb in limbs.values()]
    return np.min(grown, axis=0)


def _union(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Smooth minimum by a quadratic over k (I. Quilez, iquilezles.org/articles/smin)."""
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.minimum(a, b) - 0.25 * k * h * h


def _weights(
    owner: Int[np.ndarray, " V"], faces: Int[np.ndarray, "F 3"], segments: int
) -> tuple[Int[np.ndarray, "V 4"], Float[np.ndarray, "V 4"]]:
    """Each vertex to the segment it is nearest to, then spread along the surface: never from thigh
    to thigh or from a hand to the hip.
    """
    count = len(owner)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    near = coo_matrix((np.ones(len(both)), both.T), shape=(count, count)).tocsr()
    near.data[:] = 1.0
    mean = diags(1 / np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1)) @ near
    share = np.eye(segments)[owner]
    for _ in range(_SPREADS):
        share = 0.5 * (share + mean @ share)
    joints = np.argsort(-share, axis=1, kind="stable")[:, :_NEAREST]
    weights = np.take_along_axis(share, joints, axis=1)
    return joints, weights / weights.sum(axis=1, keepdims=True)
