"""UsdSkel: the skinned body on a skeleton, as game engines and Blender animate it; y up, metres."""

from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.export.axes import Y_UP, turned
from motionrecon.export.rig import Rigged, bone, local_turns
from motionrecon.export.scene import COLOURS, Scene
from motionrecon.motion.motion import Motion


def write_usdskel(motion: Motion, folder: Path) -> None:
    """Writes motion_skel.usdc: /Person (SkelRoot) with Body (Mesh), Skeleton and Animation; joints
    named as Mixamo's, at rest in a T-pose; time code i is frame i.
    """
    scene = Scene.of(motion)
    rigged = Rigged.of(scene)
    stage = Usd.Stage.CreateNew(str(folder / "motion_skel.usdc"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(motion.fps)
    stage.SetFramesPerSecond(motion.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(motion.frames - 1)
    root = UsdSkel.Root.Define(stage, "/Person")
    stage.SetDefaultPrim(root.GetPrim())
    joints = _paths(scene)
    skeleton = UsdSkel.Skeleton.Define(stage, "/Person/Skeleton")
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateJointNamesAttr([bone(name, 0) for name in scene.names])
    turns = rigged.turns.as_quat(scalar_first=True)
    bind = _matrices(rigged.place, turned(Y_UP, turns))
    offset = scene.offset @ Y_UP.T
    offset[0] = rigged.place[0]
    skeleton.CreateBindTransformsAttr(_array(bind))
    rest = _matrices(offset, turned(Y_UP, local_turns(scene, rigged.turns)))
    skeleton.CreateRestTransformsAttr(_array(rest))
    animation = UsdSkel.Animation.Define(stage, "/Person/Animation")
    animation.CreateJointsAttr(joints)
    animation.CreateScalesAttr(Vt.Vec3hArray(len(joints), Gf.Vec3h(1, 1, 1)))
    places = animation.CreateTranslationsAttr()
    spins = animation.CreateRotationsAttr()
    local = one_hemisphere(turned(Y_UP, scene.local))
    for t, way in enumerate(scene.position[:, 0] @ Y_UP.T):
        offset[0] = way
        places.Set(Vt.Vec3fArray.FromNumpy(offset.astype(np.float32)), t)
        quats = [Gf.Quatf(float(w), float(x), float(y), float(z)) for w, x, y, z in local[t]]
        spins.Set(Vt.QuatfArray(quats), t)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    _mesh(stage, rigged)
    stage.Save()


def _paths(scene: Scene) -> list[str]:
    """A joint's path is its parents' names and its own; a colon is not allowed there."""
    names = [bone(name, 0).replace("mixamorig:", "") for name in scene.names]
    out: list[str] = []
    for name, parent in zip(names, scene.parents, strict=True):
        out.append(f"{out[parent]}/{name}" if parent >= 0 else name)
    return out


def _mesh(stage: Usd.Stage, rigged: Rigged) -> None:
    skin = rigged.skin
    mesh = UsdGeom.Mesh.Define(stage, "/Person/Body")
    points = rigged.points.astype(np.float32)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(skin.faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(skin.faces.reshape(-1).astype(np.int32)))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(rigged.normals.astype(np.float32)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr([Gf.Vec3f(*map(float, p)) for p in (points.min(0), points.max(0))])
    colours = np.array([COLOURS[side] for side in ("middle", "left", "right")], np.float32)
    shown = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    shown.Set(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(colours[skin.side])))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([Sdf.Path("/Person/Skeleton")])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))
    influences = skin.joints.shape[1]
    binding.CreateJointIndicesPrimvar(False, influences).Set(
        Vt.IntArray.FromNumpy(skin.joints.reshape(-1).astype(np.int32))
    )
    binding.CreateJointWeightsPrimvar(False, influences).Set(
        Vt.FloatArray.FromNumpy(skin.weights.reshape(-1).astype(np.float32))
    )


def _matrices(place: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """(B, 4, 4), rows as USD multiplies from the left."""
    out = np.tile(np.eye(4), (len(place), 1, 1))
    out[:, :3, :3] = Rotation.from_quat(quat, scalar_first=True).as_matrix().swapaxes(1, 2)
    out[:, 3, :3] = place
    return out


def _array(matrices: np.ndarray) -> Vt.Matrix4dArray:
    return Vt.Matrix4dArray([Gf.Matrix4d(m.tolist()) for m in matrices])
