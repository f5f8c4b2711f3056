"""Mappings of rigs and marker sets: the shipped ones, the user's own, what is wrong with one."""

import numpy as np
import pytest

from motionrecon.anatomy.skeletons import LEGS, canonical, meets
from motionrecon.clip.load import load_clip, make_clip
from motionrecon.errors import ClipError
from motionrecon.io import Raw
from motionrecon.io.centres import metres_per_unit
from motionrecon.io.mapping import FOLDER, find_mapping, load_mapping, shipped


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


def _labels(mapping):
    """A file's labels that make every keypoint by its first way, and what each stands for."""
    made = {}
    for name, ways in mapping.keypoints.items():
        for label in ways[0].labels:
            made.setdefault(label.partition("#")[0], name)
    return made


@pytest.mark.parametrize("name", [p.stem for p in sorted(FOLDER.glob("*.yaml"))])
def test_shipped_mappings(name, walk):
    """Each is found from its own labels, whatever their prefix and case, and gives what its
    keypoints need.
    """
    mapping = next(m for m in shipped() if m.name == name)
    assert mapping.about and all(canonical(k) == k for k in mapping.keypoints)
    assert meets(mapping.keypoints, LEGS)
    made = _labels(mapping)
    rng = np.random.default_rng(0)
    cloud = walk.keypoints[:, [walk.index("pelvis")]] + rng.normal(0, 0.2, (1, len(made), 3))
    for j, keypoint in enumerate(
        made.values()
    ):  # a marker at the keypoint it makes, where the walk has that
        if walk.index(keypoint) is not None:
            cloud[:, j] = walk.keypoints[:, walk.index(keypoint)]
    clip = make_clip(
        Raw(
            cloud,
            names=tuple(f"Actor:{label.upper()}" for label in made),
            fps=30.0,
            units="m",
            up="z",
        ),
        "rig",
    )
    assert any(f"mapping {name} (detected)" in f for f in clip.findings), clip.findings
    single = [
        k
        for k, ways in mapping.keypoints.items()
        if len(ways[0].labels) == 1 and walk.index(k) is not None
    ]
    for keypoint in single:
        label = mapping.keypoints[keypoint][0].labels[0]
        if made[label] == keypoint:
            np.testing.assert_allclose(
                clip.keypoints[:, clip.index(keypoint)], walk.keypoints[:, walk.index(keypoint)]
            )


def test_hip_regression_and_offsets(walk):
    """Harrington's formula on a pelvis of known size: W = 240 mm, D = 150 mm, standing upright,
    facing x.
    """
    asis, psis = (
        np.array([[0.0, 0.12, 1.0], [0.0, -0.12, 1.0]]),
        np.array([[-0.15, 0.05, 1.0], [-0.15, -0.05, 1.0]]),
    )
    markers = {
        "LASI": asis[0],
        "RASI": asis[1],
        "LPSI": psis[0],
        "RPSI": psis[1],
        "C7": [-0.1, 0, 1.5],
        "CLAV": [0, 0, 1.45],
    }
    for s, y in (("L", 0.1), ("R", -0.1)):
        markers |= {
            f"{s}SHO": [-0.05, 2 * y, 1.475],
            f"{s}ELB": [-0.05, 2 * y, 1.2],
            f"{s}WRA": [0, 2 * y, 1.0],
        }
        markers |= {
            f"{s}WRB": [-0.04, 2 * y, 1.0],
            f"{s}KNE": [0, 1.5 * y, 0.5],
            f"{s}ANK": [-0.02, 1.5 * y, 0.1],
        }
        markers |= {f"{s}HEE": [-0.08, y, 0.05], f"{s}TOE": [0.15, y, 0.05]}
    positions = np.tile(np.array(list(markers.values()), float)[None], (6, 1, 1)) * 1e3
    clip = make_clip(Raw(positions, names=tuple(markers), fps=50.0, up="z"), "pelvis")
    assert any("mapping plug_in_gait (detected)" in f for f in clip.findings)
    hip = [-(0.24 * 150 + 9.9) / 1e3, (0.33 * 240 + 7.3) / 1e3, 1 - (0.30 * 240 + 10.9) / 1e3]
    np.testing.assert_allclose(clip.keypoints[0, clip.index("l_hip")], hip, atol=1e-9)
    np.testing.assert_allclose(
        clip.keypoints[0, clip.index("r_hip")], np.array(hip) * [1, -1, 1], atol=1e-9
    )
    np.testing.assert_allclose(
        clip.keypoints[0, clip.index("l_knee")], [0, 0.10, 0.5], atol=1e-9
    )  # 50 mm inwards
    np.testing.assert_allclose(
        clip.keypoints[0, clip.index("r_wrist")], [-0.02, -0.2, 1.0], atol=1e-9
    )
    down = np.linalg.norm(clip.keypoints[0, clip.index("l_shoulder")] - markers["LSHO"])
    assert down == pytest.approx(0.05) and clip.keypoints[0, clip.index("l_shoulder"), 2] < 1.43


def test_hips_from_markers_of_another_laboratory(shared_clips):
    """Hips that someone else computed by the same regression, from 41 markers: 0.5 mm (their offset
    of the ground aside).
    """
    with np.load(shared_clips / "cmu_c3d__cmu_02_05_c3d.npz") as c:
        clip = make_clip(
            Raw(c["markers"].astype(float), names=tuple(map(str, c["marker_names"])), fps=120.0),
            "cmu",
        )
        assert any("mapping cmu41 (detected)" in f for f in clip.findings)
        names = list(map(str, c["keypoint_names"]))
        off = clip.keypoints[:, clip.index("l_elbow")] - c["keypoints"][:, names.index("l_elbow")]
        for hip in ("l_hip", "r_hip"):
            d = clip.keypoints[:, clip.index(hip)] - off - c["keypoints"][:, names.index(hip)]
            assert np.nanmean(np.linalg.norm(d, axis=1)) < 1e-3


def _own(tmp_path, text):
    path = tmp_path / "markers.yaml"
    path.write_text(text)
    return path


OWN = """
name: mine
sides: [Li, Re]
keypoints:
  neck: [N1, N2]
  $_shoulder: {first_of: [[$Absent], $Schulter]}
  $_hip: {markers: [$Hueft, ^Hueft], weights: [3, 1]}
  $_knee: $Knie
  $_ankle: {markers: [$Fuss], offset_m: 0.02, along: [[$Fuss], [$Knie]]}
"""


def test_a_mapping_of_ones_own(walk, tmp_path):
    part = {"Schulter": "shoulder", "Hueft": "hip", "Knie": "knee", "Fuss": "ankle"}
    names = [f"{w}{p}" for p in part for w in ("Li", "Re")] + ["N1", "N2", "spare"]
    source = [f"{s}_{k}" for k in part.values() for s in "lr"] + ["neck", "neck", "head"]
    positions = walk.keypoints[:, [walk.index(n) for n in source]] * 1e3
    raw = Raw(positions, names=tuple(names), fps=30.0)
    clip = make_clip(raw, "mine.trc", mapping=str(_own(tmp_path, OWN)))
    assert any("mapping mine (given): 9 keypoints" in f for f in clip.findings)
    assert any("labels not used: spare" in f for f in clip.findings)

    def at(name):
        return walk.keypoints[:, walk.index(name)]

    np.testing.assert_allclose(clip.keypoints[:, clip.index("neck")], at("neck"), atol=1e-9)
    np.testing.assert_allclose(
        clip.keypoints[:, clip.index("l_hip")], 0.75 * at("l_hip") + 0.25 * at("r_hip"), atol=1e-9
    )
    up = (at("r_knee") - at("r_ankle")) / np.linalg.norm(
        at("r_knee") - at("r_ankle"), axis=1, keepdims=True
    )
    np.testing.assert_allclose(
        clip.keypoints[:, clip.index("r_ankle")], at("r_ankle") + 0.02 * up, atol=1e-9
    )
    with pytest.raises(ClipError, match="no keypoint name is known.*--mapping"):
        make_clip(raw, "mine.trc")


def test_missing_markers_are_missing_keypoints(walk, tmp_path):
    names = tuple({"neck": "N1", "head": "N2"}.get(n, n) for n in walk.names)
    positions, confidence = walk.keypoints.copy(), np.full(walk.keypoints.shape[:2], 0.9)
    positions[7, names.index("N1")] = np.nan
    confidence[9, names.index("N2")] = 0.4
    legs = "".join(f"  $_{joint}: $_{joint}\n" for joint in ("hip", "knee", "ankle"))
    text = f"keypoints:\n  neck: [N1, N2]\n{legs}sides: [l, r]\n"
    raw = Raw(positions, names=names, fps=30.0, confidence=confidence)
    clip = make_clip(raw, "x", mapping=str(_own(tmp_path, text)))
    assert (
        np.isnan(clip.keypoints[7, clip.index("neck")]).all()
        and clip.confidence[7, clip.index("neck")] == 0
    )
    assert (
        clip.confidence[9, clip.index("neck")] == 0.4
        and clip.confidence[8, clip.index("neck")] == 0.9
    )


def test_none_means_the_names_as_they_are(walk):
    clip = make_clip(Raw(walk.keypoints, names=walk.names, fps=30.0), "x", mapping="none")
    assert clip.names == walk.names
    with pytest.raises(ClipError, match="finds none of its labels.*pelvis"):
        make_clip(Raw(walk.keypoints, names=walk.names, fps=30.0), "x", mapping="qualisys")


def test_doubled_labels_of_one_trajectory_are_one(walk):
    names = ("l_knee", *walk.names)
    doubled = np.concatenate(
        [walk.keypoints[:, [walk.index("l_knee")]] + 0.1, walk.keypoints], axis=1
    )
    with pytest.raises(ClipError, match="'l_knee' stands 2 times.*--subject 1"):
        make_clip(Raw(doubled, names=names, fps=30.0), "x")
    first = make_clip(Raw(doubled, names=names, fps=30.0), "x", subject="1")
    second = make_clip(Raw(doubled, names=names, fps=30.0), "x", subject="2")
    knee = walk.keypoints[:, walk.index("l_knee")]
    np.testing.assert_allclose(first.keypoints[:, first.index("l_knee")], knee + 0.1)
    np.testing.assert_allclose(second.keypoints[:, second.index("l_knee")], knee)


@pytest.mark.parametrize("metres", [1.0, 0.01, 0.001])
def test_unit_of_markers(walk, metres):
    assert metres_per_unit(walk.keypoints / metres) == metres


BAD = {
    "not yaml": ("keypoints: [", "not YAML"),
    "no keypoints": ("name: x", "needs a table 'keypoints"),
    "unknown keypoint": ("keypoints: {tail: [A]}", "'tail' is not a keypoint"),
    "no markers": ("keypoints: {neck: []}", "markers must be a list"),
    "unknown key": ("keypoints: {neck: {marker: [A]}}", "unknown 'marker'"),
    "weights": ("keypoints: {neck: {markers: [A, B], weights: [1]}}", "weights must be 2 numbers"),
    "weights of zero": ("keypoints: {neck: {markers: [A, B], weights: [1, -1]}}", "add up to 0"),
    "offset in mm": (
        "keypoints: {neck: {markers: [A], offset_m: 50, along: [[A], [B]]}}",
        "offset_m",
    ),
    "offset without direction": (
        "keypoints: {neck: {markers: [A], offset_m: 0.05}}",
        "needs a direction",
    ),
    "regression": (
        "keypoints: {l_hip: {hip_regression: bell, asis: [A, B], psis: [C]}}",
        "known is harrington",
    ),
    "one asis": (
        "keypoints: {l_hip: {hip_regression: harrington, asis: [A], psis: [C]}}",
        "asis must be two",
    ),
    "sides": ("sides: L\nkeypoints: {neck: [A]}", "'sides' must be two"),
    "code": ("keypoints: !!python/object/apply:os.system ['true']", "not YAML"),
    "nothing": ("", "needs a table"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_mapping_is_one_clear_error(case, tmp_path):
    text, says = BAD[case]
    with pytest.raises(ClipError, match=says) as caught:
        load_mapping(_own(tmp_path, text))
    assert "markers.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_mapping(tmp_path):
    with pytest.raises(ClipError, match="unknown mapping 'mixama'.*humanik"):
        find_mapping("mixama")
    with pytest.raises(ClipError, match="no such file"):
        find_mapping(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize("prefix", ["", "Ann:"])
def test_the_hint_at_a_mapping_names_what_is_absent_and_nothing_else(walk, prefix):
    """Plug-in Gait's lower body without a knee, and a mapping that knows legs alone."""
    legs = "LASI RASI LPSI RPSI LKNE LANK RANK LHEE RHEE LTOE RTOE".split()
    cloud = walk.keypoints[:, : len(legs)]
    with pytest.raises(ClipError) as told:
        make_clip(Raw(cloud, names=tuple(prefix + n for n in legs), fps=30.0), "legs")
    hint = str(told.value).partition("nearest shipped mapping: ")[2]
    assert hint == "plug_in_gait; absent labels: rkne)"
    bmc = "L.ASIS R.ASIS L.PSIS R.PSIS L.Knee R.Knee L.Knee.Medial R.Knee.Medial"
    names = tuple(prefix + n for n in (*bmc.split(), "L.Ankle", "L.Ankle.Medial"))
    with pytest.raises(ClipError) as told:
        make_clip(Raw(walk.keypoints[:, : len(names)], names=names, fps=30.0), "legs")
    hint = str(told.value).partition("nearest shipped mapping: ")[2]
    assert "absent labels: " in hint and not any(
        f"{label.lower().replace('.', '')}," in hint for label in bmc.split()
    )


def test_the_lower_body_of_plug_in_gait_is_enough(walk):
    labels = {"LASI": (0.1, 0.12, 0.08), "LPSI": (-0.1, 0.05, 0.08), "LKNE": (0, 0.05, 0)}
    labels |= {"LANK": (0, 0.04, 0), "LHEE": (0, 0, 0), "LTOE": (0, 0, 0)}
    at = {"KNE": "knee", "ANK": "ankle", "HEE": "heel", "TOE": "toe"}
    place, names = [], []
    for side, turn in (("l", 1), ("r", -1)):
        for label, (x, y, z) in labels.items():
            keypoint = f"{side}_{at[label[1:]]}" if label[1:] in at else "pelvis"
            if walk.index(keypoint) is not None:
                place.append(walk.keypoints[:, walk.index(keypoint)] + [x, turn * y, z])
                names.append(side.upper() + label[1:])
    raw = Raw(np.stack(place, axis=1), names=tuple(names), fps=30.0, units="m", up="z")
    clip = make_clip(raw, "legs")
    assert {"l_hip", "r_hip", "l_knee", "r_ankle"} <= set(clip.names)
    assert any("plug_in_gait (detected)" in f for f in clip.findings)
    assert any("trunk" in f and "presumed" in f for f in clip.findings)


def test_the_markers_of_opencap(shared_clips):
    """29 of 51: the rest are clusters, and the hip's second estimate."""
    clip = np.load(shared_clips / "opencap_s4__walkingTI1.npz")
    names = tuple(str(n) for n in clip["marker_names"])
    raw = Raw(clip["markers"].astype(float), names=names, fps=float(clip["markers_fps"]))
    assert any(
        "opencap (detected): 18 keypoints from 29 of 51" in f
        for f in make_clip(raw, "opencap").findings
    )
