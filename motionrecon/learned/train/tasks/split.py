"""Which clips train and which validate, and what kind of motion each shows."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from motionrecon import assets
from motionrecon.errors import ClipError

BUNDLED = assets.folder()
# Of the development clips, by the last part of their names: every kind of motion and every source
# but one on both sides, chosen before anything was trained. Bundled clips have the same names.
VALIDATION = (
    "run_force_plates",
    "hop",
    "cmu_131_02",
    "cmu_02_05_c3d",
    "cmu_01_01",
    "cmu_88_06",
    "cmu_88_07",
    "dance_b",
    "getup_faceup",
    "jump",
    "spinkick",
    "walking5",
    "walk_free",
)
_TRAINING = (
    "dance",
    "run",
    "walk",
    "cmu_131_01",
    "cmu_131_03",
    "cmu_11_01_amc",
    "cmu_02_04",
    "cmu_103_08",
    "cmu_88_08",
    "cmu_88_09",
    "cartwheel",
    "crawl",
    "dance_a",
    "getup_facedown",
    "kick",
    "punch",
    "roll",
    "test_walking",
    "walking2",
)
KINDS = {
    "jump": r"jump|hop|spin ?kick",
    "floor": r"cartwheel|crawl|get ?up|roll|on hands",
}


def key(path: Path) -> str:
    """The name a clip is sorted by: without its source, so that two copies of one motion fall on
    one side.
    """
    name = path.stem
    return "run_force_plates" if name == "bmc__run" else name.split("__")[-1]


def validates(path: Path) -> bool:
    """Whether a clip is kept for validation: by list where we know it, else one in three by a hash
    of its name.
    """
    name = key(path)
    if name in VALIDATION or name in _TRAINING:
        return name in VALIDATION
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def kinds(path: Path) -> frozenset[str]:
    """The entries of KINDS that a clip's name or the activity written in it match."""
    with np.load(path, allow_pickle=False) as file:
        activity = str(file["activity"]) if "activity" in file.files else ""
    text = f"{key(path)} {activity}".replace("_", " ").lower()
    return frozenset(kind for kind, pattern in KINDS.items() if re.search(pattern, text))


def clips(folder: Path | None, part: str, without: str | None = None) -> list[Path]:
    """npz files of a folder (None: the bundled clips): part "training", "validation" or "all".

    without: a kind that is left out. Raises ClipError for an unknown kind or where nothing is left.
    """
    folder = BUNDLED if folder is None else Path(folder)
    if without is not None and without not in KINDS:
        raise ClipError(f"unknown kind of motion {without!r}: choose one of {', '.join(KINDS)}")
    wanted = {"training": (False,), "validation": (True,), "all": (False, True)}[part]
    found = [p for p in sorted(folder.glob("*.npz")) if validates(p) in wanted]
    found = [p for p in found if without is None or without not in kinds(p)]
    if not found:
        raise ClipError(
            f"{folder}: no clips for {part}" + (f" without {without}" if without else "")
        )
    return found
