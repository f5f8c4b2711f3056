"""3D keypoints of a person to physically real MuJoCo motion."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motionrecon.clip import Clip, load_clip
    from motionrecon.motion import Motion
    from motionrecon.pipeline import reconstruct

__version__ = "0.1.0"
__all__ = ["Clip", "Motion", "load_clip", "reconstruct"]

# Imported on first use: physics and JAX take seconds, which reading a clip need not.
_HOMES = {
    "Clip": "motionrecon.clip",
    "load_clip": "motionrecon.clip",
    "Motion": "motionrecon.motion",
    "reconstruct": "motionrecon.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
