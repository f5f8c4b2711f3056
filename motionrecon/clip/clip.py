"""A clip of keypoints: what every part of the package takes as its input."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ClipError


@dataclass(frozen=True)
class Clip:
    """Keypoints of one person over time.

    keypoints (T, J, 3) float64, m, z up, ground near z = 0, NaN where missing; names: J canonical
    names (motionrecon.anatomy.skeletons); fps: Hz; confidence (T, J) in [0, 1], 0 where missing;
    source: the file's name; findings: what was detected or converted; warnings: what looks wrong;
    extras: arrays that came along (grf_*, id_*, body_mass_kg, time (T,): seconds of the frames).
    """

    keypoints: Float[np.ndarray, "T J 3"]
    names: tuple[str, ...]
    fps: float
    confidence: Float[np.ndarray, "T J"]
    source: str = "clip"
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (len(self.keypoints) - 1) / self.fps

    def index(self, name: str) -> int | None:
        """The column of a keypoint, or None."""
        return self.names.index(name) if name in self.names else None

    def replace(self, **changes: Any) -> "Clip":
        """A copy with some fields changed."""
        return replace(self, **changes)

    def until(self, seconds: float | None) -> "Clip":
        """The clip's frames from 0 s to `seconds` s after its first one, both included; all of them
        for None. Arrays of forces have a clock of their own and stay whole. Raises ClipError for
        seconds that are not above 0 and finite.
        """
        if seconds is None:
            return self
        if not 0 < seconds < math.inf:
            raise ClipError(f"seconds {seconds:g}: expected a number above 0")
        frames = int(round(seconds * self.fps)) + 1
        extras = dict(self.extras)
        if "time" in extras:
            extras["time"] = extras["time"][:frames]
        return self.replace(
            keypoints=self.keypoints[:frames], confidence=self.confidence[:frames], extras=extras
        )

    def padded(self, before: int, after: int) -> "Clip":
        """The clip with so many frames before and after it in which nothing is seen."""
        shape = self.keypoints.shape[1:]
        unseen = (np.full((before, *shape), np.nan), np.full((after, *shape), np.nan))
        extras = dict(self.extras)
        if "time" in extras:
            more = np.arange(-before, len(self.keypoints) + after) / self.fps
            extras["time"] = extras["time"][0] + more
        return self.replace(
            keypoints=np.concatenate([unseen[0], self.keypoints, unseen[1]]),
            confidence=np.pad(self.confidence, ((before, after), (0, 0))),
            extras=extras,
        )
