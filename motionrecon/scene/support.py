"""One support: a level or sloped rectangle, the top of a solid."""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from motionrecon.errors import SceneError

# Chosen by hand, wider than any laboratory: what is beyond was given in other units than metres.
HIGHEST_M, FARTHEST_M, LARGEST_M, SMALLEST_M = 3.0, 100.0, 50.0, 0.02
STEEPEST_DEG = 45.0  # friction of 0.9 holds a foot up to 42 degrees
_PLATE_M = 0.05  # m, thickness of what slopes and says no other


@dataclass(frozen=True)
class Support:
    """A rectangle to stand, sit or lean on; world frame, the floor at z = 0.

    name: of its own in its scene; top: m, the centre of the rectangle; size: m, along its own x and
    y; yaw_deg: turns its x from the world's about the vertical, anticlockwise seen from above;
    slope_deg: by which it rises along its x; thickness: m, of the solid beneath, along the normal;
    None: down to the floor where it is level, 5 cm where it slopes.

    Raises SceneError for values that are no support's, such as a seat 48 m high.
    """

    name: str
    top: tuple[float, float, float]
    size: tuple[float, float]
    yaw_deg: float = 0.0
    slope_deg: float = 0.0
    thickness: float | None = None

    def __post_init__(self) -> None:
        x, y, z = self.top
        units = "; lengths are in metres"
        self._within("x of its top", x, -FARTHEST_M, FARTHEST_M, f" m{units}")
        self._within("y of its top", y, -FARTHEST_M, FARTHEST_M, f" m{units}")
        self._within("height z", z, 0.001, HIGHEST_M, f" m above the floor{units}")
        for value in self.size:
            self._within("size", value, SMALLEST_M, LARGEST_M, f" m{units}")
        self._within("yaw", self.yaw_deg, -360.0, 360.0, " degrees")
        what = " degrees; one that faces down supports nothing"
        self._within("slope", self.slope_deg, -STEEPEST_DEG, STEEPEST_DEG, what)
        if self.thickness is not None:
            self._within("thickness", self.thickness, 0.001, LARGEST_M, f" m{units}")
        low = float(self.corners()[:, 2].min())
        if low < -0.02:
            raise SceneError(
                f"support '{self.name}': its lowest edge is {low:.2f} m under the floor; expected "
                "0 or more; raise the top or lessen the slope"
            )

    def _within(self, what: str, value: float, low: float, high: float, unit: str) -> None:
        if not low <= value <= high:  # NaN is not
            raise SceneError(
                f"support '{self.name}': {what} is {value:g}; expected {low:g} to {high:g}{unit}"
            )

    def scaled(self, factor: float) -> "Support":
        """The support, larger by a factor about the world's origin."""
        (x, y, z), (length, width) = self.top, self.size
        return replace(
            self,
            top=(factor * x, factor * y, factor * z),
            size=(factor * length, factor * width),
            thickness=None if self.thickness is None else factor * self.thickness,
        )

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Its own axes as columns: x uphill, y, and the normal."""
        yaw, slope = math.radians(self.yaw_deg), math.radians(self.slope_deg)
        c, s, cs, ss = math.cos(yaw), math.sin(yaw), math.cos(slope), math.sin(slope)
        return np.array([[c * cs, -s, -c * ss], [s * cs, c, -s * ss], [ss, 0.0, cs]])

    @property
    def depth(self) -> float:
        """m, how thick the solid under the rectangle is."""
        if self.thickness is not None:
            return self.thickness
        return _PLATE_M if self.slope_deg else self.top[2]

    @property
    def half_size(self) -> Float[np.ndarray, "3"]:
        """m, half of the solid's extent along its own axes."""
        return np.array([*self.size, self.depth]) / 2

    @property
    def middle(self) -> Float[np.ndarray, "3"]:
        """m, the solid's centre."""
        return np.array(self.top) - self.axes[:, 2] * self.depth / 2

    def corners(self) -> Float[np.ndarray, "4 3"]:
        """m, of the rectangle, anticlockwise seen from above."""
        signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
        return np.array(self.top) + (signs * self.size) @ self.axes[:, :2].T

    def local(self, points: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
        """Points (m, world frame) along its own axes from the centre of the top."""
        return (points - np.array(self.top)) @ self.axes
