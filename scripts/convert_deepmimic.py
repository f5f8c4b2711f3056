#!/usr/bin/env python3
"""DeepMimic motions (joint rotations) to clips of keypoints, by forward kinematics of the DeepMimic humanoid.

    python scripts/convert_deepmimic.py PYBULLET_WHEEL OUTPUT_FOLDER walk jump cartwheel

The wheel holds the motions (pybullet_data/data/motions/humanoid3d_*.txt), the humanoid
(pybullet_data/humanoid/humanoid.urdf) and its licence (zlib). Nothing is installed or run: a wheel is a zip archive.
"""

import argparse
import json
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

URDF_SCALE = 0.25  # the URDF is four times as large as the person; pybullet loads it with globalScaling=0.25
MOTION = "pybullet_data/data/motions/humanoid3d_{}.txt"
URDF = "pybullet_data/humanoid/humanoid.urdf"

# A frame: duration s, root position m, then the rotations in this order; 4 numbers are a quaternion w, x, y, z, 1 is
# the angle in rad of a hinge about z (DeepMimic: y up, x forward, z to the person's right).
ROTATIONS = (
    ("root", 4), ("chest", 4), ("neck", 4),
    ("right_hip", 4), ("right_knee", 1), ("right_ankle", 4), ("right_shoulder", 4), ("right_elbow", 1),
    ("left_hip", 4), ("left_knee", 1), ("left_ankle", 4), ("left_shoulder", 4), ("left_elbow", 1),
)  # fmt: skip

# Keypoint -> (link, point in the link's frame, m). Joints are the origins of links. DeepMimic has no joint at toes or
# head: the toe is the middle of the front of the foot's box, as high as a toe marker, the head its sphere's centre.
KEYPOINTS = {
    "pelvis": "root", "spine": "chest", "neck": "neck", "head": ("neck", (0.0, 0.175, 0.0)),
    "l_hip": "left_hip", "l_knee": "left_knee", "l_ankle": "left_ankle",
    "l_toe": ("left_ankle", (0.1335, -0.0225, 0.0)),
    "r_hip": "right_hip", "r_knee": "right_knee", "r_ankle": "right_ankle",
    "r_toe": ("right_ankle", (0.1335, -0.0225, 0.0)),
    "l_shoulder": "left_shoulder", "l_elbow": "left_elbow", "l_wrist": "left_wrist",
    "r_shoulder": "right_shoulder", "r_elbow": "right_elbow", "r_wrist": "right_wrist",
}  # fmt: skip


def read_offsets(urdf: str) -> dict[str, tuple[str, np.ndarray]]:
    """Link -> (parent link, offset (3,) m in the parent's frame), parents before children."""
    offsets = {}
    end = urdf.index("</robot>") + len("</robot>")  # the file has stray bytes after its end
    for joint in ET.fromstring(urdf[:end]).iter("joint"):
        xyz = np.array(joint.find("origin").get("xyz").split(), float) * URDF_SCALE
        offsets[joint.find("child").get("link")] = (joint.find("parent").get("link"), xyz)
    return offsets


def forward_kinematics(frames: np.ndarray, offsets: dict) -> np.ndarray:
    """Keypoints (T, J, 3), m, z up, of DeepMimic frames (T, 44)."""
    local, column = {}, 4
    for link, width in ROTATIONS:
        values = frames[:, column : column + width]
        column += width
        local[link] = (
            Rotation.from_quat(values, scalar_first=True)
            if width == 4
            else Rotation.from_rotvec(values * np.array([0.0, 0.0, 1.0]))
        )
    position, rotation = {"root": frames[:, 1:4]}, {"root": local["root"]}
    for link, (parent, offset) in offsets.items():
        if link == "root":
            continue
        position[link] = position[parent] + rotation[parent].apply(offset)
        rotation[link] = rotation[parent] * local[link] if link in local else rotation[parent]
    points = []
    for place in KEYPOINTS.values():
        link, point = (place, np.zeros(3)) if isinstance(place, str) else place
        points.append(position[link] + rotation[link].apply(point))
    x, y, z = np.moveaxis(np.stack(points, axis=1), -1, 0)
    return np.stack([x, -z, y], axis=-1)


def spread_over_time(keypoints: np.ndarray, durations: np.ndarray) -> tuple[np.ndarray, float]:
    """Keypoints on an even clock, and its rate in Hz: a frame of twice the duration is followed by a missing one."""
    step = float(np.median(durations[:-1]))
    index = np.rint(np.concatenate([[0.0], np.cumsum(durations[:-1])]) / step).astype(int)
    out = np.full((index[-1] + 1, *keypoints.shape[1:]), np.nan)
    out[index] = keypoints
    return out, float(np.round(1.0 / step, 2))


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("wheel", type=Path, help="pybullet-3.2.7-*.whl, from `pip download --no-deps`")
    parser.add_argument("out", type=Path, help="folder of the clips")
    parser.add_argument("motions", nargs="+", help="NAME of humanoid3d_NAME.txt")
    args = parser.parse_args()
    version = args.wheel.name.split("-")[1]
    with zipfile.ZipFile(args.wheel) as wheel:
        offsets = read_offsets(wheel.read(URDF).decode("latin-1"))
        licence = wheel.read(f"pybullet-{version}.dist-info/LICENSE.txt").decode("utf-8")
        motions = {name: json.loads(wheel.read(MOTION.format(name))) for name in args.motions}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, motion in motions.items():
        frames = np.array(motion["Frames"], float)
        keypoints, fps = spread_over_time(forward_kinematics(frames, offsets), frames[:, 0])
        np.savez_compressed(
            args.out / f"{name}.npz",
            keypoints=keypoints.astype(np.float32),
            keypoint_names=np.array(list(KEYPOINTS)),
            fps=np.float64(fps),
            units=np.array("m"),
            up=np.array("z"),
            activity=np.array(name.replace("_", " ")),
            source=np.array(f"pybullet=={version} {MOTION.format(name)}, from DeepMimic (Peng et al. 2018)"),
            licence=np.array(licence.strip()),
        )
        print(f"{args.out / name}.npz: {len(keypoints)} frames at {fps:g} Hz")


if __name__ == "__main__":
    main()
