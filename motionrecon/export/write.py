"""Writing a motion in several formats at once: all files appear, or none."""

from collections.abc import Iterable
from pathlib import Path

from motionrecon.atomic import write_files_atomically
from motionrecon.errors import ExportError
from motionrecon.export.registry import FORMATS, all_of, held, lacks, resolve
from motionrecon.motion.motion import Motion
from motionrecon.plain_paths import plain_paths


def write(motion: Motion, folder: str | Path, formats: str | Iterable[str] = "all") -> list[Path]:
    """Write motion into `folder` (created where need be), replacing files of the same names;
    returns their paths.

    formats: names from FORMATS as a list or with commas, or "all", which leaves out what the motion
    does not hold. Every file is written to a
    temporary folder beside the results and renamed once all are there. Raises ExportError (unknown
    format, missing package, a motion that the format cannot hold) and OutputError (a place that
    cannot be written); then nothing is written.
    """
    names = resolve(formats)
    if all_of(formats):
        names = held(names, motion)
    for name in names:
        if (why := lacks(name, motion)) is not None:
            raise ExportError(f"output format {name}: {why}")
    folder = Path(folder)
    with write_files_atomically(folder) as part, plain_paths([part]) as (place,):
        files = [_written(motion, name, Path(place)) for name in names]
    return [folder / f.name for group in files for f in group]


def _written(motion: Motion, name: str, folder: Path) -> list[Path]:
    FORMATS[name].load()(motion, folder)
    files = [folder / f for f in FORMATS[name].files]
    for file in files:
        # libraries in C++ do not report a full disk
        if not file.is_file() or not file.stat().st_size:
            raise OSError(f"{file.name} could not be written in full")
    return files
