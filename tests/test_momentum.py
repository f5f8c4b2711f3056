"""Momentum of the body, its derivatives, and the terms and windows that use them; MuJoCo and
differences judge.
"""

import mujoco
import numpy as np
import pytest

from motionrecon import Clip, load_clip
from motionrecon.assets import clip_path
from motionrecon.physics.momentum import momenta, momentum_of
from motionrecon.pipeline import Options, prepare


@pytest.fixture(scope="module")
def reference():
    return prepare(load_clip(clip_path("walk")).until(0.5), Options()).reference


@pytest.fixture(scope="module")
def window(reference):
    return reference.window(reference.beginning(3), 6)


def test_momentum_is_mujoco_s(reference):
    sim, rng = reference.simulator, np.random.default_rng(0)
    v = rng.normal(size=sim.model.nv)
    r = sim.rollout(reference.qpos[5], v, reference.aim[5][None])
    ours = momenta(sim.constants, r, np.array([0, 1]))
    np.testing.assert_allclose(ours.h, momentum_of(sim, r.qpos, r.qvel), atol=1e-9)


def test_derivatives_of_momentum_by_differences(reference):
    sim, rng, eps = reference.simulator, np.random.default_rng(1), 1e-6
    q, v = reference.qpos[7], rng.normal(size=sim.model.nv)
    ours = momenta(sim.constants, sim.rollout(q, v, reference.aim[7][None]), np.array([0]))

    def at(dq, dv):
        moved = q.copy()
        mujoco.mj_integratePos(sim.model, moved, dq, 1.0)
        return momentum_of(sim, moved[None], (v + dv)[None])[0]

    zero = np.zeros(sim.model.nv)
    for j, step in enumerate(eps * np.eye(sim.model.nv)):
        by_q = (at(step, zero) - at(-step, zero)) / (2 * eps)
        by_v = (at(zero, step) - at(zero, -step)) / (2 * eps)
        np.testing.assert_allclose(ours.by_q[0, j], by_q, atol=2e-7)
        np.testing.assert_allclose(ours.by_v[0, j], by_v, atol=2e-7)


def test_a_window_s_gradient_by_differences(window):
    rng, eps = np.random.default_rng(2), 1e-6
    x = 0.02 * rng.normal(size=window.n)
    loss, gradient = window.value_and_grad(x)
    assert loss == pytest.approx(window.value(x), rel=1e-12)
    for _ in range(4):
        d = rng.normal(size=window.n)
        difference = (window.value(x + eps * d) - window.value(x - eps * d)) / (2 * eps)
        assert gradient @ d == pytest.approx(difference, rel=2e-6)
    again, same, _ = window.linearize(x)
    assert again == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(same, gradient, rtol=1e-7, atol=1e-9 * np.abs(gradient).max())


def test_the_gauss_newton_matrix_is_that_of_the_residuals(window):
    """Of momentum and torque alone, along random directions."""
    rng, eps = np.random.default_rng(3), 1e-6
    x = 0.02 * rng.normal(size=window.n)
    momentum, torque = window.frame_terms
    whole, state, control = window.linearize(x)[2], window.state_terms, window.control_terms
    window.state_terms = window.control_terms = []
    try:
        part = window.linearize(x)[2]
    finally:
        window.state_terms, window.control_terms = state, control
    assert not np.allclose(whole, part)
    constants, inside = window.simulator.constants, window.moments(momentum.samples)
    here = momenta(constants, window.rollout(x), inside.ravel()).h.reshape(*inside.shape, 6)
    values = momentum.residuals(window.rollout(x), inside, window.knots(x)).values
    scale = np.abs(values / (here - momentum.reference))  # robust weights stay those of x

    def residuals(y):
        r = window.rollout(y)
        h = momenta(constants, r, inside.ravel()).h
        torques = torque.residuals(r, window.moments(1), window.knots(y)).values
        return np.concatenate([(scale * h.reshape(scale.shape)).ravel(), torques.ravel()])

    for _ in range(3):
        d = rng.normal(size=window.n)
        moved = (residuals(x + eps * d) - residuals(x - eps * d)) / (2 * eps)
        assert d @ part @ d == pytest.approx(moved @ moved, rel=1e-3)


def test_a_reference_that_no_floor_can_give_pulls_linearly(window):
    """Twice as far off, about twice the loss: pseudo-Huber beyond its scale."""
    from copy import copy

    x = np.zeros(window.n)
    r, losses = window.rollout(x), []
    for far in (10.0, 20.0):
        term = copy(window.frame_terms[0])
        term.reference = term.reference + [0, 0, 0, 0, 0, far * term.mass]
        losses.append(term.value(r, window.moments(term.samples), window.knots(x)))
    assert losses[1] / losses[0] == pytest.approx(2.0, rel=0.02)


def test_momentum_counts_only_where_the_clip_is(reference):
    """Beyond the clip's end nothing is known of the force."""
    window = reference.window(reference.beginning(reference.last - 2), 6)
    weights = window.frame_terms[0].weights[:, 0]
    assert (weights[:2] > 0).all() and not weights[2:].any()


def test_a_padded_clip_has_unseen_frames_around_it():
    clip = Clip(
        np.zeros((4, 2, 3)),
        ("a", "b"),
        50.0,
        np.ones((4, 2)),
        extras={"time": np.arange(4) / 50 + 1},
    )
    padded = clip.padded(2, 3)
    assert padded.keypoints.shape == (9, 2, 3) and np.isnan(padded.keypoints[[0, 1, 6, 7, 8]]).all()
    assert not padded.confidence[[0, 1, 6, 7, 8]].any() and padded.confidence[2:6].all()
    np.testing.assert_allclose(padded.extras["time"], np.arange(-2, 7) / 50 + 1)
