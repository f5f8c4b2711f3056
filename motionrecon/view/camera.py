"""Where a camera looks: smoothly after the person, from the side they walk past."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from motionrecon.view.take import Take

_SMOOTH_S = 0.35
_ROOM = 1.05, 1.16  # beside and above the person, for margins and labels


@dataclass(frozen=True)
class Camera:
    """Looks at `target` (3,) m from `distance` m; azimuth (of the camera, about z) and elevation in
    rad.
    """

    target: np.ndarray
    azimuth: float
    distance: float
    elevation: float = 0.16
    fov: float = 0.6  # rad, the picture's height

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): right, up and back of the picture, as rows."""
        ce, se, ca, sa = (
            np.cos(self.elevation),
            np.sin(self.elevation),
            np.cos(self.azimuth),
            np.sin(self.azimuth),
        )
        return np.array([[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]])

    @property
    def eye(self) -> np.ndarray:
        """(3,) m"""
        return self.target + self.distance * self.axes[2]


def path_of(take: Take) -> np.ndarray:
    """(T, 3) m: the point that a camera follows, the root smoothed over time, a little above half
    of the height reached.
    """
    root = take.motion.qpos[:, :3]
    fps = 1 / np.median(np.diff(take.time)) if len(take.time) > 1 else 30.0
    path = gaussian_filter1d(root, max(_SMOOTH_S * fps, 1e-3), axis=0, mode="nearest")
    path[:, 2] = 0.53 * np.percentile(take.points[..., 2].max(axis=1), 98)
    return path


def reach(take: Take) -> tuple[float, float]:
    """m: half the width and half the height that a picture must show, so that the body is in it all
    along.
    """
    around = (take.points - path_of(take)[:, None]) @ Camera(np.zeros(3), azimuth(take), 1.0).axes[
        :2
    ].T
    wide, high = np.percentile(np.abs(around).max(axis=1), 98, axis=0)
    return _ROOM[0] * float(wide), _ROOM[1] * float(high)


def distance(take: Take, aspect: float) -> float:
    """m: from where a picture of that width over height shows the body all along."""
    wide, high = reach(take)
    return max(high, wide / aspect) / np.tan(0.5 * Camera.fov) + 0.5 * wide


def heading(take: Take) -> float:
    """rad, about z: where the person goes, or faces at first when they stay."""
    path = path_of(take)
    way = path[-1, :2] - path[0, :2]
    if np.linalg.norm(way) < 0.5:
        w, x, y, z = take.motion.qpos[0, 3:7]
        way = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)])
    return float(np.arctan2(way[1], way[0]))


def azimuth(take: Take) -> float:
    """rad: from ahead and to the side of the heading."""
    return heading(take) - float(np.deg2rad(65))
