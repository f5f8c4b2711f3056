"""Writing a motion in several formats at once: all files appear, or none."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from motionrecon.errors import OutputError
from motionrecon.export.registry import FORMATS, resolve
from motionrecon.motion.motion import Motion


def write(motion: Motion, folder: str | Path, formats: str | Iterable[str] = "all") -> list[Path]:
    """Write motion into `folder` (created where need be), replacing files of the same names;
    returns their paths.

    formats: names from FORMATS as a list or with commas, or "all". Every file is written to a
    temporary folder beside the results and renamed once all are there. Raises ExportError (unknown
    format, missing package, a motion that the format cannot hold) and OutputError (a place that
    cannot be written); then nothing is written.
    """
    names = resolve(formats)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as part:
            files = [_written(motion, name, Path(part)) for name in names]
            paths = [folder / f.name for group in files for f in group]
            for path in paths:
                os.replace(Path(part) / path.name, path)
    except OSError as e:
        raise OutputError(
            f"{folder}: cannot be written ({e.strerror or e}); give another folder with --out"
        ) from e
    return paths


def _written(motion: Motion, name: str, folder: Path) -> list[Path]:
    FORMATS[name].load()(motion, folder)
    files = [folder / f for f in FORMATS[name].files]
    for file in files:
        # libraries in C++ do not report a full disk
        if not file.is_file() or not file.stat().st_size:
            raise OSError(f"{file.name} could not be written in full")
    return files
