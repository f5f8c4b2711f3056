"""USD: the capsule body as a tree of Xforms with time samples; z up, metres."""

from pathlib import Path

import numpy as np
from pxr import Gf, Tf, Usd, UsdGeom

from motionrecon.anatomy.sides import side_of
from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.body.supports import scene_of
from motionrecon.export.scene import COLOURS, SUPPORT, Scene, model_of
from motionrecon.motion.motion import Motion


def write_usd(motion: Motion, folder: Path) -> None:
    """Writes motion.usdc: time code i is frame i, timeCodesPerSecond the motion's rate."""
    scene = Scene.of(motion)
    stage = Usd.Stage.CreateNew(str(folder / "motion.usdc"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(motion.fps)
    stage.SetFramesPerSecond(motion.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(scene.position) - 1)
    paths = ["/humanoid/" + scene.names[0]]
    for b in range(1, len(scene.names)):
        paths.append(f"{paths[scene.parents[b]]}/{scene.names[b]}")
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/humanoid").GetPrim())
    turns = one_hemisphere(scene.local)
    for b, path in enumerate(paths):
        xform = UsdGeom.Xform.Define(stage, path)
        place = xform.AddTranslateOp()
        place.Set(Gf.Vec3d(*scene.offset[b]))
        if b == 0:
            for t, position in enumerate(scene.position[:, 0]):
                place.Set(Gf.Vec3d(*position), t)
        # single precision would cost 0.03 degrees near no rotation, where USD takes the angle as 2
        # acos(w)
        turn = xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble)
        for t, q in enumerate(turns[:, b]):
            turn.Set(_quat(q), t)
    for i, c in enumerate(scene.capsules):
        capsule = UsdGeom.Capsule.Define(stage, f"{paths[c.body]}/capsule_{i}")
        capsule.AddTranslateOp().Set(Gf.Vec3d(*c.centre))
        capsule.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(_quat(c.quat))
        capsule.CreateAxisAttr("Z")
        capsule.CreateRadiusAttr(c.radius)
        capsule.CreateHeightAttr(2 * c.half_length)
        low = [-c.radius, -c.radius, -c.half_length - c.radius]
        capsule.CreateExtentAttr([Gf.Vec3f(*low), Gf.Vec3f(*(-np.array(low)))])
        capsule.CreateDisplayColorAttr([Gf.Vec3f(*COLOURS[side_of(scene.names[c.body])])])
    for support in scene_of(model_of(motion)).supports:
        box = UsdGeom.Cube.Define(stage, "/scene/" + Tf.MakeValidIdentifier(support.name))
        box.CreateSizeAttr(1.0)
        half = Gf.Vec3f(0.5, 0.5, 0.5)
        box.CreateExtentAttr([-half, half])
        transform = np.eye(4)
        transform[:3, :3] = support.axes * 2 * support.half_size
        transform[:3, 3] = support.middle
        # rows are the axes, as USD multiplies from the left
        box.AddTransformOp().Set(Gf.Matrix4d(transform.T.tolist()))
        box.CreateDisplayColorAttr([Gf.Vec3f(*SUPPORT)])
    stage.Save()


def _quat(q: np.ndarray) -> Gf.Quatd:
    return Gf.Quatd(*map(float, q))
