"""A clip in the making: the value that every step from a file's content to a Clip takes and
gives.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ClipError
from motionrecon.io.base import Raw


@dataclass(frozen=True)
class Asked:
    """What the user says of a file; None leaves it to the file, or to detection.

    skeleton: a key of motionrecon.anatomy.skeletons.SKELETONS; mapping: a shipped mapping's name, a
    YAML file, or "none"; units: m, cm, mm, or the metres in a unit; up: z, y, x, -z, -y or -x; fps:
    Hz; subject: a name, or the number of one; travel: of keypoints relative to a root,
    auto or none; belt: of a treadmill, auto, none or m/s.
    """

    skeleton: str | None = None
    mapping: str | None = None
    units: str | None = None
    up: str | None = None
    fps: float | None = None
    subject: str | None = None
    travel: str | None = None
    belt: str | None = None


@dataclass(frozen=True)
class Reading:
    """A file's content on its way to a Clip.

    raw: what the file says, as it was read; asked: what the user says; source: the file's name for
    messages. positions (T, J, 3), NaN where missing: in the file's units and axes until the steps
    scale and turn; confidence (T, J) in [0, 1]; names: of the J keypoints, empty before the step
    name; fps: Hz, NaN before the step clock; units, up: what the steps scale and turn settled on;
    findings and warnings in words, in the order in which
    they were made; extras: arrays that come along.
    """

    raw: Raw
    source: str
    asked: Asked
    positions: Float[np.ndarray, "T J 3"]
    confidence: Float[np.ndarray, "T J"]
    names: tuple[str, ...] = ()
    fps: float = float("nan")
    units: str = ""
    up: str = ""
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extras: dict[str, Any] = field(default_factory=dict)

    def replace(self, **changes: Any) -> "Reading":
        """A copy with some fields changed."""
        return replace(self, **changes)

    def found(self, *texts: str) -> "Reading":
        """With more findings."""
        return replace(self, findings=(*self.findings, *texts))

    def warned(self, *texts: str) -> "Reading":
        """With more warnings."""
        return replace(self, warnings=(*self.warnings, *texts))

    def error(self, text: str) -> ClipError:
        """The error, for the caller to raise, that names the file."""
        return ClipError(f"{self.source}: {text}")
