"""motion.npz itself: all arrays of the motion, as docs/guide/output.md lists them."""

from pathlib import Path

from motionrecon.archive import write_arrays
from motionrecon.motion.columns import blocks
from motionrecon.motion.motion import Motion


def write_npz(motion: Motion, folder: Path) -> None:
    """Writes motion.npz: plain arrays, nothing pickled."""
    write_arrays(folder / "motion.npz", motion.arrays(), blocks)
