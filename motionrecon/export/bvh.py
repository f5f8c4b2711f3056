"""BVH: the body's tree with three rotations a segment; y up, centimetres or metres, degrees."""

from pathlib import Path

import numpy as np
from pybvh import Bvh
from pybvh.bvhnode import BvhEndSite, BvhJoint, BvhNode, BvhRoot

from motionrecon.export.axes import Y_UP, euler
from motionrecon.export.axes import turned as turn
from motionrecon.export.scene import Scene
from motionrecon.motion.motion import Motion

_CM = 100.0  # in a metre
_ORDER = "ZXY"


def write_bvh(motion: Motion, folder: Path) -> None:
    """Writes motion.bvh, in centimetres as most rigs are."""
    _write(motion, folder / "motion.bvh", _CM)


def write_bvh_m(motion: Motion, folder: Path) -> None:
    """Writes motion_m.bvh, in metres: it stands right at Blender's default scale."""
    _write(motion, folder / "motion_m.bvh", 1.0)


def _write(motion: Motion, path: Path, scale: float) -> None:
    """Joints are the model's segments in MuJoCo's order. The rest pose (all rotations 0) is the
    model's zero pose: upright, arms hanging, facing +z. The root's OFFSET is 0, its position
    channels are the pelvis in the world.
    """
    scene = Scene.of(motion)
    angles = np.deg2rad(euler(turn(Y_UP, scene.local), _ORDER))
    nodes: list[BvhNode] = []
    _add(scene, 0, None, nodes, scale)
    bvh = Bvh(
        nodes=nodes,
        root_pos=scale * scene.position[:, 0] @ Y_UP.T,
        joint_angles=angles,
        frame_time=1.0 / motion.fps,
        world_up="+y",
    )
    bvh.write(path)


def _add(
    scene: Scene, b: int, parent: BvhNode | None, nodes: list[BvhNode], scale: float
) -> BvhNode:
    """Appends segment b and what hangs on it, depth first: the order of the file's columns and of
    MuJoCo's segments.
    """
    kind = BvhJoint if parent else BvhRoot
    node = kind(
        scene.names[b],
        offset=scale * Y_UP @ scene.offset[b],
        rot_channels=list(_ORDER),
        parent=parent,
    )
    nodes.append(node)
    children = [_add(scene, c, node, nodes, scale) for c in scene.children(b)]
    if not children:
        children = [
            BvhEndSite(f"EndSite_{scene.names[b]}", offset=scale * Y_UP @ scene.tip(b), parent=node)
        ]
        nodes.append(children[0])
    node.children = children
    return node
