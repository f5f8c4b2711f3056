import numpy as np
import pytest

from motionrecon.anatomy.skeletons import SKELETONS, canonical, find_skeleton
from motionrecon.clip.load import load_clip, make_clip
from motionrecon.io import Raw


@pytest.mark.parametrize("name", SKELETONS)
def test_every_skeleton_has_as_many_distinct_names_as_its_title_says(name):
    names = SKELETONS[name]
    assert len(names) == int("".join(c for c in name.removeprefix("h36m") if c.isdigit()))
    named = [n for n in names if n]  # columns without one take no part
    assert len(named) == len(set(named))
    mirrored = [{"l_": "r_", "r_": "l_"}.get(n[:2], n[:2]) + n[2:] for n in names]
    assert set(mirrored) == set(names)
    assert {"l_hip", "r_knee", "l_ankle", "r_shoulder", "l_elbow", "r_wrist"} <= set(names)


@pytest.mark.parametrize("name", SKELETONS)
def test_canonical_names_mean_themselves(name):
    named = [n for n in SKELETONS[name] if n]
    assert [canonical(n) for n in named] == named


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(
            (w, "l_hip")
            for w in ("l_hip", "left_hip", "LeftHip", "LHip", "lhip", "hip_l", "Hip.L", "left hip")
        ),
        *((w, "r_big_toe") for w in ("RBigToe", "right_big_toe", "bigtoe_r", "rightbigtoe")),
        *((w, "pelvis") for w in ("Pelvis", "mid_hip", "MidHip", "hip", "root", "Hips")),
        ("RAnkle", "r_ankle"),
        ("left_foot_index", "l_toe"),
        ("Thorax", "neck"),
        ("rear", "r_ear"),
        ("LEar", "l_ear"),
        ("left_ankle_joint_center", "l_ankle"),
        ("head_top", "head"),
        ("l_clavicle", "l_collar"),
        ("left", None),
        ("shoulder", None),
        ("l_r_hip", None),
        ("marker7", None),
        ("", None),
        ("lnose", None),
    ],
)
def test_aliases(written, meant):
    assert canonical(written) == meant


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("COCO-17", "coco17"),
        ("coco", "coco17"),
        ("BODY_25", "body25"),
        ("openpose", "body25"),
        ("Human3.6M", "h36m17"),
        ("H36M-17", "h36m17"),
        ("smpl", "smpl24"),
        ("MediaPipe-33", "mediapipe33"),
        ("halpe26", "halpe26"),
        ("coco18", None),
        ("", None),
        ("kinect", None),
    ],
)
def test_skeletons_by_their_usual_names(written, key):
    assert find_skeleton(written) == key


def test_orders_of_the_conventions():
    assert SKELETONS["coco17"].index("l_hip") == 11 and SKELETONS["coco17"].index("r_ankle") == 16
    assert SKELETONS["body25"].index("pelvis") == 8 and SKELETONS["body25"].index("r_heel") == 24
    assert SKELETONS["h36m17"].index("l_shoulder") == 11 and SKELETONS["h36m17"].index("r_hip") == 1
    assert (
        SKELETONS["smpl24"].index("l_shoulder") == 16 and SKELETONS["smpl24"].index("r_hand") == 23
    )
    assert (
        SKELETONS["mediapipe33"].index("l_hip") == 23
        and SKELETONS["mediapipe33"].index("r_toe") == 32
    )
    assert (
        SKELETONS["panoptic19"].index("r_shoulder") == 9
        and SKELETONS["panoptic19"].index("l_ankle") == 8
    )
    assert SKELETONS["halpe26"].index("pelvis") == 19 and SKELETONS["halpe26"].index("r_heel") == 25
    assert SKELETONS["mhr70"].index("r_wrist") == 41 and SKELETONS["mhr70"].index("l_wrist") == 62
    assert SKELETONS["mhr70"].index("neck") == 69 and SKELETONS["mhr70"].index("r_heel") == 20
    assert SKELETONS["wholebody133"].index("l_big_toe") == 17
    assert SKELETONS["smpl45"].index("r_eye") == 25 and SKELETONS["smpl45"].index("r_heel") == 34
    assert SKELETONS["smplx55"].index("r_wrist") == 21 and SKELETONS["smplh52"][22:] == ("",) * 30


@pytest.mark.parametrize(
    "said, meant",
    [
        ("SMPL", "smpl24"),
        ("smpl-x", "smplx55"),
        ("SMPL-H", "smplh52"),
        ("HumanML3D", "smpl22"),
        ("COCO-WholeBody", "wholebody133"),
        ("MHR", "mhr70"),
        ("coco", "coco17"),
    ],
)
def test_what_a_skeleton_is_called(said, meant):
    assert find_skeleton(said) == meant


@pytest.mark.parametrize("name", ["smpl22", "smplx55", "smpl45", "wholebody133", "mhr70"])
def test_columns_that_take_no_part_are_left_out(name, bundled_clip):
    walk = load_clip(bundled_clip("walk"))
    columns = np.full((len(walk.keypoints), len(SKELETONS[name]), 3), 9.0)
    for k, keypoint in enumerate(SKELETONS[name]):
        if keypoint:
            at = walk.index(keypoint)
            columns[:, k] = np.nan if at is None else walk.keypoints[:, at]
    clip = make_clip(Raw(columns, fps=30.0, units="m", up="z"), name)
    assert f"skeleton {name} (detected)" in clip.findings
    assert set(clip.names) == set(walk.names) & set(SKELETONS[name])
    for keypoint in clip.names:
        ours = clip.keypoints[:, clip.index(keypoint)]
        np.testing.assert_allclose(ours, walk.keypoints[:, walk.index(keypoint)])
