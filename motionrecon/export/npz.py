"""motion.npz itself: all arrays of the motion, as docs/guide/output.md lists them."""

from pathlib import Path

import numpy as np

from motionrecon.motion.motion import Motion


def write_npz(motion: Motion, folder: Path) -> None:
    """Writes motion.npz: plain arrays, nothing pickled."""
    np.savez_compressed(folder / "motion.npz", allow_pickle=False, **motion.arrays())
