"""A skinned body with an armature, at rest in a T-pose, as binary glTF 2.0: bones named as
Mixamo's, or as VRM 1.0's humanoid; y up, metres, facing +z.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pygltflib as gltf
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.body.skin import Skin, skin_of
from motionrecon.errors import ExportError
from motionrecon.export.axes import Y_UP, turned
from motionrecon.export.glb import Buffer, animation, material
from motionrecon.export.scene import COLOURS, Scene
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
    rigged = Rigged.of(scene)
    rest, place = rigged.turns, rigged.place
    offset = scene.offset @ Y_UP.T
    offset[0] = place[0]
    root.nodes = [gltf.Node(name="Body", mesh=0, skin=0), gltf.Node(name="Armature", children=[2])]
    local = turned(Y_UP, local_turns(scene, rest))[:, [1, 2, 3, 0]]
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
    root.meshes = [gltf.Mesh(name="Body", primitives=_skin(buffer, rigged))]
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


@dataclass(frozen=True, eq=False)
class Rigged:
    """A body at rest: upright, arms out to the sides, soles on the floor. turns: of the segments,
    in our axes; place: (B, 3) m, their origins; points, normals: (V, 3) of the skin's vertices, m;
    both with y up; sides: (F,) left, right or middle, of the skin's triangles.
    """

    skin: Skin
    turns: Rotation
    place: Float[np.ndarray, "B 3"]
    points: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    sides: np.ndarray

    @classmethod
    def of(cls, scene: Scene) -> "Rigged":
        """Raises ExportError for a model that is no person's."""
        skin = skin_of(scene.model)
        if skin is None:
            raise ExportError("the motion's model is no person's body")
        turns: list[Rotation] = []
        origins = np.zeros((len(scene.names), 3))
        for b, (name, parent) in enumerate(zip(scene.names, scene.parents, strict=True)):
            above = turns[parent] if parent >= 0 else Rotation.identity()
            angle = {"l_upper_arm": 90.0, "r_upper_arm": -90.0}.get(name, 0.0)
            turns.append(above * Rotation.from_euler("x", angle, degrees=True))
            if parent >= 0:
                origins[b] = origins[parent] + above.apply(scene.offset[b])
        rest = Rotation.concatenate(turns)
        points, normals = skin.posed(origins, rest.as_matrix())
        lowest = np.array([0.0, 0.0, points[:, 2].min()])
        names = np.array(("middle", "left", "right"))
        sides = names[skin.side[skin.faces[:, 0]]]
        place = (origins - lowest) @ Y_UP.T
        return cls(skin, rest, place, (points - lowest) @ Y_UP.T, normals @ Y_UP.T, sides)


def local_turns(scene: Scene, rest: Rotation) -> np.ndarray:
    """(B, 4) w x y z: the turns against the parents."""
    own = rest.as_quat(scalar_first=True)
    for b, parent in enumerate(scene.parents):
        if parent >= 0:
            own[b] = (rest[parent].inv() * rest[b]).as_quat(scalar_first=True)
    return own


def _skin(buffer: Buffer, rigged: Rigged) -> list[gltf.Primitive]:
    """One primitive a colour, all on the same vertices."""
    attributes = gltf.Attributes(
        POSITION=_added(buffer, rigged.points, gltf.VEC3),
        NORMAL=_added(buffer, rigged.normals, gltf.VEC3),
        JOINTS_0=buffer.add(rigged.skin.joints.astype(np.uint16), gltf.VEC4, gltf.ARRAY_BUFFER),
        WEIGHTS_0=_added(buffer, rigged.skin.weights, gltf.VEC4),
    )
    primitives = []
    for shown, side in enumerate(COLOURS):
        faces = rigged.skin.faces[rigged.sides == side]
        indices = faces.reshape(-1).astype(np.uint16)
        primitives.append(
            gltf.Primitive(
                attributes=attributes,
                indices=buffer.add(indices, gltf.SCALAR, gltf.ELEMENT_ARRAY_BUFFER),
                material=shown,
            )
        )
    return primitives


def _added(buffer: Buffer, values: np.ndarray, kind: str) -> int:
    return buffer.add(values.astype(np.float32), kind, gltf.ARRAY_BUFFER)
