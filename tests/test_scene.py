"""Scenes: their files, what they refuse, what is over what, and motions that stand on them."""

import numpy as np
import pytest
from synthetic_motion import NAMES, clip_of, proportions

from motionrecon.body import ModelOptions, assemble
from motionrecon.body.supports import scene_of
from motionrecon.cli.main import main
from motionrecon.errors import SceneError
from motionrecon.kinematics import soles, solve_standing
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.motion import Motion
from motionrecon.physics.floor_forces import support_forces
from motionrecon.physics.rollout import Simulator
from motionrecon.pipeline import Options, reconstruct
from motionrecon.scene import FLOOR, Scene, Support, load_scene

BOX = Support("box", (0.0, 0.0, 0.3), (0.9, 0.9))
STEP = "supports:\n  - {name: step, top: [0.5, -1, 0.2], size: [0.4, 0.3]}\n"


def test_a_file_says_what_is_meant(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_text(STEP + "  - {name: ramp, top: [2, 0, 0.2], size: [1, 1], yaw: 90, slope: 10}\n")
    scene = load_scene(path)
    assert scene.names == (FLOOR, "step", "ramp")
    step, ramp = scene.supports
    assert (step.top, step.size, step.depth) == ((0.5, -1.0, 0.2), (0.4, 0.3), 0.2)
    # turned by 90 degrees its x, which rises, is the world's y
    high, low = ramp.corners()[0], ramp.corners()[1]
    np.testing.assert_allclose(high - low, [0, np.cos(np.deg2rad(10)), np.sin(np.deg2rad(10))])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("supports: [{name: seat, top: [0, 0, 48], size: [0.4, 0.4]}]", "48; expected 0.001 to 3"),
        ("supports: [{name: a, top: [0, 0, .inf], size: [1, 1]}]", "height z is inf"),
        ("supports: [{name: a, top: [0, 0, .nan], size: [1, 1]}]", "height z is nan"),
        ("supports: [{name: a, top: [0, 0, -0.2], size: [1, 1]}]", "height z is -0.2"),
        ("supports: [{name: a, top: [0, 0, 0.2], size: [-1, 1]}]", "size is -1"),
        ("supports: [{name: a, top: [0, 0, 0.2], size: [400, 300]}]", "lengths are in metres"),
        ("supports: [{name: a, top: [0, 0, 1], size: [1, 1], slope: 180}]", "faces down"),
        ("supports: [{name: a, top: [0, 0, 0.1], size: [2, 1], slope: 30}]", "under the floor"),
        ("supports: [{name: a, top: [0, 0, 0.1], size: [2, 1], tilt: 3}]", "unknown 'tilt'"),
        ("supports: [{name: a, top: [0, 0], size: [2, 1]}]", "top must be 3 numbers"),
        ("supports: [{name: a, top: [0, 0, yes], size: [2, 1]}]", "must be a number, not 'True'"),
        ("supports: [{name: floor, top: [0, 0, 0.1], size: [2, 1]}]", "a name of its own"),
        ("supports: [{top: [0, 0, 0.1], size: [2, 1]}]", "support 1: expected a name"),
        ("supports: []", "needs a list"),
        ("walls: []", "needs a list"),
        ("[", "not YAML"),
        ("supports: &a [*a]", "aliases"),
        (
            STEP + "  - {name: other, top: [0.6, -1, 0.25], size: [0.4, 0.3]}\n",
            "'step' and 'other' overlap by 20 cm",
        ),
    ],
)
def test_what_is_no_scene_is_refused_in_one_line(tmp_path, text, said, capsys):
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(SceneError) as error:
        load_scene(path)
    assert said in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)
    out = tmp_path / "out"
    assert main(["reconstruct", "walk.npz", "--scene", str(path), "--out", str(out)]) == 2
    assert said in capsys.readouterr().err and not out.exists()


def test_neighbours_that_touch_do_not_overlap():
    stairs = [Support(f"step {i}", (0.3 * i, 0.0, 0.17 * i), (0.3, 1.0)) for i in range(1, 9)]
    ramp = Support("ramp", (-0.5, 3.0, 0.2), (1.0, 1.0), slope_deg=15)
    top = Support("top", (0.5, 3.0, 0.2 + 0.5 * np.sin(np.deg2rad(15))), (1.03, 1.0))
    assert len(Scene((*stairs, ramp, top)).supports) == 10


@pytest.mark.parametrize("seed", range(5))
def test_what_a_point_is_over_and_how_high(seed):
    """Against a ray straight down onto the model's own boxes."""
    rng = np.random.default_rng(seed)
    ramp = Support("ramp", (0.1, 0.2, 0.6), (0.7, 0.5), rng.uniform(-180, 180), 20.0, 0.1)
    scene = Scene((ramp, Support("table", (3.0, 0.0, 0.7), (1.0, 1.0), 30.0, 0.0, 0.05)))
    model = assemble(proportions(), 70.0, NAMES, ModelOptions(scene=scene)).model
    assert scene_of(model).names == scene.names
    for a, b in zip(scene_of(model).supports, scene.supports, strict=True):
        np.testing.assert_allclose(a.corners(), b.corners(), atol=2e-6)  # digits of MJCF
    points = rng.uniform([-0.5, -0.5, 0.0], [0.7, 0.9, 1.0], (200, 3))
    points[:50, 0] += 3.0
    surface = points[:, 2] - scene.above(points)[:, 2]
    over = scene.under(points)
    assert set(over) == {0, 1, 2}
    for p, z, i in zip(points, surface, over, strict=True):
        if i == 0:
            assert z == 0.0
            continue
        s = scene.supports[i - 1]
        local = s.local(np.array([p[0], p[1], z]))
        assert local[2] == pytest.approx(0.0, abs=1e-9)
    under_table = np.array([[3.0, 0.0, 0.1], [3.0, 0.0, 0.66], [3.0, 0.0, 2.0]])
    np.testing.assert_allclose(scene.above(under_table)[:, 2], [0.1, -0.04, 1.3], atol=1e-12)


def _bending(scene: Scene, rise: float):
    """(body, qpos (T, nq)): a person who stands `rise` m up and bends the knees a little."""
    body = assemble(proportions(), 70.0, NAMES, ModelOptions(scene=scene))
    problem = FrameProblem(body)
    qpos = np.repeat(problem.neutral_qpos()[None], 45, axis=0)
    index = {body.model.joint(i).name: i + 6 for i in range(1, body.model.njnt)}
    bend = 0.2 * (1 - np.cos(2 * np.pi * np.arange(45) / 45))
    qpos[:, 7:] = 0.0
    for side in ("l_", "r_"):
        for joint, sign in (("hip_flexion", 0.5), ("knee", 1.0), ("ankle", 0.5)):
            qpos[:, index[side + joint]] = sign * bend
    points = problem.soles_of(qpos, soles.of(body).spheres)
    qpos[:, 2] += rise - points[..., 2].min(axis=1)
    return body, qpos


def test_soles_stand_on_a_box():
    body, qpos = _bending(Scene((BOX,)), 0.3 + 0.012)
    found = solve_standing(body, clip_of(body, qpos, 30.0))
    assert found.height == pytest.approx(0.012, abs=0.006)
    points = FrameProblem(found.body).soles_of(found.ik.qpos, soles.of(body).spheres)
    assert abs(np.median(points[..., 2]) - 0.3) < 0.003
    assert found.stance.min() > 0.8


def test_a_motion_on_a_box(tmp_path):
    """The box carries the weight, the floor nothing; an older file, without the box's force,
    loads.
    """
    body, qpos = _bending(Scene((BOX,)), 0.3)
    clip = clip_of(body, qpos, 30.0)
    motion = reconstruct(clip, Options(scene=Scene((BOX,)), floor_m=0.0, mass_kg=70.0))
    assert motion.support_names == (FLOOR, "box")
    force = motion.support_force
    np.testing.assert_allclose(
        force.sum(axis=1), motion.contact_force.sum(axis=1) + motion.contact_force_other, atol=1e-6
    )
    assert np.abs(force[:, 0]).max() == 0.0
    assert force[:, 1, 2].mean() == pytest.approx(motion.weight, rel=0.05)
    loaded = np.isfinite(motion.centre_of_pressure[..., 2])
    np.testing.assert_allclose(motion.centre_of_pressure[loaded][:, 2], 0.3, atol=0.01)
    assert motion.report.result.mpjpe_g_mm < 15
    assert motion.report.result.penetration_mm < 5
    motion.save(tmp_path)
    again = Motion.load(tmp_path)
    np.testing.assert_array_equal(again.support_force, force)
    assert scene_of(again.model).names == motion.support_names


def _simulated(scene: Scene, bend: tuple[float, float], rise: float, steps: int):
    """(rollout, clip at 30 Hz) of a person who is set down on a scene; bend: rad, of the left
    and the right hip, twice that of the knee; rise: m, of the lower foot.
    """
    body, poses = _bending(scene, rise)
    index = {body.model.joint(i).name: i + 6 for i in range(1, body.model.njnt)}
    q = poses[0].copy()
    for side, angle in zip(("l_", "r_"), bend, strict=True):
        for joint, share in (("hip_flexion", 1.0), ("knee", 2.0), ("ankle", 1.0)):
            q[index[side + joint]] = share * angle
    problem = FrameProblem(body)
    points = problem.soles_of(q[None], soles.of(body).spheres)[0]
    q[2] += rise - points[:, 2].min() + 0.005
    rollout = Simulator(body.model).rollout(q, np.zeros(body.model.nv), np.tile(q[7:], (steps, 1)))
    assert not rollout.diverged
    return rollout, clip_of(body, rollout.qpos[:steps:8], 30.0)


SLOPE = Scene((Support("slope", (0.0, 0.0, 0.3), (2.0, 2.0), slope_deg=5.0),))
STAIR = Scene((Support("stair", (0.2, 0.4, 0.1), (1.0, 0.7)),))  # under the left foot


@pytest.mark.parametrize(
    ("scene", "bend", "rise"), [(SLOPE, (0.1, 0.1), 0.31), (STAIR, (0.4867, 0.0), 0.0)]
)
def test_known_forces_of_a_simulated_scene(scene, bend, rise):
    """A rollout's keypoints alone give its forces back, from each support what it gave."""
    rollout, clip = _simulated(scene, bend, rise, 240)
    true = support_forces(rollout, 240, 1)
    motion = reconstruct(clip, Options(scene=scene, floor_m=0.0, mass_kg=70.0))
    mine = motion.support_force
    late = slice(10, len(mine) - 2)  # set down, and before the clip's end
    truth = np.array([true[8 * t - 4 : 8 * t + 4].mean(axis=0) for t in range(1, len(mine))])
    truth = np.concatenate([truth[:1], truth])
    off = (mine - truth)[late, :, 2] / motion.weight
    assert np.abs(off.sum(axis=1)).mean() < 0.02
    # how two feet share the load is known less well than the load
    assert np.abs(off).mean(axis=0).max() < 0.06
    assert motion.report.result.mpjpe_g_mm < 4
    assert motion.report.result.penetration_mm < 5
    assert (truth[late, 1, 2] > 0.2 * motion.weight).mean() > 0.9
