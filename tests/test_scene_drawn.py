"""A scene in what is written for others to see: GLB, USD, the page and the video."""

import json
import re

import numpy as np
import pytest
import trimesh
from synthetic_motion import NAMES, motion_of, proportions

from motionrecon.body import ModelOptions, assemble
from motionrecon.export.axes import Y_UP
from motionrecon.export.glb import write_glb
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.scene import Scene, Support
from motionrecon.view import solids
from motionrecon.view.page import page
from motionrecon.view.take import take

RAMP = Support("a ramp", (0.3, -0.2, 0.4), (0.8, 0.5), 30.0, 15.0, 0.06)
BOX = Support("box", (2.0, 0.0, 0.3), (0.4, 0.6))


@pytest.fixture(scope="module")
def motion():
    body = assemble(proportions(), 70.0, NAMES, ModelOptions(scene=Scene((RAMP, BOX))))
    return motion_of(body, np.repeat(FrameProblem(body).neutral_qpos()[None], 3, axis=0), 30.0)


def solid_of(support):
    """Its eight corners, m."""
    below = support.corners() - support.axes[:, 2] * support.depth
    return np.concatenate([support.corners(), below])


def same_points(found, expected):
    apart = np.linalg.norm(np.asarray(found)[:, None] - expected[None], axis=-1)
    assert apart.min(axis=1).max() < 1e-5 and apart.min(axis=0).max() < 1e-5


def test_glb(motion, tmp_path):
    write_glb(motion, tmp_path)
    scene = trimesh.load(tmp_path / "motion.glb")
    for support in (RAMP, BOX):
        transform, name = scene.graph[support.name]
        mesh = scene.geometry[name]
        points = trimesh.transform_points(mesh.vertices, transform) @ Y_UP
        same_points(points, solid_of(support))


def test_usd(motion, tmp_path):
    usd = pytest.importorskip("pxr.Usd")
    geometry = pytest.importorskip("pxr.UsdGeom")
    from motionrecon.export.usd import write_usd

    write_usd(motion, tmp_path)
    stage = usd.Stage.Open(str(tmp_path / "motion.usdc"))
    for path, support in (("/scene/a_ramp", RAMP), ("/scene/box", BOX)):
        prim = geometry.Cube(stage.GetPrimAtPath(path))
        matrix = np.array(prim.ComputeLocalToWorldTransform(0.0))
        signs = np.array([[x, y, z, 2] for x in (1, -1) for y in (1, -1) for z in (1, -1)]) / 2
        same_points((signs @ matrix)[:, :3], solid_of(support))


def test_page_and_video(motion):
    seen = take(motion, "one")
    text = page([seen], "a scene")
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.S)[1])
    np.testing.assert_allclose(data["takes"][0]["supports"][0], RAMP.corners(), atol=1e-4)
    drawn = solids.supports(seen)
    same_points(drawn.a, np.concatenate([RAMP.corners(), BOX.corners()]))
    assert len(drawn.a) == len(drawn.b) == 10
