"""Small data sets for the tests of batches."""

import json
from pathlib import Path

import numpy as np

from motionrecon.batch import Settings
from motionrecon.reconstruct import Options

WALK = Path(__file__).parents[1] / "assets" / "clips" / "walk.npz"
QUICK = Settings(Options(threads=1, max_evaluations=2, grow_evaluations=1), seconds=0.3)


def write_clip(path: Path, seed: int | None = None) -> Path:
    """The bundled walk, with 2 mm of noise where a seed is given."""
    with np.load(WALK, allow_pickle=False) as z:
        arrays = dict(z)
    if seed is not None:
        arrays["keypoints"] = arrays["keypoints"] + 0.002 * np.random.default_rng(seed).standard_normal(arrays["keypoints"].shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def without_times(value):
    """A report or status as it is apart from times and memory."""
    if isinstance(value, dict):
        gone = ("seconds", "realtime_factor", "process_memory_bytes", "modified_ns")
        return {k: without_times(v) for k, v in value.items() if k not in gone}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def results(out: Path) -> dict[str, object]:
    """Every file of every clip's folder: its bytes, or what is in it apart from times."""
    return {
        str(p.relative_to(out)): without_times(json.loads(p.read_text())) if p.suffix == ".json" else p.read_bytes()
        for p in sorted((out / "clips").rglob("*")) if p.is_file()
    }  # fmt: skip
