"""The smooth mesh of a body: closed, in place, and moved by its segments."""

from collections import Counter

import mujoco
import numpy as np
import pytest

from motionrecon import assets, load_clip
from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.body import Proportions, assemble
from motionrecon.body.skin import skin_of
from motionrecon.body.surface import surface
from motionrecon.kinematics import build_body
from motionrecon.robot.description import KNOWN, SAMPLE
from motionrecon.robot.model import build_robot


def body_of(stature: float):
    """A body of usual proportions."""
    s = {k: v * stature for k, v in STATURE.items()}
    pair = {k: (s[k], s[k]) for k in ("thigh", "shank", "upper_arm", "forearm")}
    rest = {"hip_width": 0.1, "shoulder_width": 0.22, "trunk": 0.3, "neck": 0.03, "head": 0.13}
    rest |= {"hand": 0.1, "foot": 0.15, "ankle_height": 0.045}
    proportions = Proportions(stature, **pair, **{k: v * stature for k, v in rest.items()})
    names = ("l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle", "neck")
    return assemble(proportions, 22 * stature**2, names)


@pytest.fixture(scope="module", params=["walk", 1.05, 1.95])
def model(request):
    if request.param == "walk":
        return build_body(load_clip(assets.clip_path("walk"))).model
    return body_of(request.param).model


@pytest.fixture(scope="module")
def skin(model):
    return skin_of(model)


def test_it_is_closed_and_turned_outward(skin):
    edges = np.concatenate([skin.faces[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(skin.faces)) == len(skin.points)
    there = Counter(map(tuple, edges.tolist()))
    assert all(there[a, b] == there[b, a] for a, b in there)  # every edge is gone both ways
    a, b, c = (skin.points[skin.faces[:, k]] for k in range(3))
    assert np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6 > 0
    np.testing.assert_allclose(np.linalg.norm(skin.normals, axis=1), 1, atol=1e-6)


def test_it_is_as_heavy_and_as_fine_as_it_should_be(model, skin):
    a, b, c = (skin.points[skin.faces[:, k]] for k in range(3))
    litres = 1e3 * np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6
    assert 0.6 < litres / model.body_subtreemass[1] < 1.3  # people float, just; children are thin
    assert 3000 < len(skin.points) < 6000


def test_weights_are_shares_of_near_segments(skin):
    np.testing.assert_allclose(skin.weights.sum(axis=1), 1)
    assert (skin.weights >= 0).all() and skin.weights.max() > 0.99
    assert set(np.unique(skin.joints[skin.weights > 0.5])) == set(range(len(skin.place)))


def test_left_mirrors_right(skin):
    mirrored = np.sort(skin.left[np.abs(skin.left) > 0.9])
    assert np.abs((mirrored > 0).mean() - 0.5) < 0.05
    assert (skin.points[skin.left > 0.9, 1] > -0.02).all()
    assert (skin.points[skin.left < -0.9, 1] < 0.02).all()


def test_posed_as_it_was_made_it_is_itself(skin):
    points, normals = skin.posed(skin.place, skin.turn)
    np.testing.assert_allclose(points, skin.points, atol=1e-9)
    np.testing.assert_allclose(normals, skin.normals, atol=1e-9)


def test_it_stands_where_the_body_stands(model, skin):
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    data.qpos[7:] = rng.uniform(-0.3, 0.3, model.nq - 7)
    mujoco.mj_kinematics(model, data)
    points, _ = skin.posed(data.xpos[1:], data.xmat[1:].reshape(-1, 3, 3))
    for b in range(1, model.nbody):
        mine = points[(skin.joints[:, 0] == b - 1) & (skin.weights[:, 0] > 0.5)]
        reach = np.linalg.norm(mine - data.xpos[b], axis=1)
        assert reach.min() < 0.17 and reach.max() < 0.6, model.body(b).name
    # soles are where the spheres of the feet touch
    data.qpos[7:] = 0
    mujoco.mj_kinematics(model, data)
    points, _ = skin.posed(data.xpos[1:], data.xmat[1:].reshape(-1, 3, 3))
    feet = [g for g in range(model.ngeom) if "heel" in model.geom(g).name]
    sole = min(data.geom_xpos[g, 2] - model.geom_size[g, 0] for g in feet)
    assert points[:, 2].min() == pytest.approx(sole, abs=0.004)


def test_a_robot_has_none():
    assert skin_of(build_robot(KNOWN[SAMPLE]).body.model) is None


def test_surface_nets_find_a_sphere():
    points, normals, faces = surface(
        lambda p: np.linalg.norm(p, axis=1) - 0.5, -0.6 * np.ones(3), 0.6 * np.ones(3), 0.05
    )
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 0.5, atol=1e-4)
    np.testing.assert_allclose(normals, 2 * points, atol=1e-3)
    a, b, c = (points[faces[:, k]] for k in range(3))
    assert np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6 == pytest.approx(np.pi / 6, rel=0.02)
