"""What is to be seen at one moment, as capsules: the list that both renderers draw."""

from typing import NamedTuple

import numpy as np

from motionrecon.view import palette
from motionrecon.view.camera import Camera
from motionrecon.view.skeleton import edges
from motionrecon.view.take import Take

METRES_PER_WEIGHT = 0.55  # length of a force arrow of one body weight
_NEARER = 0.16  # m, dots and arrows are drawn so much before the joint's centre that they mark
_HEAD_DISCS = 10
_EDGE_M = 0.008  # of a support


class Solids(NamedTuple):
    """N capsules; a ball has equal ends. The first `casting` cast shadows."""

    a: np.ndarray  # (N, 3) m
    b: np.ndarray  # (N, 3) m
    radius: np.ndarray  # (N,) m
    colour: np.ndarray  # (N, 3) 0 to 1
    plain: np.ndarray  # (N,) 0: shaded, 1: one colour whatever the light
    casting: int


def join(*parts: Solids) -> Solids:
    """One list; parts that cast shadows must come first."""
    return Solids(
        a=np.concatenate([part.a for part in parts]),
        b=np.concatenate([part.b for part in parts]),
        radius=np.concatenate([part.radius for part in parts]),
        colour=np.concatenate([part.colour for part in parts]),
        plain=np.concatenate([part.plain for part in parts]),
        casting=sum(part.casting for part in parts),
    )


def _same(
    a: np.ndarray,
    b: np.ndarray,
    radius: float | np.ndarray,
    colour: str,
    plain: float = 0.0,
    casting: bool = False,
) -> Solids:
    a, b, n = np.reshape(a, (-1, 3)), np.reshape(b, (-1, 3)), len(np.reshape(a, (-1, 3)))
    colours = np.tile(palette.rgb(colour), (n, 1))
    return Solids(
        a,
        b,
        np.broadcast_to(radius, n).astype(float),
        colours,
        np.full(n, plain),
        n if casting else 0,
    )


def body(take: Take, t: int, colour: str) -> Solids:
    """The take's own shapes at frame t."""
    points = take.points[t]
    return _same(
        points[take.shapes[:, 0]], points[take.shapes[:, 1]], take.radii, colour, casting=True
    )


def supports(take: Take) -> Solids:
    """The edges of the scene's rectangles, and one line across each."""
    none = np.zeros((0, 3))
    parts = [_same(none, none, 0.0, palette.SOFT)]
    for corners in take.supports:
        ends = np.concatenate([np.roll(corners, -1, axis=0), [corners[2]]])
        parts.append(_same(np.concatenate([corners, [corners[0]]]), ends, _EDGE_M, palette.SOFT))
    return join(*parts)


def stick(take: Take, t: int) -> Solids:
    """The clip's keypoints at frame t, joined to a figure."""
    targets = take.motion.input_keypoints[t]
    known = [p for p in edges(take.motion.keypoint_names) if np.isfinite(targets[list(p)]).all()]
    pairs = np.array(known, int).reshape(-1, 2)
    return _same(targets[pairs[:, 0]], targets[pairs[:, 1]], 0.012, palette.SOFT, casting=True)


def dots(take: Take, t: int, camera: Camera) -> Solids:
    """The clip's keypoints at frame t, seen through the body."""
    targets = take.motion.input_keypoints[t]
    known = targets[np.isfinite(targets).all(-1)]
    halo, inner = nearer(known, camera, _NEARER), nearer(known, camera, _NEARER + 0.04)
    return join(
        _same(halo[0], halo[0], 0.023 * halo[1], palette.PAPER, 1.0),
        _same(inner[0], inner[0], 0.016 * inner[1], palette.INK, 1.0),
    )


def nearer(points: np.ndarray, camera: Camera, metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) moved towards the eye, and the factors (N,) by which they must shrink to look
    as large.
    """
    away = camera.eye - points
    distance = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
    return points + metres * away / distance, 1 - metres / np.maximum(distance[:, 0], 2 * metres)


def arrows(take: Take, t: int, camera: Camera) -> Solids:
    """Forces of the floor at frame t from their centres of pressure; measured ones thin, from the
    same place.
    """
    m, parts = take.motion, [_same(np.zeros((0, 3)), np.zeros((0, 3)), 0.0, palette.FORCE)]
    for side in (0, 1):
        centre, force = m.centre_of_pressure[t, side], m.contact_force[t, side]
        parts += _arrow(centre, force, m.weight, palette.FORCE, 1.0, camera)
        if m.measured_contact_force is not None:
            plate = m.measured_contact_force[t, side]
            parts += _arrow(centre, plate, m.weight, palette.MEASURED, 0.6, camera)
    for centre, force in zip(take.elsewhere_centre[t], take.elsewhere_force[t], strict=True):
        parts += _arrow(centre, force, m.weight, palette.FORCE, 1.0, camera)
    return join(*parts)


def _arrow(
    foot: np.ndarray,
    force: np.ndarray,
    weight: float,
    colour: str,
    thick: float,
    camera: Camera,
) -> list[Solids]:
    size = float(np.linalg.norm(force))
    length = METRES_PER_WEIGHT * size / weight
    if not (np.isfinite(foot).all() and np.isfinite(size) and length > 0.02):
        return []
    head, unit = min(0.12, 0.4 * length), force / size
    width = 0.016 * thick * min(1.0, 0.3 + 3 * length)
    share = np.linspace(0, 1, _HEAD_DISCS)[:, None]
    cone = foot + (length - head * (1 - share)) * unit
    ends = np.concatenate([[foot, foot + (length - head) * unit], cone])
    moved, shrink = nearer(ends, camera, _NEARER + 0.02)
    radii = np.concatenate([[width, width], 2.4 * width * (1 - share[:, 0]) + 0.002]) * shrink
    return [
        _same(moved[:1], moved[1:2], radii[:1], colour, 0.6),
        _same(moved[2:-1], moved[3:], 0.5 * (radii[2:-1] + radii[3:]), colour, 0.6),
    ]
