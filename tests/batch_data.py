"""Small data sets for the tests of batches."""

from pathlib import Path

import numpy as np

from motionrecon import assets
from motionrecon.batch import Settings
from motionrecon.pipeline import Options

WALK = assets.clip_path("walk")
QUICK = Settings(Options(threads=1, max_evaluations=2, grow_evaluations=1), seconds=0.3)


def write_clip(path: Path, seed: int | None = None) -> Path:
    """The bundled walk, with 2 mm of noise where a seed is given."""
    with np.load(WALK, allow_pickle=False) as z:
        arrays = dict(z)
    if seed is not None:
        noise = np.random.default_rng(seed).standard_normal(arrays["keypoints"].shape)
        arrays["keypoints"] = arrays["keypoints"] + 0.002 * noise
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path
