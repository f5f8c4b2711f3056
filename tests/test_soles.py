"""Soles on the floor: where the ground is by them, who stands, the first state, contact."""

import mujoco
import numpy as np
import pytest
from synthetic_motion import NAMES, clip_of, proportions

from motionrecon.body import ModelOptions, assemble
from motionrecon.clip.floor import PLACEMENT_M
from motionrecon.kinematics import soles, solve_standing
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.physics.floor_forces import floor_contacts
from motionrecon.physics.rollout import Simulator
from motionrecon.physics.settle import settled

FPS = 30.0


@pytest.fixture(scope="module")
def standing():
    """(body, qpos (T, nq)): a person who stands on the floor and bends the knees a little."""
    body = assemble(proportions(), 70.0, NAMES)
    problem = FrameProblem(body)
    of_feet = soles.of(body)
    qpos = np.repeat(problem.neutral_qpos()[None], 45, axis=0)
    index = {body.model.joint(i).name: i + 6 for i in range(1, body.model.njnt)}
    bend = 0.2 * (1 - np.cos(2 * np.pi * np.arange(45) / 45))
    qpos[:, 7:] = 0.0
    for side in ("l_", "r_"):
        for joint, sign in (("hip_flexion", 0.5), ("knee", 1.0), ("ankle", 0.5)):
            qpos[:, index[side + joint]] = sign * bend
    points = problem.soles_of(qpos, of_feet.spheres)
    qpos[:, 2] -= points[..., 2].min(axis=1)
    return body, qpos


@pytest.mark.parametrize("height", [-0.03, 0.0, 0.018])
def test_soles_say_how_high_the_floor_is(standing, height):
    body, qpos = standing
    raised = qpos.copy()
    raised[:, 2] += height
    found = solve_standing(body, clip_of(body, raised, FPS))
    assert found.height == pytest.approx(height, abs=0.006)
    assert 0 < found.spread < PLACEMENT_M
    points = FrameProblem(found.body).soles_of(found.ik.qpos, soles.of(body).spheres)
    assert abs(np.median(points[..., 2])) < 0.003
    assert found.stance.min() > 0.8


def test_a_known_floor_is_not_moved(standing):
    body, qpos = standing
    raised = qpos.copy()
    raised[:, 2] += 0.02
    found = solve_standing(body, clip_of(body, raised, FPS), height_spread=0.0)
    assert (found.height, found.spread) == (0.0, 0.0)


def test_keypoints_are_seated_over_loaded_soles(standing):
    """Heels that this source marks 15 mm too high do not pitch the foot."""
    body, qpos = standing
    clip = clip_of(body, qpos, FPS)
    heels = [clip.names.index(n) for n in ("l_heel", "r_heel")]
    keypoints = clip.keypoints.copy()
    keypoints[:, heels, 2] += 0.015
    found = solve_standing(body, clip.replace(keypoints=keypoints))
    points = FrameProblem(found.body).soles_of(found.ik.qpos, soles.of(body).spheres)
    assert np.abs(points[5:-5, :, 2]).max() < 0.006
    k = found.body.keypoint_names.index("l_heel")
    moved = found.body.keypoint_pos[k] - body.keypoint_pos[k]
    assert moved[2] == pytest.approx(0.015, abs=0.005)


def test_soles_that_stand_stay_at_their_place(standing, monkeypatch):
    """Feet whose markers wander by 6 mm over planted soles wander less."""
    body, qpos = standing
    clip = clip_of(body, qpos, FPS)
    feet = [clip.names.index(s + n) for s in ("l_", "r_") for n in ("heel", "toe", "ankle")]
    keypoints = clip.keypoints.copy()
    keypoints[:, feet, 0] += 0.006 * np.sin(2 * np.pi * np.arange(45) / 45)[:, None]
    wander = []
    for held in (soles._STAYS_M, np.inf):
        monkeypatch.setattr(soles, "_STAYS_M", held)
        found = solve_standing(body, clip.replace(keypoints=keypoints))
        points = FrameProblem(found.body).soles_of(found.ik.qpos, soles.of(body).spheres)
        wander.append(np.ptp(points[..., 0], axis=0).max())
    assert wander[0] < 0.8 * wander[1]


def test_a_place_is_that_of_one_stance():
    """Two stances of one sphere 0.5 m apart have a place each; between them nothing is held."""
    points, stands = np.zeros((20, 1, 3)), np.zeros((20, 1))
    points[10:, 0, 0], stands[:8], stands[12:] = 0.5, 1.0, 1.0
    points[3, 0, 0] = 0.08
    held = soles.held(points, stands)
    np.testing.assert_allclose(held[:8, 0, 2], 0.01)
    np.testing.assert_allclose(held[12:, 0, 2], 0.5)
    assert (held[8:12, 0, :2] == 0).all() and (held[:8, 0, :2] > 0).all()


def test_who_flies_does_not_stand(standing):
    body, qpos = standing
    flying = qpos.copy()
    flying[:, 2] += 0.5 + np.linspace(0, 1, len(qpos))
    found = solve_standing(body, clip_of(body, flying, FPS))
    assert found.stance.max() < 0.1
    assert abs(found.height) < 0.005


def test_evidence_is_weighed():
    """Little stance moves the floor little, and more the more there is."""
    still = np.zeros((60, 2, 3))
    still[..., 2] = 0.02
    foot = np.array([0, 1])
    heights = [
        soles.height(still, np.full((60, 2), rest), foot, FPS, 0.014)[0]
        for rest in (0, 0.01, 0.1, 1)
    ]
    assert heights[0] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(heights) > 0).all() and heights[-1] == pytest.approx(0.02, abs=0.002)


def test_the_first_state_is_carried(standing):
    body, qpos = standing
    sim = Simulator(body.model)
    weight = 70.0 * 9.81
    rest = settled(sim, qpos[0], np.zeros(sim.model.nv), qpos[0, 7:], weight)
    assert -0.01 < rest[2] - qpos[0, 2] < 0.0
    np.testing.assert_array_equal(np.delete(rest, 2), np.delete(qpos[0], 2))
    d = sim.data
    d.qpos[:], d.qvel[:], d.ctrl[:] = rest, 0.0, qpos[0, 7:]
    mujoco.mj_forward(sim.model, d)
    carried = sum(c.force[2] for c in floor_contacts(sim.model, d))
    assert carried == pytest.approx(weight, rel=0.01)


def test_in_the_air_nothing_is_settled(standing):
    body, qpos = standing
    sim = Simulator(body.model)
    high = qpos[0].copy()
    high[2] += 0.3
    still = settled(sim, high, np.zeros(sim.model.nv), high[7:], 700.0)
    np.testing.assert_array_equal(still, high)


def test_a_standing_person_sinks_as_far_as_heel_pads_and_soles_give(standing):
    """Millimetres under one's weight, and no bounce on touchdown (source: ModelOptions)."""
    body, qpos = standing
    model = assemble(proportions(), 70.0, NAMES, ModelOptions(timestep=1 / 240)).model
    sim = Simulator(model)
    start = qpos[0].copy()
    start[2] += 0.002
    r = sim.rollout(start, np.zeros(model.nv), np.tile(qpos[0, 7:], (60, 1)))
    depth = (sim.constants.sphere_radius - r.centres[..., 2]).max(axis=1)
    assert 0.0005 < depth[-1] < 0.006
    touched = np.flatnonzero(depth > 0)
    assert (depth[touched[0] :] > 0).all()
