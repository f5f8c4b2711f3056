"""A mesh of where a function is zero, by surface nets.

S. Gibson, "Constrained Elastic Surface Nets", MICCAI 1998: a vertex in every cell that the surface
cuts, a quadrilateral across every edge of the grid that it cuts. Written out, because marching
cubes of a library (scikit-image) would bring eight packages for thirty lines, and long thin
triangles that would then have to be removed.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_EDGES = np.array(
    [(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]
)
_COARSE = 4
_BAND = 1.4  # cells of the coarse grid: half of its diagonal, and what distances may be off
_STEPS = 2  # of Newton's method, by which vertices come to the surface
_EPSILON = 1e-3  # of a cell, of differences


def surface(
    distance: Callable[[Float[np.ndarray, "n 3"]], Float[np.ndarray, " n"]],
    low: Float[np.ndarray, " 3"],
    high: Float[np.ndarray, " 3"],
    cell: float,
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """Vertices, outward normals and triangles (anticlockwise from outside) of distance = 0.

    distance: about the signed distance, negative inside, of points; positive on the box low to
    high; cell: the grid's.
    """
    counts = np.ceil((high - low) / cell).astype(int) + 2
    axes = [a + cell * (np.arange(n) - 0.5) for a, n in zip(low, counts, strict=True)]
    value = _near(distance, axes, cell)
    inside = value < 0
    corners = np.stack([_shifted(inside, c) for c in _CORNERS])
    cells = np.argwhere(corners.any(axis=0) & ~corners.all(axis=0))
    number = np.full(counts - 1, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    at = np.stack([value[tuple((cells + c).T)] for c in _CORNERS], axis=1)
    a, b = at[:, _EDGES[:, 0]], at[:, _EDGES[:, 1]]
    cut = (a < 0) != (b < 0)
    share = np.where(cut, a / np.where(cut, a - b, 1.0), 0.0)
    from_, to = _CORNERS[_EDGES[:, 0]], _CORNERS[_EDGES[:, 1]]
    crossing = from_ + share[..., None] * (to - from_)
    middle = (crossing * cut[..., None]).sum(axis=1) / cut.sum(axis=1)[:, None]
    points = np.array([axis[0] for axis in axes]) + cell * (cells + middle)
    normals = _gradient(distance, points, _EPSILON * cell)
    for _ in range(_STEPS):
        off = np.clip(distance(points), -0.5 * cell, 0.5 * cell)
        points = points - off[:, None] * normals
        normals = _gradient(distance, points, _EPSILON * cell)
    return points, normals, _faces(inside, number)


def _near(
    distance: Callable[[np.ndarray], np.ndarray], axes: list[np.ndarray], cell: float
) -> np.ndarray:
    """The distance on the grid, exact near the surface only: elsewhere that of a grid four times
    as coarse.
    """
    coarse = [axis[::_COARSE] + 0.5 * (_COARSE - 1) * cell for axis in axes]
    few = np.stack(np.meshgrid(*coarse, indexing="ij"), axis=-1)
    value = distance(few.reshape(-1, 3)).reshape(few.shape[:3])
    for k, axis in enumerate(axes):
        value = np.repeat(value, _COARSE, axis=k).take(range(len(axis)), axis=k)
    near = np.argwhere(np.abs(value) < _BAND * _COARSE * cell)
    points = np.stack([axis[i] for axis, i in zip(axes, near.T, strict=True)], axis=1)
    value[tuple(near.T)] = distance(points)
    return value


def _shifted(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Of every cell, the value at one corner."""
    i, j, k = (slice(c, n - 1 + c) for c, n in zip(by, values.shape, strict=True))
    return values[i, j, k]


def _gradient(
    distance: Callable[[np.ndarray], np.ndarray], points: np.ndarray, step: float
) -> Float[np.ndarray, "V 3"]:
    """Of unit length."""
    ends = [distance(points + step * e) - distance(points - step * e) for e in np.eye(3)]
    gradient = np.stack(ends, axis=1)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-30)


def _faces(inside: np.ndarray, number: np.ndarray) -> Int[np.ndarray, "F 3"]:
    """Two triangles between the four cells around every edge of the grid that is cut."""
    found = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        first, second = (np.moveaxis(inside, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        for out, flip in ((first & ~second, False), (~first & second, True)):
            edge = np.argwhere(np.moveaxis(out, 0, axis))
            step_u, step_v = np.eye(3, dtype=int)[u], np.eye(3, dtype=int)[v]
            ring = [edge - step_u - step_v, edge - step_v, edge, edge - step_u]
            quad = np.stack([number[tuple(c.T)] for c in ring], axis=1)
            quad = quad[:, ::-1] if flip else quad
            found += [quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]
    return np.concatenate(found)
