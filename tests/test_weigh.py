"""A person's mass from force plates, on a body of known mass that stands and bobs on them."""

import mujoco
import numpy as np
import pytest
from synthetic_motion import NAMES, proportions

from motionrecon.body import assemble
from motionrecon.body.build import reweighed
from motionrecon.errors import BodyError
from motionrecon.motion.plates import Plates
from motionrecon.motion.weigh import weigh

MASS, RATE, SECONDS = 82.0, 30.0, 3.0
TIME = np.arange(int(SECONDS * RATE) + 1) / RATE
CLOCK = np.arange(int(SECONDS * 1000) + 1) / 1000
WAVE = 2 * np.pi * 1.5  # rad/s


@pytest.fixture(scope="module")
def body():
    return assemble(proportions(), 70.0, NAMES)


@pytest.fixture(scope="module")
def qpos(body):
    """Upright; the soles stay within some millimetres of the floor."""
    poses = np.tile(body.model.qpos0, (len(TIME), 1))
    data = mujoco.MjData(body.model)
    mujoco.mj_forward(body.model, data)
    spheres = body.model.geom_conaffinity == 1
    poses[:, 2] -= (data.geom_xpos[spheres, 2] - body.model.geom_size[spheres, 0]).min()
    poses[:, 2] += 0.01 * np.sin(WAVE * TIME)
    return poses


def plates(left=0.6, right=0.4) -> Plates:
    total = MASS * (9.81 - 0.01 * WAVE**2 * np.sin(WAVE * CLOCK))
    force = np.zeros((len(CLOCK), 2, 3))
    force[:, 0, 2], force[:, 1, 2] = left * total, right * total
    return Plates(CLOCK, force, np.full(force.shape, np.nan), np.array([0, 1]))


def test_the_mass_on_the_plates_is_found(body, qpos):
    found = weigh(body, qpos, RATE, TIME, plates())
    assert found.mass_kg == pytest.approx(MASS, rel=0.01) and found.spread < 0.02
    assert found.seconds > 1.5


def test_a_foot_that_stands_beside_the_plates_tells_nothing(body, qpos):
    assert weigh(body, qpos, RATE, TIME, plates(right=0.0)) is None


def test_a_foot_half_on_its_plate_for_a_while_is_noticed(body, qpos):
    half = np.where((CLOCK > 1.0) & (CLOCK < 2.2), 0.2, 0.6)
    assert weigh(body, qpos, RATE, TIME, plates(left=half)) is None


def test_a_mass_far_from_what_the_stature_tells_is_not_believed(body, qpos):
    assert weigh(body, qpos, RATE, TIME, plates(left=1.2, right=0.8)) is None


def test_too_little_time_tells_nothing(body, qpos):
    assert weigh(body, qpos[:8], RATE, TIME[:8], plates()) is None
    assert weigh(body, qpos, RATE, TIME + 60.0, plates()) is None


@pytest.mark.parametrize("frames", range(1, 40))
def test_a_clip_of_any_length_is_taken(body, qpos, frames):
    found = weigh(body, qpos[:frames], RATE, TIME[:frames], plates())
    assert found is None or found.mass_kg == pytest.approx(MASS, rel=0.05)


def test_a_body_of_another_mass_is_the_same_but_for_it(body):
    heavy = reweighed(body, 84.0, "from the force plates")
    np.testing.assert_allclose(heavy.model.body_mass, 1.2 * body.model.body_mass, rtol=1e-4)
    np.testing.assert_allclose(heavy.model.body_ipos, body.model.body_ipos, atol=1e-6)
    np.testing.assert_allclose(
        heavy.model.actuator_forcerange, 1.2 * body.model.actuator_forcerange, rtol=1e-4
    )
    np.testing.assert_array_equal(heavy.keypoint_pos, body.keypoint_pos)
    assert heavy.mass_kg == 84.0
    assert heavy.findings[-1] == "body mass 84.0 kg (from the force plates)"
    with pytest.raises(BodyError, match="expected 5 to 300"):
        reweighed(body, np.nan, "")
