"""A treadmill's belt: the person goes over ground as seen from it."""

import numpy as np
import pytest

from motionrecon.anatomy.points import Points
from motionrecon.cli.main import main
from motionrecon.clip.load import load_clip, make_clip
from motionrecon.errors import ClipError
from motionrecon.io import Raw


@pytest.fixture(scope="module")
def walk(bundled_clip):
    """Twice the bundled walk, the second where the first ends: long enough to tell a belt."""
    clip = load_clip(bundled_clip("walk"))
    root = Points(clip.keypoints, clip.names).trunk_bottom()
    step = (root[-1] - root[0]) * len(root) / (len(root) - 1) * [1.0, 1.0, 0.0]
    return clip.replace(
        keypoints=np.concatenate([clip.keypoints, clip.keypoints + step]),
        confidence=np.concatenate([clip.confidence] * 2),
    )


def velocity_of(clip):
    root = Points(clip.keypoints, clip.names).trunk_bottom()
    return np.polyfit(np.arange(len(root)) / clip.fps, root[:, :2], 1)[0]


def on_a_treadmill(clip, turned=0.0):
    """Raw, with a plate's centre of pressure that stays under the person."""
    time = np.arange(len(clip.keypoints)) / clip.fps
    at = clip.keypoints.copy()
    at[..., :2] -= (time[:, None] * velocity_of(clip))[:, None]
    c, s = np.cos(turned), np.sin(turned)
    at = at @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T
    extras = {
        "grf_time": time,
        "grf_force": np.zeros((len(time), 1, 3)),
        "grf_cop": np.ones((len(time), 1, 3)),
        "grf_names": np.array(["left foot"]),
    }
    return Raw(at, names=clip.names, fps=clip.fps, units="m", up="z", extras=extras)


@pytest.mark.parametrize("turned", [0.0, 2.0])
def test_its_speed_is_found(walk, turned):
    clip = make_clip(on_a_treadmill(walk, turned), "x.npz")
    true, found = velocity_of(walk), velocity_of(clip)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.05)
    along = np.arctan2(found[1], found[0]) - np.arctan2(true[1], true[0]) - turned
    assert abs((along + np.pi) % (2 * np.pi) - np.pi) < 0.1
    assert any("treadmill's belt of 1." in f or "belt of 0." in f for f in clip.findings)
    # what a plate felt goes along
    moved = np.diff(clip.extras["grf_cop"][:, 0, :2], axis=0)[0] * clip.fps
    np.testing.assert_allclose(moved, found, atol=0.05)


def test_a_speed_can_be_given_or_left_out(walk):
    raw = on_a_treadmill(walk)
    still, fast = make_clip(raw, "x.npz", belt="none"), make_clip(raw, "x.npz", belt="2.5")
    assert np.linalg.norm(velocity_of(still)) < 0.05
    assert np.linalg.norm(velocity_of(fast) - velocity_of(still)) == pytest.approx(2.5, abs=1e-6)
    ours, true = velocity_of(fast), velocity_of(walk)
    assert ours @ true > 0.98 * np.linalg.norm(ours) * np.linalg.norm(true)


@pytest.mark.parametrize("speed", ["fast", "nan", "inf", "-1", "0", "40"])
def test_what_is_no_speed_is_refused(bundled_clip, speed, capsys, tmp_path):
    said = rf"--belt {speed}: expected auto, none, or more than 0 to 12 m/s"
    with pytest.raises(ClipError, match=said):
        load_clip(bundled_clip("walk"), belt=speed)
    words = [str(bundled_clip("walk")), "--out", str(tmp_path / "o"), f"--belt={speed}"]
    for command in ("reconstruct", "batch"):
        assert main([command, *words]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "o").exists()


def test_no_clip_of_the_ground_has_a_belt(shared_clips):
    for path in sorted(shared_clips.glob("*.npz")):
        assert not any("belt" in f for f in load_clip(path).findings), path.name
