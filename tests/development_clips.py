"""Which of the development clips show a whole body."""

from pathlib import Path

_LEGS_ALONE = ("gaitkit__healthy",)  # no trunk: refused


def whole_bodies(folder: Path) -> list[Path]:
    """Paths of the clips in a folder that show more than legs, sorted."""
    return [p for p in sorted(folder.glob("*.npz")) if p.stem not in _LEGS_ALONE]
