#!/usr/bin/env python3
"""One clip, from file to page: `python examples/one_clip.py [CLIP]`; a bundled walk without one."""

import sys
from pathlib import Path

import numpy as np

from motionrecon import assets, load_clip, reconstruct
from motionrecon.export import write
from motionrecon.pipeline import Options
from motionrecon.view.show import show
from motionrecon.view.take import take


def main(path: Path, out: Path, seconds: float | None = None, options: Options = Options()) -> None:
    clip = load_clip(path)  # skeleton=, units=, up=, fps= override what is detected
    if seconds is not None:
        clip = clip.until(seconds)
    for line in (*clip.findings, *clip.warnings):
        print("-", line)

    motion = reconstruct(clip, options)
    print(motion)
    motion.save(out)

    # Arrays are plain NumPy, in metres, newtons and radians; shapes: motionrecon.Motion.
    floor = motion.contact_force[..., 2].sum(axis=1)
    knee = np.degrees(motion.qpos[:, 7 + motion.joint_names.index("l_knee")])
    print(f"Floor under the feet: {floor.mean():.0f} N in the mean, {floor.max():.0f} N at most.")
    print(f"Left knee: {knee.min():.0f} to {knee.max():.0f} degrees.")

    write(motion, out, "bvh,csv")
    show([take(motion, "motion")], out, path.stem, page=True, video=False, figures=False)
    print(f"Look at {out / 'view.html'}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else assets.clip_path("walk"), Path("out/one_clip"))
