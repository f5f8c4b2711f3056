"""Animated GLB (binary glTF 2.0): the capsule body as a tree of nodes; y up, metres, facing +z."""

from pathlib import Path

import numpy as np
import pygltflib as gltf
import trimesh

from motionrecon.anatomy.sides import side_of
from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.body.supports import scene_of
from motionrecon.export.axes import Y_UP, turned
from motionrecon.export.scene import COLOURS, SUPPORT, Capsule, Scene, model_of
from motionrecon.motion.motion import Motion
from motionrecon.scene import Support

_ROUND = [16, 16]  # segments of a capsule around and along its ends


class Buffer:
    """Collects arrays into one binary chunk, an accessor each."""

    def __init__(self, root: gltf.GLTF2) -> None:
        self.root, self.bytes = root, bytearray()

    def add(self, values: np.ndarray, kind: str, target: int | None = None) -> int:
        """The accessor's index of values (N,) or (N, C), float32 or uint16; kind: SCALAR, VEC3,
        VEC4.
        """
        start = len(self.bytes)
        self.bytes += np.ascontiguousarray(values).tobytes()
        view = gltf.BufferView(
            buffer=0, byteOffset=start, byteLength=len(self.bytes) - start, target=target
        )
        self.root.bufferViews.append(view)
        self.bytes += bytes(-len(self.bytes) % 4)
        flat = values.reshape(len(values), -1)
        self.root.accessors.append(
            gltf.Accessor(
                bufferView=len(self.root.bufferViews) - 1,
                componentType=gltf.FLOAT if values.dtype == np.float32 else gltf.UNSIGNED_SHORT,
                count=len(values),
                type=kind,
                min=flat.min(0).tolist(),
                max=flat.max(0).tolist(),
            )
        )
        return len(self.root.accessors) - 1


def write_glb(motion: Motion, folder: Path) -> None:
    """Writes motion.glb: a node a segment, named like it, its rest transform that of frame 0; one
    animation.

    Rotations are keyed at every segment, the translation at the pelvis only; linear interpolation.
    """
    scene = Scene.of(motion)
    root = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator="motionrecon"))
    buffer = Buffer(root)
    turns = one_hemisphere(turned(Y_UP, scene.local))[..., [1, 2, 3, 0]].astype(np.float32)
    place = (scene.position[:, 0] @ Y_UP.T).astype(np.float32)
    offset = (scene.offset @ Y_UP.T).astype(np.float32)
    offset[0] = place[0]
    root.materials = [material(side, colour) for side, colour in COLOURS.items()]
    root.materials.append(material("support", SUPPORT))
    for b, name in enumerate(scene.names):
        rest = {"translation": offset[b].tolist(), "rotation": turns[0, b].tolist()}
        node = gltf.Node(name=name, children=scene.children(b), **rest)
        if capsules := [c for c in scene.capsules if c.body == b]:
            shown = list(COLOURS).index(side_of(name))
            root.meshes.append(
                gltf.Mesh(name=name, primitives=[_primitive(buffer, c, shown) for c in capsules])
            )
            node.mesh = len(root.meshes) - 1
        root.nodes.append(node)
    stands = scene_of(model_of(motion)).supports
    root.scenes, root.scene = [gltf.Scene(name="motion", nodes=[0])], 0
    for support in stands:
        root.scenes[0].nodes.append(len(root.nodes))
        root.nodes.append(gltf.Node(name=support.name, mesh=len(root.meshes)))
        root.meshes.append(gltf.Mesh(name=support.name, primitives=[_box(buffer, support)]))
    root.animations = [animation(buffer, motion.time, place, turns)]
    root.buffers = [gltf.Buffer(byteLength=len(buffer.bytes))]
    root.set_binary_blob(bytes(buffer.bytes))
    root.save_binary(str(folder / "motion.glb"))


def material(name: str, shown: tuple[float, float, float]) -> gltf.Material:
    """A matt one of a colour as a screen shows it."""
    # glTF's factors are linear, the colours are meant as seen on a screen (sRGB; its exponent is
    # close to 2.2)
    colour = [*(c**2.2 for c in shown), 1.0]
    surface = gltf.PbrMetallicRoughness(
        baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.8
    )
    return gltf.Material(name=name, pbrMetallicRoughness=surface)


def _primitive(buffer: Buffer, capsule: Capsule, shown: int) -> gltf.Primitive:
    return _solid(buffer, solid(capsule), shown)


def solid(capsule: Capsule) -> trimesh.Trimesh:
    """A capsule's surface, in its segment's frame."""
    transform = trimesh.transformations.quaternion_matrix(capsule.quat)
    transform[:3, 3] = capsule.centre
    size = 2 * capsule.half_length, capsule.radius
    return trimesh.creation.capsule(*size, count=_ROUND, transform=transform)


def _box(buffer: Buffer, support: Support) -> gltf.Primitive:
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = support.axes, support.middle
    mesh = trimesh.creation.box(2 * support.half_size, transform)
    mesh.unmerge_vertices()  # edges that are seen
    return _solid(buffer, mesh, len(COLOURS))


def _solid(buffer: Buffer, mesh: trimesh.Trimesh, shown: int) -> gltf.Primitive:
    points = (mesh.vertices @ Y_UP.T).astype(np.float32)
    normals = (mesh.vertex_normals @ Y_UP.T).astype(np.float32)
    return gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=buffer.add(points, gltf.VEC3, gltf.ARRAY_BUFFER),
            NORMAL=buffer.add(normals, gltf.VEC3, gltf.ARRAY_BUFFER),
        ),
        indices=buffer.add(
            mesh.faces.astype(np.uint16).reshape(-1), gltf.SCALAR, gltf.ELEMENT_ARRAY_BUFFER
        ),
        material=shown,
    )


def animation(
    buffer: Buffer, time: np.ndarray, place: np.ndarray, turns: np.ndarray, first: int = 0
) -> gltf.Animation:
    """place (T, 3) of node `first`, turns (T, B, 4) of it and those after it."""
    clock = buffer.add((time - time[0]).astype(np.float32), gltf.SCALAR)
    moved = gltf.Animation(name="motion")

    def add(values: np.ndarray, kind: str, node: int, path: str) -> None:
        output = buffer.add(values, kind)
        moved.samplers.append(
            gltf.AnimationSampler(input=clock, output=output, interpolation="LINEAR")
        )
        target = gltf.AnimationChannelTarget(node=node, path=path)
        moved.channels.append(gltf.AnimationChannel(sampler=len(moved.samplers) - 1, target=target))

    add(place, gltf.VEC3, first, "translation")
    for b in range(turns.shape[1]):
        add(turns[:, b], gltf.VEC4, first + b, "rotation")
    return moved
