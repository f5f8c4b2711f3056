import numpy as np
import pytest

from motionrecon.clip.inspection import bone_lengths, describe, gaps, speed_outliers
from motionrecon.clip.load import load_clip


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


def test_a_sound_clip(walk):
    assert gaps(walk) == [] and speed_outliers(walk) == []
    lengths = {bone: (length, spread) for bone, length, spread in bone_lengths(walk)}
    assert lengths["l thigh"][0] == pytest.approx(0.4215, abs=1e-3) and lengths["l thigh"][1] < 1e-3
    assert "l foot" not in lengths  # no heel
    text = "\n".join(describe(walk))
    for says in (
        "39 frames",
        "units m",
        "up axis z",
        "gaps: none",
        "floor:",
        "speed outliers: none",
        "keypoints: pelvis",
    ):
        assert says in text, text


def test_what_is_wrong_is_found(walk):
    keypoints = walk.keypoints.copy()
    knees = [walk.index("l_knee"), walk.index("r_knee")]
    keypoints[12, knees] = keypoints[12, knees[::-1]]  # labels swapped in one frame
    keypoints[20:29, walk.index("head")] = np.nan
    sick = walk.replace(keypoints=keypoints)
    assert [(n, round(share, 3), longest) for n, share, longest in gaps(sick)] == [
        ("head", round(9 / 39, 3), 0.3)
    ]
    assert {(n, t) for n, t, _ in speed_outliers(sick)} >= {("l_knee", 12), ("r_knee", 12)}
    assert {n for n, _, _ in speed_outliers(sick)} <= {"l_knee", "r_knee"}
    thigh = {bone: spread for bone, _, spread in bone_lengths(sick)}["l thigh"]
    assert thigh > 0.005
    assert any("head" in line and "longest 0.30 s" in line for line in describe(sick))
