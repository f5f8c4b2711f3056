"""How much memory a long clip takes: ``python -m motionrecon_benchmarks.long_clips --minutes 10``.

The bundled walk, forwards and backwards again and again. Windows are solved with one
evaluation: what is measured is what grows with the clip, however well they are solved.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path
from typing import get_args

import numpy as np

from motionrecon import assets, load_clip, reconstruct
from motionrecon.clip.clip import Clip
from motionrecon.motion import Motion
from motionrecon.motion.steps import Simulation
from motionrecon.pipeline import Options
from motionrecon.terminal import say
from motionrecon.view.page import write_page
from motionrecon.view.take import take


def long_walk(minutes: float) -> Clip:
    """The bundled walk to and fro for so long."""
    clip = load_clip(assets.clip_path("walk"))
    frames = len(clip.keypoints)
    there_and_back = np.r_[0:frames, frames - 2 : 0 : -1]
    at = np.resize(there_and_back, round(60 * minutes * clip.fps))
    return clip.replace(keypoints=clip.keypoints[at], confidence=clip.confidence[at], extras={})


def peak_mb() -> float:
    """MB, the most memory of this process so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def main() -> None:
    """Print a line of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--simulation", choices=get_args(Simulation), default="full")
    parser.add_argument("--page", action="store_true", help="load the result and write its page")
    a = parser.parse_args()
    options = Options(
        start="grown",
        max_evaluations=1,
        grow_evaluations=1,
        grow_frames=20,
        keep_frames=20,
        threads=1,
        simulation=a.simulation,
    )
    with tempfile.TemporaryDirectory() as folder:
        reconstruct(long_walk(a.minutes), options).save(folder)
        size = (Path(folder) / "motion.npz").stat().st_size / 1e6
        said = f"{a.minutes:g} min, {a.simulation}: {peak_mb():.0f} MB at most"
        said += f", motion.npz {size:.0f} MB"
        if a.page:
            page = Path(folder) / "view.html"
            write_page([take(Motion.load(folder), "walk")], page, "walk")
            said += f"; with the page ({page.stat().st_size / 1e6:.0f} MB) {peak_mb():.0f} MB"
    say(said)


if __name__ == "__main__":
    main()
