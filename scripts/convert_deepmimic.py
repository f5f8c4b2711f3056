#!/usr/bin/env python3
"""DeepMimic motions (joint rotations) to clips of keypoints: how assets/clips were made.

    python scripts/convert_deepmimic.py PYBULLET_WHEEL OUTPUT_FOLDER walk jump cartwheel

The wheel holds the motions (pybullet_data/data/motions/humanoid3d_*.txt) and their licence (zlib).
Nothing is installed or run: a wheel is a zip archive.
"""

import argparse
import json
import zipfile
from pathlib import Path

import numpy as np

from motionrecon.io import deepmimic

MOTION = "pybullet_data/data/motions/humanoid3d_{}.txt"


def main() -> None:
    lines_kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=lines_kept)
    parser.add_argument(
        "wheel", type=Path, help="pybullet-3.2.7-*.whl, from `pip download --no-deps`"
    )
    parser.add_argument("out", type=Path, help="folder of the clips")
    parser.add_argument("motions", nargs="+", help="NAME of humanoid3d_NAME.txt")
    args = parser.parse_args()
    version = args.wheel.name.split("-")[1]
    with zipfile.ZipFile(args.wheel) as wheel:
        licence = wheel.read(f"pybullet-{version}.dist-info/LICENSE.txt").decode("utf-8")
        motions = {name: json.loads(wheel.read(MOTION.format(name))) for name in args.motions}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, motion in motions.items():
        raw = deepmimic.from_content(Path(MOTION.format(name)), motion)
        np.savez_compressed(
            args.out / f"{name}.npz",
            keypoints=raw.positions.astype(np.float32),
            keypoint_names=np.array(raw.names),
            fps=np.float64(raw.fps),
            units=np.array("m"),
            up=np.array("z"),
            activity=np.array(name.replace("_", " ")),
            source=np.array(
                f"pybullet=={version} {MOTION.format(name)}, from DeepMimic (Peng et al. 2018)"
            ),
            licence=np.array(licence.strip()),
        )
        print(f"{args.out / name}.npz: {len(raw.positions)} frames at {raw.fps:g} Hz")


if __name__ == "__main__":
    main()
