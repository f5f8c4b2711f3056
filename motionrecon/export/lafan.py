"""BVH in the convention of LAFAN1 (F. Harvey et al., "Robust Motion In-betweening", SIGGRAPH 2020;
github.com/ubisoft/ubisoft-laforge-animation-dataset): its names, channels and bones' axes, which
retargeting tools such as GMR expect.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pybvh import Bvh
from pybvh.bvhnode import BvhEndSite, BvhJoint, BvhNode, BvhRoot
from scipy.spatial.transform import Rotation

from motionrecon.export.axes import Y_UP, euler
from motionrecon.export.scene import Scene
from motionrecon.motion.motion import Motion

_CM = 100.0  # in a metre
_ORDER = "ZYX"

# Columns: a bone's own x, y, z in our axes (forward, left, up), on our segment with all angles
# zero. x runs along the bone. Read off LAFAN1's first frames, which stand in a T-pose: trunk x up,
# y forward; legs x down, y forward; toes x forward, y up; arms x outward, y backward.
_UP = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
_DOWN = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
_AHEAD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
_LEFT = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
_RIGHT = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])
_HANGING = np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]])  # the arm, outward once it is raised


@dataclass(frozen=True)
class _Bone:
    """name, and parent's; segment: ours that turns it; axes: as above; share: where it is, of the
    way from the parent's segment to its own.
    """

    name: str
    parent: str
    segment: str
    axes: Float[np.ndarray, "3 3"]
    share: float = 1.0


def _leg(side: str, letter: str) -> tuple[_Bone, ...]:
    return (
        _Bone(f"{side}UpLeg", "Hips", f"{letter}thigh", _DOWN),
        _Bone(f"{side}Leg", f"{side}UpLeg", f"{letter}shank", _DOWN),
        _Bone(f"{side}Foot", f"{side}Leg", f"{letter}foot", _AHEAD),
        _Bone(f"{side}Toe", f"{side}Foot", f"{letter}toes", _AHEAD),
    )


def _arm(side: str, letter: str, outward: np.ndarray) -> tuple[_Bone, ...]:
    return (
        _Bone(f"{side}Shoulder", "Spine2", f"{letter}clavicle", outward),
        _Bone(f"{side}Arm", f"{side}Shoulder", f"{letter}upper_arm", _HANGING),
        _Bone(f"{side}ForeArm", f"{side}Arm", f"{letter}forearm", _HANGING),
        _Bone(f"{side}Hand", f"{side}ForeArm", f"{letter}hand", _HANGING),
    )


# Ours has two joints in the trunk for its three, and one in the neck for its two: Spine1 goes with
# Spine, half-way to Spine2; Head goes with Neck.
BONES = (
    _Bone("Hips", "", "pelvis", _UP),
    *_leg("Left", "l_"),
    *_leg("Right", "r_"),
    _Bone("Spine", "Hips", "lumbar", _UP),
    _Bone("Spine1", "Spine", "lumbar", _UP, 0.5),
    _Bone("Spine2", "Spine1", "thorax", _UP, 0.5),
    _Bone("Neck", "Spine2", "head", _UP),
    _Bone("Head", "Neck", "head", _UP, 0.5),
    *_arm("Left", "l_", _LEFT),
    *_arm("Right", "r_", _RIGHT),
)


def write_lafan1(motion: Motion, folder: Path) -> None:
    """Writes motion_lafan1.bvh, in centimetres as LAFAN1 is."""
    _write(motion, folder / "motion_lafan1.bvh", _CM)


def write_lafan1_m(motion: Motion, folder: Path) -> None:
    """Writes motion_lafan1_m.bvh, in metres."""
    _write(motion, folder / "motion_lafan1_m.bvh", 1.0)


def _write(motion: Motion, path: Path, scale: float) -> None:
    """y up, x left, z forward; the root's position channels are the pelvis in the world."""
    scene = Scene.of(motion)
    place = {b.name: i for i, b in enumerate(BONES)}
    axes = [_axes(scene, b) for b in BONES]
    turns, locals_ = [], []
    for bone, own in zip(BONES, axes, strict=True):
        segment = scene.quat[:, scene.names.index(bone.segment)]
        turn = Rotation.from_quat(segment, scalar_first=True) * Rotation.from_matrix(own)
        turns.append(turn)
        if bone.parent:
            local = turns[place[bone.parent]].inv() * turn
        else:
            local = Rotation.from_matrix(Y_UP) * turn
        locals_.append(local.as_quat(scalar_first=True))
    nodes: list[BvhNode] = []
    for bone in BONES:
        _add(scene, bone, axes, place, nodes, scale)
    bvh = Bvh(
        nodes=nodes,
        root_pos=scale * scene.position[:, 0] @ Y_UP.T,
        joint_angles=np.deg2rad(euler(np.stack(locals_, axis=1), _ORDER)),
        frame_time=1.0 / motion.fps,
        world_up="+y",
    )
    bvh.write(path)


def _axes(scene: Scene, bone: _Bone) -> Float[np.ndarray, "3 3"]:
    """A foot's x runs to its toes, which are lower than the ankle."""
    if not bone.name.endswith("Foot"):
        return bone.axes
    along = scene.offset[scene.names.index(bone.segment[:2] + "toes")]
    x = along / np.linalg.norm(along)
    z = bone.axes[:, 2] - x * (x @ bone.axes[:, 2])
    z /= np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _add(
    scene: Scene,
    bone: _Bone,
    axes: list[np.ndarray],
    place: dict[str, int],
    nodes: list[BvhNode],
    scale: float,
) -> None:
    """Appends a bone, and its end where nothing hangs on it; BONES are depth first, as the file's
    columns are.
    """
    order = list(_ORDER)
    segment = scene.names.index(bone.segment)
    if not bone.parent:
        nodes.append(BvhRoot(bone.name, offset=np.zeros(3), rot_channels=order, parent=None))
        return
    above = next(n for n in nodes if n.name == bone.parent)
    if bone.name == "Head":
        way = bone.share * scene.tip(segment)
    elif bone.name == "Spine1":
        way = bone.share * scene.offset[scene.names.index("thorax")]
    else:
        way = bone.share * scene.offset[segment]
    own = axes[place[bone.parent]].T
    node = BvhJoint(bone.name, offset=scale * own @ way, rot_channels=order, parent=above)
    nodes.append(node)
    above.children = [*(above.children or []), node]
    if not any(b.parent == bone.name for b in BONES):
        left = (1 - bone.share if bone.name == "Head" else 1.0) * scene.tip(segment)
        tip = scale * axes[place[bone.name]].T @ left
        end = BvhEndSite(f"EndSite_{bone.name}", offset=tip, parent=node)
        nodes.append(end)
        node.children = [end]
