"""What is checked before the work, and numbers for a person."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from motionrecon import ranges
from motionrecon.cli.usage import UsageError
from motionrecon.errors import MotionReconError, OutputError

if TYPE_CHECKING:
    from motionrecon.scene import Scene

_FLOORS = {"estimate": None, "file": 0.0}


def check_writable(folder: Path) -> None:
    """Find out before the work whether its result can be written. Raises OutputError."""
    place = folder.absolute()
    try:
        while not place.exists():
            place = place.parent
    except OSError as e:  # a name too long, a loop of links
        why = e.strerror or e
        raise OutputError(f"{folder}: cannot be written ({why}); give another with --out") from e
    if not place.is_dir() or not os.access(place, os.W_OK):
        found = f"{folder}: cannot be written ({place} is not a writable folder)"
        raise OutputError(f"{found}; give another with --out")


def check_inputs_stay(inputs: Iterable[Path | str | None], outputs: Iterable[Path]) -> None:
    """Raises OutputError where an output would replace what is read, under whatever name: one of
    the inputs, or a file of one that is a folder.
    """
    read: dict[tuple[int, int], Path] = {}
    for path in [Path(given) for given in inputs if given]:
        for file in path.iterdir() if path.is_dir() else [path]:
            with suppress(OSError, ValueError):  # what is not there is refused where it is read
                found = file.stat()
                read[found.st_dev, found.st_ino] = file
    for output in outputs:
        with suppress(OSError):
            found = output.stat()
            if taken := read.get((found.st_dev, found.st_ino)):
                raise OutputError(
                    f"{taken}: this input would be replaced by {output}; give another folder "
                    "with --out"
                )


def check_same_clip(clip: str, out: Path) -> None:
    """Raises OutputError where the usual folder holds the result of another clip."""
    if not (out / "report.json").is_file():
        return
    from motionrecon.motion.report import Report

    try:
        other = Report.load(out / "report.json").clip
    except MotionReconError:
        return
    if os.path.abspath(other) != os.path.abspath(clip):
        raise OutputError(f"{out}: holds the result of {other}; give another folder with --out")


def floor_height(text: str) -> float | None:
    """m, the height of the ground that --floor gives; None where it is to be estimated.

    "file": z = 0 as the file has it; "estimate"; or metres in the file's z-up coordinates. Raises
    UsageError for anything else, OptionError for a height that is no ground's.
    """
    if text in _FLOORS:
        return _FLOORS[text]
    try:
        height = float(text)
    except ValueError:
        raise UsageError(f"--floor {text}: expected metres, estimate or file") from None
    ranges.check("floor_m", height)
    return height


def scene_asked(text: str) -> "Scene | Literal['auto'] | None":
    """What --scene gives: a file's scene, "auto" for what the clip shows, None for none. Raises
    SceneError for a file that is no scene.
    """
    from motionrecon.scene import load_scene

    if text == "auto":
        return "auto"
    return None if text == "none" else load_scene(Path(text))


def number(value: float | None) -> str:
    """One decimal, or a question mark for what could not be measured."""
    return "?" if value is None else f"{value:.1f}"
