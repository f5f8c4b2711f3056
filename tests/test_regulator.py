"""The regulator about a reference, against the window's own Gauss-Newton step."""

import numpy as np
import pytest

from motionrecon import load_clip
from motionrecon.objective.regulator import regulator
from motionrecon.pipeline import Options, prepare
from motionrecon.windows import Handover

FRAMES = 5


@pytest.fixture(scope="module")
def around(bundled_clip):
    """A reference that is a motion of the simulator, its window, and the knots that made it."""
    clip = load_clip(bundled_clip("walk")).until(0.4)
    reference = prepare(clip, Options(threads=1)).reference
    window = reference.window(reference.beginning(), FRAMES)
    x = 0.05 * np.random.default_rng(0).standard_normal(window.n)
    r, at = window.rollout(x), np.concatenate([[0], window.at])
    assert not r.diverged

    def window_at(frame, knot):
        begin = Handover(
            frame, r.qpos[at[frame]], r.qvel[at[frame]], knot, np.zeros((0, window.nu))
        )
        return reference.window(begin, 1)

    return window, x, window_at, (reference.options.effort, reference.options.smoothness)


def test_the_first_knot_is_that_of_the_gauss_newton_step(around):
    window, x, window_at, weights = around
    _, g, H = window.linearize(x)
    step = -np.linalg.solve(H, g)[: window.nu]
    found = regulator(window_at, window.knots(x), weights, caution=1.0)
    # No error: the state is the reference's, the knot the given first one.
    error = np.concatenate([np.zeros(2 * len(window.qvel)), window.first_knot])
    knot = found.push[0] + found.gains[0] @ error
    np.testing.assert_allclose(knot - x[: window.nu], step, rtol=1e-6, atol=1e-9)


def test_single_precision_is_good_to_a_thousandth(around):
    window, x, window_at, weights = around
    exact, single = (
        regulator(window_at, window.knots(x), weights, 1000.0, precision)
        for precision in (np.float64, np.float32)
    )
    size = np.abs(exact.gains).max()
    assert np.abs(exact.gains - single.gains).max() < 1e-3 * size
    assert not np.array_equal(exact.gains, single.gains)


def test_caution_makes_feedback_weaker(around):
    window, x, window_at, weights = around
    bold, careful = (
        regulator(window_at, window.knots(x), weights, caution) for caution in (1.0, 1000.0)
    )
    assert np.linalg.norm(careful.gains) < 0.7 * np.linalg.norm(bold.gains)


def test_a_frame_that_diverges_has_no_feedback(around):
    window, x, window_at, weights = around

    def broken(frame, knot):
        found = window_at(frame, knot)
        if frame == 2:
            found.qvel = np.full_like(found.qvel, 1e12)
        return found

    found = regulator(broken, window.knots(x), weights, 1.0)
    assert not found.gains[2].any() and found.gains[1].any()
    assert np.isfinite(found.push).all()
