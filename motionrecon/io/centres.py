"""Joint centres from markers: means, offsets, and the hip's centre by regression on the pelvis."""

from collections.abc import Callable, Iterable
from functools import reduce

import numpy as np

from motionrecon.anatomy.points import nanmedian
from motionrecon.io.detect import UNITS
from motionrecon.io.mapping import Centre

_PERSON = 1.4  # m: about the largest extent of a person's markers along one axis


def metres_per_unit(positions: np.ndarray) -> float:
    """Guess of the unit of markers (T, J, 3) from the extent of the cloud of one frame: m, cm or
    mm.

    The units differ by ten times and more, people and postures by less than three.
    """
    seen = np.isfinite(positions).all(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        high = np.where(seen, positions, -np.inf).max(axis=1)
        low = np.where(seen, positions, np.inf).min(axis=1)
        extent = (high - low).max(axis=1)
    extent = extent[np.isfinite(extent) & (extent > 0)]
    if not extent.size:
        return 1.0
    size = float(np.quantile(extent, 0.9))
    return min(UNITS.values(), key=lambda metres: abs(np.log(size * metres / _PERSON)))


def place(way: Centre, at: Callable[[str], np.ndarray], metres: float) -> np.ndarray:
    """The keypoint (T, 3), NaN where a marker is missing; at(label) is a marker (T, 3), metres the
    unit of both.
    """
    if way.regression:
        near, far = (at(n) for n in way.asis)
        return _harrington(near, far, _mean(way.psis, at), way.left, metres)
    out = _total(w * at(n) for w, n in zip(way.weights, way.markers, strict=True))
    if way.along is None or not way.offset_m:
        return out
    direction = _mean(way.along[1], at) - _mean(way.along[0], at)
    return out + way.offset_m / metres * _unit(direction)


def _mean(labels: tuple[str, ...], at: Callable[[str], np.ndarray]) -> np.ndarray:
    return _total(at(n) for n in labels) / len(labels)


def _total(points: Iterable[np.ndarray]) -> np.ndarray:
    """Their sum, taken from the first to the last."""
    return reduce(np.add, points, np.zeros(3))


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def _harrington(
    near: np.ndarray, far: np.ndarray, psis: np.ndarray, left: bool, metres: float
) -> np.ndarray:
    """Hip joint centre from both ASIS (this side's first) and the middle of the PSIS, all (T, 3).

    From the middle of the ASIS, in mm, with pelvis width W and depth D: 0.24 D + 9.9 backwards,
    0.30 W + 10.9 down, 0.33 W + 7.3 to this side (Harrington et al. 2007, J. Biomech. 40, 595). W
    and D are medians over frames: bones do not change. Up is forward x left, so the sides must be
    what they say.
    """
    middle = 0.5 * (near + far)
    lateral = _unit(near - far)
    forward = middle - psis
    forward = _unit(forward - np.sum(forward * lateral, axis=-1, keepdims=True) * lateral)
    width = nanmedian(np.linalg.norm(near - far, axis=-1)) * metres * 1e3
    depth = nanmedian(np.linalg.norm(middle - psis, axis=-1)) * metres * 1e3
    back, down, out = 0.24 * depth + 9.9, 0.30 * width + 10.9, 0.33 * width + 7.3
    up = np.cross(forward, lateral if left else -lateral)
    return middle + 1e-3 / metres * (out * lateral - back * forward - down * up)
