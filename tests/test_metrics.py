import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from motionrecon.motion import metrics

SEEDS = st.integers(0, 10_000)


def motion(seed, frames=12, joints=9):
    return np.random.default_rng(seed).normal(size=(frames, joints, 3))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_translation(seed):
    x = motion(seed)
    shift = np.array([0.03, -0.04, 0.0])
    assert metrics.mpjpe_g_mm(x + shift, x) == pytest.approx(50.0)
    assert metrics.mpjpe_mm(x + shift, x, root=2) == pytest.approx(0.0, abs=1e-9)
    assert metrics.mpjpe_mm(x + shift, x, root=[1, 4]) == pytest.approx(0.0, abs=1e-9)
    assert metrics.accel_error_m_s2(x + shift, x, 30.0) == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.2, 5.0))
def test_pa_mpjpe_does_not_see_similarities_but_sees_mirrors(seed, scale):
    x = motion(seed)
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    y = scale * x @ turn.T + np.array([1.0, 2.0, -3.0])
    assert metrics.pa_mpjpe_mm(y, x) == pytest.approx(0.0, abs=1e-6)
    assert metrics.pa_mpjpe_mm(x * [1, 1, -1], x) > 50
    noisy = x + np.random.default_rng(seed + 1).normal(0, 0.05, x.shape)
    assert metrics.pa_mpjpe_mm(scale * noisy @ turn.T, x) == pytest.approx(
        metrics.pa_mpjpe_mm(noisy, x), rel=1e-9
    )
    assert metrics.pa_mpjpe_mm(noisy, x) < metrics.mpjpe_g_mm(noisy, x)


def test_pa_mpjpe_is_the_least_squares_similarity():
    x, y = motion(0, frames=1), motion(1, frames=1)
    ours = metrics.pa_mpjpe_mm(x, y)
    a, b = x[0] - x[0].mean(axis=0), y[0] - y[0].mean(axis=0)
    turn, _ = Rotation.align_vectors(b, a)
    aligned = a @ turn.as_matrix().T
    aligned *= (aligned * b).sum() / (aligned * aligned).sum()
    assert ours == pytest.approx(1e3 * np.linalg.norm(aligned - b, axis=1).mean(), rel=1e-6)


def test_missing_points_are_left_out():
    x = motion(3)
    y = x + np.array([0.03, 0.04, 0.0])
    y[2, 3], y[5] = np.nan, np.nan
    assert metrics.mpjpe_g_mm(y, x) == pytest.approx(50.0)
    assert metrics.mpjpe_mm(y, x, root=0) == pytest.approx(0.0, abs=1e-9)
    assert metrics.pa_mpjpe_mm(y, x) == pytest.approx(0.0, abs=1e-6)
    assert metrics.accel_error_mm_frame2(y, x) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(metrics.mpjpe_g_mm(np.full_like(x, np.nan), x))
    with pytest.raises(ValueError, match="must be alike"):
        metrics.mpjpe_g_mm(x[:3], x)


@pytest.mark.parametrize("fps", [25.0, 120.0])
def test_acceleration_and_jitter_of_polynomials(fps):
    t = np.arange(40)[:, None, None] / fps
    fall = np.zeros((40, 2, 3)) + 0.5 * -9.81 * t**2 * np.array([0.0, 0.0, 1.0])
    still = np.zeros_like(fall)
    assert metrics.accel_error_m_s2(fall, still, fps) == pytest.approx(9.81)
    assert metrics.accel_error_mm_frame2(fall, still) == pytest.approx(9810 / fps**2)
    assert metrics.jitter(fall, fps) == pytest.approx(0.0, abs=1e-6)
    assert metrics.jitter(np.zeros_like(fall) + t**3 * [1.0, 0, 0], fps) == pytest.approx(0.6)


@pytest.mark.parametrize("fps", [25.0, 30.0, 100.0, 250.0])
def test_foot_skate(fps):
    t = np.arange(int(4 * fps)) / fps
    feet = np.zeros((len(t), 2, 3))
    feet[:, 0, 0] = 0.6 * t  # slides throughout
    feet[:, 1, 0] = 0.4 * t  # below the bar
    contact = np.ones(feet.shape[:2], bool)
    assert metrics.foot_skate_percent(feet, contact, fps) == pytest.approx(50.0)
    contact[: len(t) // 2, 0] = False
    assert metrics.foot_skate_percent(feet, contact, fps) == pytest.approx(100 / 3, abs=1.0)
    assert np.isnan(metrics.foot_skate_percent(feet, np.zeros_like(contact), fps))
    with pytest.raises(ValueError, match="contact has shape"):
        metrics.foot_skate_percent(feet, contact[:, :1], fps)
    found = metrics.contacts(feet + [0, 0, 0.04], fps)
    step = round(fps / 25)
    assert not found[:, 0].any() and found[:-step, 1].all()
    assert not metrics.contacts(feet + [0, 0, 0.06], fps).any()


def test_penetration_and_float():
    heights = np.array([[-0.01, 0.2], [0.03, 0.05], [-0.03, -0.02], [np.nan, 0.01]])
    assert metrics.penetration_mm(heights) == pytest.approx(20.0)
    assert metrics.float_mm(heights) == pytest.approx((0 + 30 + 0 + 10) / 4)
    assert metrics.penetration_mm(np.array([0.0, 0.1])) == 0.0
    assert metrics.float_mm(np.array([0.02, -0.1])) == pytest.approx(10.0)


def test_forces():
    rng = np.random.default_rng(0)
    measured = rng.normal(0, 100, (500, 3))
    off = measured + np.array([0.0, 70 * 9.81, -0.5 * 70 * 9.81])
    np.testing.assert_allclose(metrics.force_rmse_bw(off, measured, 70.0), [0, 1, 0.5], atol=1e-12)
    np.testing.assert_allclose(metrics.force_correlation(off, measured), 1.0)
    np.testing.assert_allclose(metrics.force_correlation(-2 * measured, measured), -1.0)
    assert np.isnan(metrics.force_correlation(np.zeros((500, 3)), measured)).all()
    cop = rng.normal(size=(500, 3))
    shifted = cop + [0.003, 0.004, 9.0]
    shifted[::3] = np.nan  # unloaded
    assert metrics.cop_rmse_mm(shifted, cop) == pytest.approx(5.0)
