"""Where a person goes whose keypoints are relative to the root: from feet that stand."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import spsolve

from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.clip.balance import centre_of_mass
from motionrecon.clip.doubts import held_root
from motionrecon.clip.floor import SOLE
from motionrecon.clip.gaps import bridged
from motionrecon.clip.reading import Reading

WAYS = ("auto", "none")
_FEET = tuple(f"{side}_{n}" for side in "lr" for n in ("ankle", "heel", "toe", "big_toe"))
_G = 9.81  # m/s^2
_ROUNDS = 12  # of finding who stands and where that leads; the path then changes by below 1 mm
# m above the lowest sole at which a keypoint half stands; m/s over the ground at which a foot does,
# and by how much slower than the rest of it the keypoint is about which it turns. All constants
# here were chosen on eight walks and runs that know their travel: docs/benchmarks/forces.md.
_NEAR_M, _STANDS, _TURNS = 0.02, 0.4, 0.05
_WIDER, _NARROWED = 1.5, 5  # _STANDS in the first rounds, a factor a round
_REACH_S = 0.03  # to each side, over which speeds are taken
# Densities of the acceleration of a centre of mass on its feet and in flight, (m/s^2)^2/Hz, and of
# a standing keypoint's speed, (m/s)^2/Hz.
_PUSHED, _FLOWN, _SLIDES = 5.0, 0.05, 0.002
_SETTLED = 0.006
# m, of a standing keypoint over its sole, and s, for how long; density of the path's drift from the
# velocity, (m/s)^2/Hz.
_HEIGHT_M, _HEIGHT_S, _DRIFTS = 0.01, 0.1, 1e-3
_PLANE_M, _LEAN_DEG = 0.03, 4.0  # of footprints from their plane, of a body's mean axis
_MOST_LEAN_DEG = 35.0  # beyond which a body is not upright
_LEAST_STANDING = 0.15  # of the time


@dataclass(frozen=True)
class Travel:
    """Of T frames. rotation (3, 3): world from the clip's axes, the least turn that levels them;
    path (T, 3): m, of the clip's origin in the world, the ground at z = 0; standing (T,): from 0 to
    1, how surely a foot stands.
    """

    rotation: Float[np.ndarray, "3 3"]
    path: Float[np.ndarray, "T 3"]
    standing: Float[np.ndarray, "T"]

    @property
    def tilt_deg(self) -> float:
        """By how much the clip's vertical was off."""
        return float(np.degrees(np.arccos(np.clip(self.rotation[2, 2], -1, 1))))


def travel(reading: Reading) -> Reading:
    """The step: positions in the world, level and on the ground at z = 0, of a clip that is
    relative to its root; others as they are. Raises ClipError for a way that is none.
    """
    way = reading.asked.travel or "auto"
    if way not in WAYS:
        raise reading.error(wrong_travel(way) or "")
    if way == "none" or held_root(reading.positions, reading.names) is None:
        return reading
    found = recover(reading.positions, reading.names, reading.fps)
    if isinstance(found, str):
        return reading.warned(f"travel is not recovered: {found}")
    moved = reading.positions @ found.rotation.T + found.path[:, None]
    length = np.linalg.norm(found.path[-1, :2] - found.path[0, :2])
    return reading.replace(positions=moved).found(
        f"keypoints are relative to the root: by the feet that stand ({found.standing.mean():.0%} "
        f"of the time) the person goes {length:.2f} m; levelled by {found.tilt_deg:.1f} degrees "
        "(--travel none leaves both out)"
    )


def wrong_travel(way: str) -> str | None:
    """What is wrong with a word for it, or None."""
    return None if way in WAYS else f"unknown travel {way!r}: expected {' or '.join(WAYS)}"


def recover(
    positions: Float[np.ndarray, "T J 3"], names: tuple[str, ...], fps: float
) -> Travel | str:
    """The travel of keypoints (m, z about up, NaN where missing) that are relative to a root; or
    what is missing for it, in words.

    What stands does not move: the origin's velocity is the opposite of what such keypoints show,
    its height what puts them at their sole's usual height. Which stand is found in turns: those
    that are low, and still under the travel so far (iteratively reweighted least squares, Holland &
    Welsch 1977; the scale narrows, Blake & Zisserman 1987). Between them the centre of mass goes on
    smoothly, and in flight falls. The vertical is the normal of the plane through the footprints,
    weighed against the body's own mean axis. A jump whose feet keep still under the hips looks like
    standing.
    """
    present = [n for n in _FEET if n in names and np.isfinite(positions[:, names.index(n)]).any()]
    if {n[0] for n in present} != {"l", "r"}:
        return "both feet must be seen"
    if len(positions) < 5:
        return "5 frames at least are needed"
    whole = np.stack([bridged(positions[:, j]) for j in range(len(names))], axis=1)
    p, dt = Points(whole, names), 1 / fps
    feet = np.stack([p(n) for n in present], axis=1)
    soles = np.array([SOLE[n[2:]] for n in present]) * stature_of(positions, names)
    up = axis = _axis(p, feet)
    if np.degrees(np.arccos(np.clip(axis[2], -1, 1))) > _MOST_LEAN_DEG:
        return "the body is not upright"
    speed, centre = _speed(feet, dt), centre_of_mass(p)
    velocity = None
    for turn in range(_ROUNDS):
        rotation = _levelling(up)
        here, moving = feet @ rotation.T, speed @ rotation.T
        low = here[..., 2] - soles
        weight = 1 / (1 + ((low - low.min(axis=1, keepdims=True)) / _NEAR_M) ** 4)
        if velocity is not None:
            off = np.linalg.norm(moving + velocity[:, None], axis=-1)
            least = np.where(weight > 0.5, off, np.inf).min(axis=1, keepdims=True)
            weight /= 1 + (np.maximum(off - least, 0) / _TURNS) ** 2
            weight /= 1 + (least / (_STANDS * _WIDER ** max(_NARROWED - turn, 0))) ** 4
        body = centre @ rotation.T
        slides = _SLIDES if turn + 1 < _ROUNDS else _SETTLED
        velocity = _velocity(moving, weight, body, slides, dt)
        path = np.zeros(velocity.shape)
        path[1:] = np.cumsum(0.5 * (velocity[1:] + velocity[:-1]), axis=0) * dt
        prints = here + path[:, None]
        prints[..., 2] -= soles
        up = _vertical(rotation, prints, weight, axis)
        path[:, 2] = _height(low, weight, velocity[:, 2], dt)
    standing = weight.max(axis=1)
    if standing.mean() < _LEAST_STANDING:
        return "no foot ever stands"
    return Travel(rotation, path, standing)


def standing_velocity(travel: Travel, fps: float) -> tuple[Float[np.ndarray, "2"], float]:
    """(m/s, of the path along the ground while a foot stands, the median; how far half of these
    velocities lie from it, m/s).
    """
    velocity = np.gradient(travel.path[:, :2], 1 / fps, axis=0)[travel.standing > 0.5]
    if not len(velocity):
        return np.zeros(2), np.inf
    middle = np.median(velocity, axis=0)
    return middle, float(np.median(np.linalg.norm(velocity - middle, axis=1)))


def _speed(at: Float[np.ndarray, "T *n"], dt: float) -> Float[np.ndarray, "T *n"]:
    """m/s, by a line or a parabola over _REACH_S to each side (Savitzky and Golay 1964)."""
    half = max(1, min(round(_REACH_S / dt), (len(at) - 1) // 2))
    return savgol_filter(at, 2 * half + 1, 2, deriv=1, delta=dt, axis=0)


def _axis(p: Points, feet: Float[np.ndarray, "T n 3"]) -> Float[np.ndarray, "3"]:
    """The mean direction of a body that stands or goes: from between the feet up to the hips, and
    up the trunk where one is seen; unit.
    """
    bottom, top = p.trunk_bottom(), p.trunk_top()
    legs = bottom - feet.mean(axis=1)
    mean = (legs + np.where(np.isfinite(top), top - bottom, legs)).mean(axis=0)
    return mean / np.linalg.norm(mean)


def _levelling(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The least rotation that takes `up` to z."""
    x, y, _ = np.cross(up, [0.0, 0.0, 1.0])
    skew = np.array([[0.0, 0.0, y], [0.0, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + skew + skew @ skew / (1 + up[2])


def _velocity(
    moving: Float[np.ndarray, "T n 3"],
    weight: Float[np.ndarray, "T n"],
    centre: Float[np.ndarray, "T 3"],
    slides: float,
    dt: float,
) -> Float[np.ndarray, "T 3"]:
    """m/s, of the origin: standing keypoints come to rest, the centre of mass goes on smoothly."""
    total = weight.sum(axis=1)
    wanted = -(weight[..., None] * moving).sum(axis=1) / np.maximum(total, 1e-9)[:, None]
    sure, flown = total * dt / slides, 1 - weight.max(axis=1)
    count = len(moving)
    first = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(count - 1, count)) / dt
    density = (_PUSHED + flown * (_FLOWN - _PUSHED))[:-1]
    smooth = first.T @ diags_array(dt / density)
    falls = np.zeros((count - 1, 3))
    falls[:, 2] = -_G * flown[:-1]
    own = first @ _speed(centre, dt)
    matrix = csc_array(diags_array(sure + 1e-9) + smooth @ first)
    return spsolve(matrix, sure[:, None] * wanted + smooth @ (falls - own))


def _height(
    low: Float[np.ndarray, "T n"],
    weight: Float[np.ndarray, "T n"],
    rises: Float[np.ndarray, "T"],
    dt: float,
) -> Float[np.ndarray, "T"]:
    """m, of the origin over the ground: on average standing soles are on it, and between frames it
    rises as the velocity says (m/s), since usual heights of soles are off by a centimetre each.
    low: of soles over the origin.
    """
    total, count = weight.sum(axis=1), len(low)
    wanted = -(weight * low).sum(axis=1) / np.maximum(total, 1e-9)
    sure = total * dt / _HEIGHT_S / _HEIGHT_M**2
    first = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(count - 1, count)) / dt
    follows = first.T * (dt / _DRIFTS)
    matrix = csc_array(diags_array(sure + 1e-9) + follows @ first)
    return spsolve(matrix, sure * wanted + follows @ (0.5 * (rises[1:] + rises[:-1])))


def _vertical(
    rotation: Float[np.ndarray, "3 3"],
    prints: Float[np.ndarray, "T n 3"],
    weight: Float[np.ndarray, "T n"],
    axis: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "3"]:
    """The unit normal, in the clip's axes, of a plane through footprints that are nearly level, by
    least squares, weighed against the body's axis. rotation: of the prints from the clip's axes.
    """
    share = (weight / max(weight.sum(), 1e-9)).ravel()
    off = prints.reshape(-1, 3) - share @ prints.reshape(-1, 3)
    spread, tilt = off[:, :2].T @ (share[:, None] * off[:, :2]), off[:, :2].T @ (share * off[:, 2])
    plane, lean = weight.sum(axis=1).mean() / _PLANE_M**2, np.radians(_LEAN_DEG) ** -2
    own = rotation @ axis
    slope = np.linalg.solve(
        plane * spread + lean * np.eye(2), plane * tilt - lean * own[:2] / own[2]
    )
    normal = rotation.T @ [-slope[0], -slope[1], 1.0]
    return normal / np.linalg.norm(normal)
