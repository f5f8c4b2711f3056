"""3D keypoints of a person to physically real MuJoCo motion."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motionrecon.clip import Clip, load_clip
    from motionrecon.motion import Motion
    from motionrecon.reconstruct import reconstruct

__version__ = "0.1.0"
__all__ = ["Clip", "Motion", "load_clip", "reconstruct"]


class _Package(ModuleType):
    """Imports the public names on first use: physics and JAX take seconds, which reading a clip need not.

    They are properties because `reconstruct` is a function and also the module it lives in: importing that
    module would otherwise put the module in the function's place.
    """

    def _public(home: str, name: str):  # noqa: N805
        return property(lambda self: getattr(import_module(home), name), lambda self, module: None)

    Clip = _public("motionrecon.clip", "Clip")
    load_clip = _public("motionrecon.clip", "load_clip")
    Motion = _public("motionrecon.motion", "Motion")
    reconstruct = _public("motionrecon.reconstruct", "reconstruct")


sys.modules[__name__].__class__ = _Package
