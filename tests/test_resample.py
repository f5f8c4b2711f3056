import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motionrecon.clip.load import Clip
from motionrecon.clip.resample import to_rate


def quadratic_clip(fps, frames, seed=0, joints=4):
    a, b, c = np.random.default_rng(seed).normal(size=(3, joints, 3))

    def at(t):
        return a + b * t[:, None, None] + c * t[:, None, None] ** 2

    names = tuple(f"j{i}" for i in range(joints))
    return Clip(at(np.arange(frames) / fps), names, float(fps), np.ones((frames, joints))), at


@settings(max_examples=60, deadline=None)
@given(st.floats(20, 250), st.floats(20, 250), st.integers(6, 60), st.integers(0, 9))
def test_exact_on_quadratics(fps, fps_out, frames, seed):
    clip, at = quadratic_clip(fps, frames, seed)
    out = to_rate(clip, fps_out)
    t = np.arange(len(out.keypoints)) / fps_out
    assert t[-1] <= clip.duration + 1e-6 < t[-1] + 1 / fps_out + 1e-5
    np.testing.assert_allclose(out.keypoints, at(t), atol=1e-8)
    assert (out.confidence > 0).all() and out.confidence.max() <= 1


def test_outliers_and_missing_frames_are_left_out():
    clip, at = quadratic_clip(120, 240)
    rng = np.random.default_rng(1)
    keypoints = clip.keypoints.copy()
    hit = np.zeros(keypoints.shape[:2], bool)
    hit[10:-10:20] = True
    keypoints[hit] += rng.normal(0, 0.5, (hit.sum(), 3))
    keypoints[(rng.random(hit.shape) < 0.1) & ~hit] = np.nan
    out = to_rate(clip.replace(keypoints=keypoints), 30.0)
    error = np.linalg.norm(out.keypoints - at(np.arange(len(out.keypoints)) / 30.0), axis=-1)
    assert np.isfinite(error).all() and error.max() < 0.01


def test_decimation_averages_noise():
    clip, at = quadratic_clip(250, 1000)
    noisy = clip.replace(
        keypoints=clip.keypoints + np.random.default_rng(2).normal(0, 0.03, clip.keypoints.shape)
    )
    out = to_rate(noisy, 25.0)
    error = (out.keypoints - at(np.arange(len(out.keypoints)) / 25.0))[2:-2]
    assert error.std() < 0.03 / 2


def test_gaps_are_not_bridged_and_confidence_falls():
    clip, _ = quadratic_clip(100, 200)
    keypoints = clip.keypoints.copy()
    keypoints[60:120, 1] = np.nan
    out = to_rate(clip.replace(keypoints=keypoints), 25.0)
    missing = np.isnan(out.keypoints).all(axis=-1)
    assert missing[16:29, 1].all() and not missing[:14, 1].any() and not missing[:, 0].any()
    assert (out.confidence[missing] == 0).all() and (out.confidence[:, 0] > 0.99).all()
    assert 0 < out.confidence[15, 1] < 0.9 or missing[15, 1]


def test_low_confidence_counts_less():
    clip, at = quadratic_clip(100, 100)
    keypoints, confidence = clip.keypoints.copy(), clip.confidence.copy()
    keypoints[::3] += 0.02
    confidence[::3] = 1e-6
    out = to_rate(clip.replace(keypoints=keypoints, confidence=confidence), 25.0)
    np.testing.assert_allclose(
        out.keypoints[1:-1], at(np.arange(1, len(out.keypoints) - 1) / 25.0), atol=1e-3
    )


def test_time_follows_and_same_rate_is_the_same_clip():
    clip, _ = quadratic_clip(100, 101)
    clip = clip.replace(extras={"time": 5.0 + np.arange(101) / 100})
    assert to_rate(clip, 100.0) is clip
    np.testing.assert_allclose(to_rate(clip, 25.0).extras["time"], 5.0 + np.arange(26) / 25)
    with pytest.raises(ValueError, match="fps_out"):
        to_rate(clip, 0.0)
