"""The clips that come with the package: `assets.names()`, `assets.clip_path("walk")`; a robot, an
OpenSim model.

Where they come from, and their licence: `assets/README.md` of the source, and the arrays `source`
and `licence` of every file.
"""

from importlib.resources import files
from pathlib import Path

from motionrecon.errors import ClipError

_SUFFIX = ".npz"


def folder() -> Path:
    """The folder of the bundled clips, inside the installed package."""
    return Path(str(files(__name__))) / "clips"


def names() -> tuple[str, ...]:
    """Names of the bundled clips, sorted: "cartwheel", "walk" ..."""
    return tuple(sorted(path.stem for path in folder().glob("*" + _SUFFIX)))


def clip_path(name: str) -> Path:
    """The file of the bundled clip `name`, one of `names()`; raises ClipError for another name."""
    if name not in names():
        raise ClipError(f"no bundled clip {name!r}: choose one of {', '.join(names())}")
    return folder() / (name + _SUFFIX)


def osim_path() -> Path:
    """The OpenSim model of an adult of usual proportions, this project's own."""
    return folder().parent / "opensim" / "adult.osim"


def robot_path(name: str) -> Path:
    """The MJCF of a robot that comes with the package."""
    return folder().parent / "robots" / f"{name}.xml"
