"""A skinned body with an armature, at rest in a T-pose, as binary glTF 2.0: bones named as
Mixamo's, or as VRM 1.0's humanoid; y up, metres, facing +z.
"""

from pathlib import Path

import numpy as np
import pygltflib as gltf
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.sides import side_of
from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.export.axes import Y_UP, turned
from motionrecon.export.glb import Buffer, animation, material, solid
from motionrecon.export.scene import COLOURS, Capsule, Scene
from motionrecon.motion.motion import Motion

# ours -> (Mixamo's, VRM's), without sides. Ours has one joint for the neck, and two for the trunk.
_BONES = {
    "pelvis": ("Hips", "hips"),
    "lumbar": ("Spine", "spine"),
    "thorax": ("Spine2", "chest"),
    "head": ("Neck", "neck"),
    "clavicle": ("Shoulder", "Shoulder"),
    "upper_arm": ("Arm", "UpperArm"),
    "forearm": ("ForeArm", "LowerArm"),
    "hand": ("Hand", "Hand"),
    "thigh": ("UpLeg", "UpperLeg"),
    "shank": ("Leg", "LowerLeg"),
    "foot": ("Foot", "Foot"),
    "toes": ("ToeBase", "Toes"),
}
_SIDES = {"l_": ("Left", "left"), "r_": ("Right", "right")}


def bone(name: str, convention: int) -> str:
    """Of one of our segments; convention: 0 Mixamo's, 1 VRM's."""
    side, part = (name[:2], name[2:]) if name[:2] in _SIDES else ("", name)
    own = _BONES[part][convention]
    whole = _SIDES[side][convention] + own if side else own
    return f"mixamorig:{whole}" if convention == 0 else whole


def write_mixamo(motion: Motion, folder: Path) -> None:
    """Writes motion_mixamo.glb."""
    _write(motion, folder / "motion_mixamo.glb", 0)


def write_vrm(motion: Motion, folder: Path) -> None:
    """Writes motion_vrm.glb: the bones' names only, without VRM's extension."""
    _write(motion, folder / "motion_vrm.glb", 1)


def _write(motion: Motion, path: Path, convention: int) -> None:
    """Node 0 is the mesh with the skin, node 1 the armature, the bones follow in our order; one
    animation, linear: turns of every bone, the way of the pelvis.
    """
    scene = Scene.of(motion)
    root = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator="motionrecon"))
    buffer = Buffer(root)
    rest, place = _t_pose(scene)
    offset = scene.offset @ Y_UP.T
    offset[0] = place[0]
    root.nodes = [gltf.Node(name="Body", mesh=0, skin=0), gltf.Node(name="Armature", children=[2])]
    local = turned(Y_UP, _local(scene, rest))[:, [1, 2, 3, 0]]
    for b, name in enumerate(scene.names):
        root.nodes.append(
            gltf.Node(
                name=bone(name, convention),
                children=[2 + c for c in scene.children(b)],
                translation=offset[b].tolist(),
                rotation=local[b].tolist(),
            )
        )
    root.materials = [material(side, colour) for side, colour in COLOURS.items()]
    root.meshes = [gltf.Mesh(name="Body", primitives=_skin(buffer, scene, rest, place))]
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(place), 1, 1))
    turns = Y_UP @ rest.as_matrix() @ Y_UP.T
    inverse[:, :3, :3] = turns.swapaxes(1, 2)
    inverse[:, :3, 3] = -np.einsum("bji,bj->bi", turns, place)
    matrices = np.ascontiguousarray(inverse.swapaxes(1, 2)).reshape(-1, 16)  # by columns
    root.skins = [
        gltf.Skin(
            inverseBindMatrices=buffer.add(matrices, gltf.MAT4),
            joints=list(range(2, 2 + len(place))),
            skeleton=2,
        )
    ]
    root.scenes, root.scene = [gltf.Scene(name="motion", nodes=[0, 1])], 0
    keys = one_hemisphere(turned(Y_UP, scene.local))[..., [1, 2, 3, 0]].astype(np.float32)
    way = (scene.position[:, 0] @ Y_UP.T).astype(np.float32)
    root.animations = [animation(buffer, motion.time, way, keys, first=2)]
    root.buffers = [gltf.Buffer(byteLength=len(buffer.bytes))]
    root.set_binary_blob(bytes(buffer.bytes))
    root.save_binary(str(path))


def _t_pose(scene: Scene) -> tuple[Rotation, np.ndarray]:
    """(turns of the segments in our axes, (B, 3) m of their origins, y up): upright, the arms out
    to the sides, the soles on the floor.
    """
    angle = np.zeros(len(scene.names))
    turns: list[Rotation] = []
    origins = np.zeros((len(scene.names), 3))
    for b, (name, parent) in enumerate(zip(scene.names, scene.parents, strict=True)):
        above = turns[parent] if parent >= 0 else Rotation.identity()
        angle[b] = {"l_upper_arm": 90.0, "r_upper_arm": -90.0}.get(name, 0.0)
        turns.append(above * Rotation.from_euler("x", angle[b], degrees=True))
        if parent >= 0:
            origins[b] = origins[parent] + above.apply(scene.offset[b])
    lowest = min(
        (origins[c.body] + turns[c.body].apply(end))[2] - c.radius
        for c in scene.capsules
        for end in c.ends()
    )
    origins[:, 2] -= lowest
    return Rotation.concatenate(turns), origins @ Y_UP.T


def _local(scene: Scene, rest: Rotation) -> np.ndarray:
    """(B, 4) w x y z: the turns against the parents."""
    own = rest.as_quat(scalar_first=True)
    for b, parent in enumerate(scene.parents):
        if parent >= 0:
            own[b] = (rest[parent].inv() * rest[b]).as_quat(scalar_first=True)
    return own


def _skin(buffer: Buffer, scene: Scene, rest: Rotation, place: np.ndarray) -> list[gltf.Primitive]:
    """One primitive a colour."""
    primitives = []
    for shown, side in enumerate(COLOURS):
        own = [c for c in scene.capsules if side_of(scene.names[c.body]) == side]
        points, normals, joints, weights, faces, count = [], [], [], [], [], 0
        for capsule in own:
            mesh, b = solid(capsule), capsule.body
            points.append(rest[b].apply(np.array(mesh.vertices)) @ Y_UP.T + place[b])
            normals.append(rest[b].apply(np.array(mesh.vertex_normals)) @ Y_UP.T)
            share = (
                _share(capsule, mesh.vertices)
                if scene.parents[b] >= 0
                else np.ones(len(mesh.vertices))
            )
            pair = np.zeros((len(share), 4), np.uint16)
            pair[:, 0], pair[:, 1] = b, np.where(share < 1, max(scene.parents[b], 0), 0)
            joints.append(pair)
            weights.append(np.column_stack([share, 1 - share, 0 * share, 0 * share]))
            faces.append(mesh.faces.reshape(-1) + count)
            count += len(mesh.vertices)
        primitives.append(
            gltf.Primitive(
                attributes=gltf.Attributes(
                    POSITION=_added(buffer, points, gltf.VEC3),
                    NORMAL=_added(buffer, normals, gltf.VEC3),
                    JOINTS_0=buffer.add(np.concatenate(joints), gltf.VEC4, gltf.ARRAY_BUFFER),
                    WEIGHTS_0=_added(buffer, weights, gltf.VEC4),
                ),
                indices=buffer.add(
                    np.concatenate(faces).astype(np.uint16), gltf.SCALAR, gltf.ELEMENT_ARRAY_BUFFER
                ),
                material=shown,
            )
        )
    return primitives


def _added(buffer: Buffer, parts: list[np.ndarray], kind: str) -> int:
    return buffer.add(np.concatenate(parts).astype(np.float32), kind, gltf.ARRAY_BUFFER)


def _share(capsule: Capsule, vertices: np.ndarray) -> np.ndarray:
    """How far the vertices follow their own bone, 0.5 to 1: behind the joint, which is the
    segment's origin, half of the parent's, so that a bent joint closes.
    """
    ends = capsule.ends()
    far = ends[np.argmax(np.linalg.norm(ends, axis=1))]
    along = vertices @ far / max(float(np.linalg.norm(far)), 1e-9)
    return 0.5 + 0.5 * np.clip((along + capsule.radius) / (2 * capsule.radius), 0.0, 1.0)
