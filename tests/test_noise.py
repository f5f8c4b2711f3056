import numpy as np
import pytest
from development_clips import whole_bodies

from motionrecon.clip.load import load_clip
from motionrecon.clip.noise import estimate_noise
from motionrecon.clip.resample import to_rate


def spoiled(clip, std, rng, missing=0.1):
    keypoints = clip.keypoints + rng.normal(0, std, clip.keypoints.shape)
    keypoints[rng.random(keypoints.shape[:2]) < missing] = np.nan
    return clip.replace(keypoints=keypoints)


@pytest.mark.parametrize("name", ["walk", "spinkick", "cartwheel", "roll"])
@pytest.mark.parametrize("std", [0.01, 0.03])
def test_added_noise_is_found_on_bundled_clips(bundled_clip, name, std):
    clip = load_clip(bundled_clip(name))
    assert estimate_noise(clip) < 0.003
    assert estimate_noise(spoiled(clip, std, np.random.default_rng(1))) == pytest.approx(
        std, rel=0.25
    )


@pytest.mark.parametrize("fps", [25, 30, 60, 120, 250])
def test_added_noise_is_found_at_every_rate(shared_clips, fps):
    rng = np.random.default_rng(fps)
    clean = []
    for path in whole_bodies(shared_clips):
        clip = load_clip(path)
        clip = to_rate(clip, fps)
        clean.append(estimate_noise(clip))
        assert estimate_noise(spoiled(clip, 0.03, rng)) == pytest.approx(0.03, rel=0.25), path.name
    assert np.mean(np.array(clean) < 0.003) > 0.9


def test_outliers_and_fast_limbs_are_not_noise(bundled_clip):
    clip = load_clip(bundled_clip("getup_facedown"))
    rng = np.random.default_rng(2)
    keypoints = clip.keypoints.copy()
    hit = rng.random(keypoints.shape[:2]) < 0.01
    keypoints[hit] += rng.normal(0, 0.5, (hit.sum(), 3))
    waving = clip.index("r_wrist")
    keypoints[:, waving, 2] += 0.3 * np.sin(2 * np.pi * 5 * np.arange(len(keypoints)) / clip.fps)
    assert estimate_noise(clip.replace(keypoints=keypoints)) < 0.003


def test_too_little_to_tell_is_zero(bundled_clip):
    clip = load_clip(bundled_clip("walk"))
    assert estimate_noise(clip.replace(keypoints=np.full_like(clip.keypoints, np.nan))) == 0.0
    assert estimate_noise(clip.replace(keypoints=clip.keypoints[:3])) == 0.0
