"""Readers on files as laboratories and tools wrote them (../shared/data/originals), against the
clips of the same motion.
"""

from pathlib import Path

import numpy as np
import pytest

from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (SHARED / "originals").is_dir(), reason="the originals are not beside this checkout"
)

# File, clip of the same motion, file frames a clip frame, keypoints judged, mean distance allowed
# (m), without an offset.
JOINTS = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
PAIRS = (
    ("bvh_cmu/scaled_131_01.bvh", "cmu_bvh11__cmu_131_01", 1, JOINTS, 1e-4),
    ("asf_amc_cmu/11_01.amc", "cmu_fairmotion__cmu_11_01_amc", 1, JOINTS, 1e-4),
    ("deepmimic/humanoid3d_walk.txt", "deepmimic_pybullet__walk", 1, JOINTS[:3] + JOINTS[4:], 1e-4),
    (
        "deepmimic/humanoid3d_roll.txt",
        "deepmimic_pybullet__roll",
        1,
        JOINTS[:3] + JOINTS[4:],
        1e-3,
    ),  # quaternions of 0.8
    (
        "deepmimic/humanoid3d_cartwheel.txt",
        "deepmimic_pybullet__cartwheel",
        1,
        JOINTS[:3] + JOINTS[4:],
        1e-4,
    ),
    (
        "trc_bmc/motion_capture_run.trc",
        "bmc__run",
        1,
        ("hip", "knee", "ankle", "toe", "elbow", "wrist"),
        1e-4,
    ),
    ("trc_bmc/motion_capture_run.trc", "bmc__run", 1, ("shoulder",), 0.02),
    (
        "trc_c3d_opensim/walking5.c3d",
        "opensim_core_c3d__walking5",
        2,
        ("hip", "knee", "ankle", "toe"),
        0.006,
    ),
    # The clip's joints are those of a scaled model that fits the markers to 15 mm; these come from
    # the markers alone.
    (
        "trc_c3d_opensim/markers_walk.trc",
        "rajagopal_walk__walk_free",
        1,
        ("hip", "knee", "ankle"),
        0.03,
    ),
)


@pytest.mark.parametrize(
    "file, clip, stride, parts, allowed", PAIRS, ids=[f"{p[0]}-{p[3][0]}" for p in PAIRS]
)
def test_original_against_its_clip(file, clip, stride, parts, allowed):
    ours, theirs = (
        load_clip(SHARED / "originals" / file),
        load_clip(SHARED / "clips" / f"{clip}.npz"),
    )
    assert ours.fps / stride == pytest.approx(theirs.fps, rel=1e-3)
    names = [f"{s}_{p}" for p in parts for s in "lr" if f"{s}_{p}" in theirs.names]
    assert set(names) <= set(ours.names)
    a = ours.keypoints[:, [ours.index(n) for n in names]]
    b = theirs.keypoints[:, [theirs.index(n) for n in names]]
    errors = []
    for start in range(
        max(1, len(a) - stride * (len(b) - 1))
    ):  # clips begin later, and some were moved to the origin
        part = a[start::stride][: len(b)]
        off = part - b[: len(part)]
        errors.append(np.nanmean(np.linalg.norm(off - np.nanmedian(off, axis=(0, 1)), axis=-1)))
    assert min(errors) < allowed, min(errors)


@pytest.mark.parametrize("name", ["walk", "roll", "cartwheel"])
def test_bundled_clips_are_what_their_originals_say(name, bundled_clip):
    """assets/clips were written by scripts/convert_deepmimic.py from the same motions."""
    ours, theirs = (
        load_clip(SHARED / f"originals/deepmimic/humanoid3d_{name}.txt"),
        load_clip(bundled_clip(name)),
    )
    assert ours.names == theirs.names and ours.fps == theirs.fps
    np.testing.assert_allclose(ours.keypoints, theirs.keypoints, atol=1e-5)


def test_force_plates_of_a_c3d():
    ours = load_clip(SHARED / "originals/trc_c3d_opensim/walking5.c3d").extras
    with np.load(SHARED / "clips/opensim_core_c3d__walking5.npz") as theirs:
        assert list(ours["grf_names"]) == list(theirs["grf_names"]) == ["left", "right"]
        loaded = ours["grf_force"][..., 2] > 50
        # The clip's forces have the plates' zero taken out (up to 38 N where a plate is loaded).
        assert np.abs(ours["grf_force"] - theirs["grf_force"])[loaded].max() < 40
        both = loaded & np.isfinite(theirs["grf_cop"]).all(axis=-1)
        np.testing.assert_allclose(ours["grf_cop"][both], theirs["grf_cop"][both], atol=1e-4)


def test_cmu_scale_is_detected():
    clip = load_clip(SHARED / "originals/bvh_cmu/131_03.bvh")
    other = load_clip(SHARED / "originals/bvh_cmu/scaled_131_01.bvh")
    assert any(f.startswith("units cmu (detected)") for f in clip.findings)

    def thigh(c):
        return np.nanmedian(
            np.linalg.norm(
                c.keypoints[:, c.index("l_hip")] - c.keypoints[:, c.index("l_knee")], axis=1
            )
        )

    assert thigh(clip) == pytest.approx(thigh(other), abs=1e-3)  # one subject


TOLD = (
    ("trc_c3d_opensim/dataWithBlanksForMissingMarkers.trc", "fewer than 3 frames"),
    ("trc_c3d_opensim/dataWithEformat.trc", "no keypoint name is known.*RFAsuperior"),
    ("trc_c3d_opensim/dataWithNaNsOfDifferentCases.trc", "too few joints"),
    ("c3d_biomdp/kistler_DJ_2plates.c3d", "no markers"),
    ("openpose_pose2sim", "2D keypoints.*triangulate"),
    ("asf_amc_cmu/11.asf", "skeleton without motion"),
)


@pytest.mark.parametrize("file, says", TOLD, ids=[t[0] for t in TOLD])
def test_what_cannot_be_reconstructed_is_told(file, says):
    with pytest.raises(ClipError, match=says):
        load_clip(SHARED / "originals" / file)


def test_a_lower_body_set_is_found_by_its_mapping():
    clip = load_clip(SHARED / "originals/trc_bmc/walk2.trc")
    assert len(clip.names) == 11 and not any("shoulder" in n for n in clip.names)
    assert any("bmclab_gait (detected)" in f for f in clip.findings)
    assert any("trunk" in f and "presumed" in f for f in clip.findings)


def test_doubled_labels():
    """Gait.c3d writes the lateral and the medial knee under one name: the mapping takes the middle
    of both.
    """
    path = SHARED / "originals/trc_bmc/Gait.c3d"
    clip = load_clip(path)
    assert len(clip.keypoints) == 194 and any("first 133 frames" in f for f in clip.findings)
    lateral = load_clip(path, subject="1")
    width = np.linalg.norm(clip.keypoints - lateral.keypoints, axis=-1)[:, clip.index("l_knee")]
    assert 0.0 < np.nanmedian(width) < 0.06
    with pytest.raises(ClipError, match="stand more than once.*--subject 1"):
        load_clip(path, mapping="plug_in_gait")
