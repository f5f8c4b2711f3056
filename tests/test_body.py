"""The body: anthropometry, symmetry, limits, contacts, standing, MJCF, bone lengths."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_motion import NAMES, clip_of, motion, proportions

from motionrecon.anatomy.anthropometry import SEGMENTS, TWICE
from motionrecon.body import ModelOptions, assemble
from motionrecon.body.foot import stance_shape
from motionrecon.body.proportions import measure, robust_length
from motionrecon.clip.load import Clip, load_clip
from motionrecon.errors import BodyError
from motionrecon.kinematics import build_body


@pytest.fixture(scope="module")
def body():
    return assemble(proportions(), 70.0, NAMES)


def _sole(model, data, side):
    """Lowest points (m) of the six contact spheres of a foot."""
    geoms = [
        model.geom(f"{side}{k}_{w}").id for k in ("heel", "ball", "toe") for w in ("in", "out")
    ]
    return data.geom_xpos[geoms, 2] - model.geom_size[geoms, 0]


def test_table_accounts_for_a_whole_body():
    total = sum(s.mass * (2 if name in TWICE else 1) for name, s in SEGMENTS.items())
    assert total == pytest.approx(1.0, abs=1e-3)


def test_masses_follow_de_leva(body):
    mass = {body.model.body(i).name: body.model.body_mass[i] for i in range(body.model.nbody)}
    assert sum(mass.values()) == pytest.approx(70.0, rel=1e-5)
    expected = {
        "head": (6.94 + 6.68) / 2,
        "l_thigh": (14.16 + 14.78) / 2,
        "r_shank": (4.33 + 4.81) / 2,
        "l_forearm": (1.62 + 1.38) / 2,
        "pelvis": (11.17 + 12.47) / 2,
        "lumbar": (16.33 + 14.65) / 2,
    }
    for name, percent in expected.items():
        assert mass[name] / 70.0 == pytest.approx(percent / 100, rel=1e-3)
    foot = mass["l_foot"] + mass["l_toes"]
    assert foot / 70.0 == pytest.approx((1.37 + 1.29) / 200, rel=1e-3)
    upper = mass["thorax"] + mass["l_clavicle"] + mass["r_clavicle"]
    assert upper / 70.0 == pytest.approx((15.96 + 15.45) / 200, rel=1e-3)


def test_centre_of_mass_is_where_people_have_it(body):
    data = mujoco.MjData(body.model)
    mujoco.mj_forward(body.model, data)
    # 54 to 59 % of stature, standing with arms down
    assert 0.53 < data.subtree_com[1, 2] / 1.75 < 0.60
    assert abs(data.subtree_com[1, 1]) < 1e-9


def test_left_and_right_mirror_each_other(body):
    m = body.model
    rng = np.random.default_rng(0)
    data, other = mujoco.MjData(m), mujoco.MjData(m)
    for i in range(1, m.njnt):
        name = m.joint(i).name
        angle = rng.uniform(-0.5, 0.5)
        swapped = {"l_": "r_", "r_": "l_"}.get(name[:2], "")
        mirror = m.joint(swapped + name[2:] if swapped else name)
        flips = (
            -1.0
            if name.endswith(("_side", "neck_twist", "lumbar_twist", "thorax_twist"))
            and not swapped
            else 1.0
        )
        data.qpos[m.jnt_qposadr[i]], other.qpos[m.jnt_qposadr[mirror.id]] = angle, flips * angle
    for d in (data, other):
        d.qpos[2:7] = 1.0, 1, 0, 0, 0
        mujoco.mj_forward(m, d)
    for i in range(1, m.nbody):
        name = m.body(i).name
        twin = {"l_": "r_", "r_": "l_"}.get(name[:2], "")
        j = m.body(twin + name[2:] if twin else name).id
        np.testing.assert_allclose(data.xipos[i] * [1, -1, 1], other.xipos[j], atol=1e-6)
        np.testing.assert_allclose(
            np.sort(m.body_inertia[i]), np.sort(m.body_inertia[j]), rtol=1e-4
        )


def test_inertias_are_physical(body):
    for inertia in body.model.body_inertia[1:]:
        a, b, c = np.sort(inertia)
        assert a > 0 and a + b >= c


def test_topology_limits_and_actuators(body):
    m = body.model
    assert (m.nv, m.nu, m.nq) == (43, 37, 44)
    assert (
        m.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE
        and (m.jnt_type[1:] == mujoco.mjtJoint.mjJNT_HINGE).all()
    )
    assert m.jnt_limited[1:].all()
    assert (m.jnt_range[1:, 0] < 0).all() and (m.jnt_range[1:, 1] > 0).all()
    np.testing.assert_array_equal(m.actuator_trnid[:, 0], np.arange(1, m.njnt))
    assert m.actuator_forcelimited.all() and not m.actuator_ctrllimited.any()
    np.testing.assert_allclose(m.actuator_forcerange[:, 0], -m.actuator_forcerange[:, 1])
    kp, kv = m.actuator_gainprm[:, 0], -m.actuator_biasprm[:, 2]
    np.testing.assert_allclose(m.actuator_biasprm[:, 1], -kp)
    assert (kv > 0.015 * kp).all() and (kv < 0.21 * kp).all()
    assert m.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST and m.opt.iterations >= 20


def test_strength_grows_with_the_body(body):
    small = assemble(proportions(1.4), 40.0, NAMES).model
    ratio = small.actuator_forcerange[:, 1] / body.model.actuator_forcerange[:, 1]
    np.testing.assert_allclose(ratio, 40 * 1.4 / (70 * 1.75), rtol=1e-5)


def test_only_spheres_touch_only_the_floor(body):
    m = body.model
    floor = m.geom("floor").id
    for a in range(m.ngeom):
        for b in range(a):
            meet = (m.geom_contype[a] & m.geom_conaffinity[b]) or (
                m.geom_contype[b] & m.geom_conaffinity[a]
            )
            sphere = m.geom_type[b if a == floor else a] == mujoco.mjtGeom.mjGEOM_SPHERE
            assert bool(meet) == (floor in (a, b) and sphere)
    spheres = [g for g in range(m.ngeom) if m.geom_type[g] == mujoco.mjtGeom.mjGEOM_SPHERE]
    assert len(spheres) >= 25
    for values in (m.geom_solref, m.geom_solimp, m.geom_friction, m.geom_condim):
        assert (values[spheres] == values[spheres[0]]).all()
    assert (
        not m.geom_margin.any()
        and m.opt.cone == mujoco.mjtCone.mjCONE_PYRAMIDAL
        and m.opt.impratio == 1
    )


def test_soles_are_flat_on_the_floor_when_standing(body):
    data = mujoco.MjData(body.model)
    mujoco.mj_kinematics(body.model, data)
    for side in ("l_", "r_"):
        np.testing.assert_allclose(_sole(body.model, data, side), 0.0, atol=1e-5)


def test_stands_for_a_second_under_position_control(body):
    data = mujoco.MjData(body.model)
    height = data.qpos[2]
    for _ in range(120):
        mujoco.mj_step(body.model, data)
    assert abs(data.qpos[2] - height) < 0.02
    assert abs(data.qpos[3]) > 0.995 and np.abs(data.qpos[7:]).max() < 0.15
    assert data.ncon >= 8 and min(c.dist for c in data.contact) > -0.006


def test_mjcf_gives_the_same_model(body):
    other = mujoco.MjModel.from_xml_string(body.xml)
    a, b = mujoco.MjData(body.model), mujoco.MjData(other)
    rng = np.random.default_rng(1)
    for _ in range(50):
        a.ctrl[:] = b.ctrl[:] = rng.normal(0, 0.3, body.model.nu)
        mujoco.mj_step(body.model, a)
        mujoco.mj_step(other, b)
    np.testing.assert_array_equal(a.qpos, b.qpos)


def test_options_reach_the_model():
    model = assemble(proportions(), 70.0, NAMES, ModelOptions(friction=0.5, timestep=0.004)).model
    assert model.geom("floor").friction[0] == 0.5 and model.opt.timestep == 0.004


@settings(max_examples=8, deadline=None)
@given(
    stature=st.floats(1.0, 2.1),
    left=st.floats(0.23, 0.26),
    noise=st.floats(0, 0.02),
    seed=st.integers(0, 99),
)
def test_bone_lengths_come_back_from_a_clip(stature, left, noise, seed):
    p = proportions(stature, thigh=(left, left))
    known = assemble(p, 60.0, NAMES)
    _, qpos = motion(80, 30.0, seed=seed)
    clip = clip_of(known, qpos, 30.0)
    rng = np.random.default_rng(seed)
    noisy = replace(clip, keypoints=clip.keypoints + rng.normal(0, noise, clip.keypoints.shape))
    got = build_body(noisy, noise_m=noise).proportions
    tolerance = 0.004 + 0.5 * noise
    for name in ("thigh", "shank", "upper_arm", "forearm"):
        np.testing.assert_allclose(getattr(got, name), getattr(p, name), atol=tolerance)
    assert got.hip_width == pytest.approx(p.hip_width, abs=0.01 + 0.5 * noise)
    assert got.stature == pytest.approx(stature, rel=0.05)


def test_clearly_different_sides_are_kept():
    p = proportions(thigh=(0.25, 0.22))
    _, qpos = motion(40, 30.0)
    got = build_body(clip_of(assemble(p, 60.0, NAMES), qpos, 30.0)).proportions
    np.testing.assert_allclose(got.thigh, p.thigh, atol=0.003)


def test_noise_does_not_lengthen_bones():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 0.03, (400, 3)), [0.25, 0, 0] + rng.normal(0, 0.03, (400, 3))
    plain = np.median(np.linalg.norm(a - b, axis=1))
    assert abs(robust_length(a, b) - 0.25) < 0.004 < plain - 0.25


def test_mass_given_from_the_clip_or_from_stature():
    body, qpos = motion(20, 30.0)
    clip = clip_of(body, qpos, 30.0)
    assert build_body(clip, mass_kg=81.0).model.body_subtreemass[1] == pytest.approx(81.0, rel=1e-5)
    assert build_body(replace(clip, extras={"body_mass_kg": np.array(66.0)})).mass_kg == 66.0
    estimated = build_body(clip)
    assert estimated.mass_kg == pytest.approx(22.5 * estimated.proportions.stature**2)
    for bad in (0.0, -5.0, np.nan, 1000.0):
        with pytest.raises(BodyError, match="mass"):
            build_body(clip, mass_kg=bad)


def test_a_moved_keypoint_is_found_on_the_body():
    body, qpos = motion(60, 30.0)
    column = NAMES.index("head")
    shift = np.array([0.03, 0.0, 0.06])
    moved = replace(
        body, keypoint_pos=body.keypoint_pos + shift * (np.arange(len(NAMES)) == column)[:, None]
    )
    got = build_body(clip_of(moved, qpos, 30.0))
    # the neck may bend a little instead: what counts is the distance between head and neck
    # keypoints
    distance = np.linalg.norm(got.keypoint_pos[column] - moved.keypoint_pos[column])
    assert distance < 0.35 * np.linalg.norm(shift)


def test_foot_is_measured_where_it_stands():
    frames, fps = 60, 30.0
    keypoints = np.zeros((frames, 4, 3))
    names = ("l_knee", "l_ankle", "l_heel", "l_toe")
    keypoints[:, 1:] = np.array([[0, 0, 0.08], [-0.05, 0, 0.03], [0.13, 0, 0.02]])
    keypoints[:, 0] = [0.02, 0, 0.5]
    keypoints[30:, :, 0] += np.linspace(0, 2, 30)[:, None]  # the other half swings
    keypoints[30:, 1:, 2] += 0.15
    shape = stance_shape(keypoints, names, fps, 1.75)
    assert shape.ankle_height == pytest.approx(0.08, abs=0.003)
    assert shape.points["l_toe"] == pytest.approx((0.13, 0.02), abs=0.003)
    assert shape.points["l_heel"] == pytest.approx((-0.05, 0.03), abs=0.003)
    lying = keypoints.copy()
    lying[:, 0] = keypoints[:, 1] + [0.42, 0, 0.02]
    assert stance_shape(lying, names, fps, 1.75).ankle_height is None


def test_too_few_keypoints_make_no_body():
    keypoints = np.random.default_rng(0).normal(0, 0.3, (10, 3, 3))
    with pytest.raises(BodyError):
        build_body(Clip(keypoints, ("head", "l_wrist", "r_wrist"), 30.0, np.ones((10, 3))))


def test_a_giant_is_a_mistake_of_units():
    body, qpos = motion(20, 30.0)
    clip = clip_of(body, qpos, 30.0)
    with pytest.raises(BodyError, match="units"):
        build_body(replace(clip, keypoints=clip.keypoints * 10))


def test_keypoints_of_every_skeleton_have_a_place():
    from motionrecon.anatomy.skeletons import SKELETONS

    for names in SKELETONS.values():
        got = assemble(proportions(), 70.0, tuple(names))
        placed = {n for n in names if n and "inner" not in n and "outer" not in n}
        assert placed == set(got.keypoint_names)


def test_a_body_of_points_that_all_fall_together_is_one_line(bundled_clip):
    """All but one bone have no length: nothing to compare it with."""
    clip = load_clip(bundled_clip("walk"))
    keypoints = np.repeat(clip.keypoints[:, :1], len(clip.names), axis=1)
    keypoints[:, clip.index("l_knee")] += [0, 0, 9.0]
    with pytest.raises(BodyError, match="'l thigh' is 9.00 m"):
        measure(keypoints, clip.names)


def test_real_subjects(shared_clips):
    clip = load_clip(shared_clips / "rajagopal_walk__walk_free.npz")
    body = build_body(clip)
    assert body.mass_kg == pytest.approx(float(clip.extras["body_mass_kg"]))
    assert 1.65 < body.proportions.stature < 1.95
