"""A scene: supports besides the floor, none of which is inside of another."""

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from motionrecon.errors import SceneError
from motionrecon.scene.support import Support

FLOOR = "floor"
MOST = 100  # supports
_OVERLAP_M = 0.02  # m by which steps measured with a tape may reach into one another
# m: a point so far below a top still is held to be over that support: keypoints place a sole to
# some centimetres
_SUNK_M = 0.08


@dataclass(frozen=True)
class Scene:
    """Supports besides the floor; none: the floor alone. Raises SceneError where two have one name
    or overlap.
    """

    supports: tuple[Support, ...] = ()

    def __post_init__(self) -> None:
        if len(self.supports) > MOST:
            raise SceneError(f"{len(self.supports)} supports; expected at most {MOST}")
        names = [s.name for s in self.supports]
        for name in names:
            if not name or name == FLOOR or names.count(name) > 1:
                raise SceneError(f"support '{name}': expected a name of its own, and not '{FLOOR}'")
        for a, b in combinations(self.supports, 2):
            if (depth := overlap(a, b)) > _OVERLAP_M:
                raise SceneError(
                    f"supports '{a.name}' and '{b.name}' overlap by {100 * depth:.0f} cm; give one "
                    "of them another place, size or thickness"
                )

    @classmethod
    def of_plain(cls, values: dict[str, Any]) -> "Scene":
        """The scene of what dataclasses.asdict gave, lists for tuples as JSON has them."""
        plain = [s | {"top": tuple(s["top"]), "size": tuple(s["size"])} for s in values["supports"]]
        return cls(tuple(Support(**s) for s in plain))

    def scaled(self, factor: float) -> "Scene":
        """The scene, larger by a factor about the world's origin."""
        return Scene(tuple(s.scaled(factor) for s in self.supports))

    def __bool__(self) -> bool:
        return bool(self.supports)

    @property
    def names(self) -> tuple[str, ...]:
        """The floor's, then the supports' in order: what index 0, 1, ... of a support stands
        for.
        """
        return (FLOOR, *(s.name for s in self.supports))

    def under(self, points: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
        """Which support each point (m, world frame) is over: 0 the floor, i the i-th support.

        The highest of those within whose edges the point is and not more than 8 cm below the top.
        """
        out, best = np.zeros(len(points), np.int64), np.full(len(points), -np.inf)
        for i, s in enumerate(self.supports, 1):
            local = s.local(points)
            inside = (np.abs(local[:, :2]) <= np.array(s.size) / 2).all(axis=1)
            z = points[:, 2] - local[:, 2] / s.axes[2, 2]  # of the top above or below the point
            higher = inside & (local[:, 2] > -_SUNK_M) & (z > best)
            out[higher], best[higher] = i, z[higher]
        return out

    def above(self, points: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
        """The points with their height over what they are over, the floor or a support, as z."""
        if not self.supports:
            return points
        flat = points.reshape(-1, 3)
        plane = self.planes()[self.under(flat)]
        out = flat.copy()
        out[:, 2] = ((flat * plane[:, :3]).sum(axis=1) - plane[:, 3]) / plane[:, 2]
        return out.reshape(points.shape)

    def planes(self) -> Float[np.ndarray, "1+S 4"]:
        """Normals and distances (m) of the floor's and the supports' tops: n . x = d on them."""
        rows = [[0.0, 0.0, 1.0, 0.0]]
        rows += [[*s.axes[:, 2], float(s.axes[:, 2] @ s.top)] for s in self.supports]
        return np.array(rows)


def overlap(a: Support, b: Support) -> float:
    """m by which two solids reach into one another along the axis on which they do least; 0 or less
    where they do not (separating axes of two boxes: Gottschalk, Lin & Manocha, OBBTree, SIGGRAPH
    1996).
    """
    axes = [*a.axes.T, *b.axes.T]
    axes += [np.cross(u, v) for u, v in product(a.axes.T, b.axes.T)]
    apart, least = b.middle - a.middle, np.inf
    for axis in axes:
        length = np.linalg.norm(axis)
        if length < 1e-6:
            continue
        n = axis / length
        reach = np.abs(n @ a.axes) @ a.half_size + np.abs(n @ b.axes) @ b.half_size
        least = min(least, float(reach - abs(n @ apart)))
    return least
