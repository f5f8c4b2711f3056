"""The trunk of a clip that shows legs alone: presumed, in balance, and in no result."""

import numpy as np
import pytest

from motionrecon import load_clip, reconstruct
from motionrecon.anatomy.points import Points
from motionrecon.clip.clip import Clip
from motionrecon.clip.trunk import balancing, with_presumed_trunk
from motionrecon.pipeline import Options, prepare
from motionrecon.windows import unswung
from motionrecon_benchmarks.less_of_clips import legs_of


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk")).until(0.8)


def standing(ahead, fps=30.0, seconds=3.0):
    """Legs of somebody who stands, the hips (m) so far ahead of the feet's middle."""
    points = {"hip": (ahead, 0.92), "knee": (0.5 * ahead, 0.49), "ankle": (-0.04, 0.07)}
    points |= {"heel": (-0.09, 0.03), "toe": (0.13, 0.02)}
    names = [f"{s}_{p}" for s in "lr" for p in points]
    frame = [[x, y, z] for y in (0.09, -0.09) for x, z in points.values()]
    keypoints = np.repeat(np.array(frame)[None], round(fps * seconds), axis=0)
    return Clip(keypoints, tuple(names), fps, np.ones(keypoints.shape[:2]))


def lean(clip):
    return (balancing(clip) - Points(clip.keypoints, clip.names).trunk_bottom())[:, 0]


def test_hips_behind_the_feet_are_balanced_by_a_trunk_that_leans_ahead():
    behind, over, ahead = (np.median(lean(standing(x))) for x in (-0.15, 0.0, 0.15))
    assert behind > 0.1 and abs(over) < 0.06 and ahead < -0.1


def test_a_trunk_keeps_its_length_however_far_balance_would_have_it():
    clip = standing(-0.6)
    away = balancing(clip) - Points(clip.keypoints, clip.names).trunk_bottom()
    lengths = np.linalg.norm(away, axis=1)
    np.testing.assert_allclose(lengths, lengths[0])
    assert (away[:, 2] > 0).all()


def test_what_shows_a_trunk_stays_as_it_is(walk):
    assert with_presumed_trunk(walk) is walk


def test_the_neck_of_a_walk_is_where_it_is_seen(walk):
    neck = balancing(legs_of(walk))
    seen = Points(walk.keypoints, walk.names).trunk_top()
    off = np.linalg.norm((neck - seen)[:, :2], axis=1)
    assert np.sqrt(np.mean(off**2)) < 0.08


def test_gaps_and_tiny_clips_have_a_trunk_too(walk):
    legs = legs_of(walk)
    holes = legs.keypoints.copy()
    holes[5:9] = np.nan
    neck = balancing(legs.replace(keypoints=holes))
    assert np.isnan(neck[5:9]).all() and np.isfinite(np.delete(neck, range(5, 9), axis=0)).all()
    for frames in (1, 3, 5):
        tiny = legs.replace(keypoints=legs.keypoints[:frames], confidence=legs.confidence[:frames])
        assert np.isfinite(balancing(tiny)).all()


def test_what_is_presumed_is_in_no_result(walk):
    legs = legs_of(walk)
    ready = prepare(legs, Options())
    assert ready.clip.names == legs.names == ready.body.keypoint_names
    assert ready.ik.keypoints.shape[1] == len(legs.names)
    motion = reconstruct(legs, Options(max_evaluations=3))
    assert motion.keypoint_names == legs.names
    assert motion.report.motion_kind == "walk"


def test_swings_are_taken_out_and_somersaults_are_not():
    momentum = np.zeros((2, 1, 6))
    momentum[0, 0, 2], momentum[1, 0, 1] = 0.03 * 70, 0.8 * 70
    momentum[..., 3:] = 5.0
    out = unswung(momentum, 70.0)
    assert out[0, 0, 2] < 0.05 * momentum[0, 0, 2]
    assert out[1, 0, 1] > 0.95 * momentum[1, 0, 1]
    np.testing.assert_array_equal(out[..., 3:], 5.0)
