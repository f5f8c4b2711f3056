"""One motion in every format that there is a reader for: what the readers are tested on, whole and
damaged.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import ezc3d
import numpy as np
from scipy.io import savemat

from motionrecon.anatomy.skeletons import SKELETONS
from motionrecon.clip.load import Clip
from motionrecon.io import deepmimic
from motionrecon.io.detect import UP_AXES

FPS = 30.0


@dataclass(frozen=True)
class Sample:
    """A file, the options it needs, and what reading it must give: keypoints (T, 3) m by name, fps,
    verdicts.
    """

    path: Path
    keypoints: dict[str, np.ndarray]
    options: dict = field(default_factory=dict)
    fps: float = FPS
    verdicts: tuple[str, ...] = ()
    tolerance_m: float = 1e-6


Writer = Callable[[Path, Clip], Sample]
WRITERS: dict[str, Writer] = {}


def _writer(function: Writer) -> Writer:
    WRITERS[function.__name__.removeprefix("write_")] = function
    return function


def _truth(clip: Clip) -> dict[str, np.ndarray]:
    return {n: clip.keypoints[:, j] for j, n in enumerate(clip.names)}


def _y_up(clip: Clip, scale: float) -> np.ndarray:
    return clip.keypoints @ UP_AXES["y"] * scale


def _columns(clip: Clip, skeleton: str) -> np.ndarray:
    """(T, J, 3) in the order of a convention, NaN for what the clip does not have."""
    out = np.full((len(clip.keypoints), len(SKELETONS[skeleton]), 3), np.nan)
    for j, name in enumerate(SKELETONS[skeleton]):
        if (i := clip.index(name)) is not None:
            out[:, j] = clip.keypoints[:, i]
    return out


def _within(clip: Clip, skeleton: str) -> dict[str, np.ndarray]:
    return {n: x for n, x in _truth(clip).items() if n in SKELETONS[skeleton]}


@_writer
def write_npz(folder: Path, clip: Clip) -> Sample:
    path = folder / "clip.npz"
    np.savez_compressed(
        path, keypoints=clip.keypoints, keypoint_names=np.array(clip.names), fps=FPS
    )
    return Sample(path, _truth(clip), verdicts=("units m (detected)", "up axis z (detected)"))


@_writer
def write_npz_smpl(folder: Path, clip: Clip) -> Sample:
    path = folder / "smpl.npz"
    np.savez(path, joints=_columns(clip, "smpl24") @ UP_AXES["y"], mocap_framerate=FPS)
    verdicts = ("skeleton smpl24 (given)", "up axis y (detected)")
    return Sample(path, _within(clip, "smpl24"), {"skeleton": "smpl"}, verdicts=verdicts)


@_writer
def write_npz_videopose(folder: Path, clip: Clip) -> Sample:
    """Human3.6M's 32 joints as VideoPose3D pickles them."""
    path, order = (
        folder / "data_3d_h36m.npz",
        [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27],
    )
    joints = np.zeros((len(clip.keypoints), 32, 3))
    joints[:, order] = _columns(clip, "h36m17")
    takes = {"S1": {"Walking": joints, "Eating": joints[:9]}, "S5": {"Walking": joints[:9]}}
    np.savez_compressed(path, positions_3d=np.array(takes, dtype=object))
    options = {"allow_pickle": True, "subject": "S1/Walking"}
    return Sample(
        path,
        _within(clip, "h36m17"),
        options,
        50.0,
        ("VideoPose3D: S1/Walking", "units m (from the file)"),
    )


@_writer
def write_npy(folder: Path, clip: Clip) -> Sample:
    path = folder / "mediapipe_body_3d_xyz.npy"
    np.save(path, _columns(clip, "mediapipe33") * 1e3)
    verdicts = ("skeleton mediapipe33 (given)", "units mm (detected)", "30 Hz (given)")
    return Sample(
        path, _within(clip, "mediapipe33"), {"skeleton": "mediapipe", "fps": FPS}, verdicts=verdicts
    )


@_writer
def write_trc(folder: Path, clip: Clip) -> Sample:
    """Millimetres, y up, Windows line ends, blanks, nan and e-format; the header's count is wrong,
    as it often is.
    """
    path, points, truth = folder / "clip.trc", _y_up(clip, 1e3), _truth(clip)
    truth = {n: x.copy() for n, x in truth.items()}
    names = "".join(f"{n}\t\t\t" for n in clip.names)
    axes = "".join(f"X{i}\tY{i}\tZ{i}\t" for i in range(1, len(clip.names) + 1))
    rows = []
    for t, frame in enumerate(points):
        cells = [[f"{v:.5E}" if t % 2 else f"{v:.4f}" for v in p] for p in frame]
        if t == 4:
            cells[0], cells[1] = ["", "", ""], ["nan", "NaN", "NAN"]
            truth[clip.names[0]][t] = truth[clip.names[1]][t] = np.nan
        rows.append(f"{t + 1}\t{t / FPS:.5f}\t" + "\t".join("\t".join(c) for c in cells))
    head = [
        "PathFileType\t4\t(X/Y/Z)\tclip.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{FPS:.2f}\t{FPS:.2f}\t{len(rows)}\t7\tmm\t{FPS:.2f}\t1\t{len(rows)}",
        f"Frame#\tTime\t{names}",
        f"\t\t{axes}",
        "",
    ]
    path.write_bytes("\r\n".join([*head, *rows, ""]).encode())
    return Sample(
        path, truth, verdicts=("units mm (from the file)", "up axis y (detected)"), tolerance_m=1e-4
    )


@_writer
def write_c3d(folder: Path, clip: Clip) -> Sample:
    """Two subjects by prefix, millimetres, and a plate that a constant 700 N presses on, 300 mm
    from the origin.
    """
    path, subsamples = folder / "clip.c3d", 4
    c = ezc3d.c3d()
    labels = [f"{s}:{n}" for s in ("Ann", "Bob") for n in clip.names]
    points = np.concatenate([clip.keypoints, clip.keypoints + [0.0, 5.0, 0.0]], axis=1) * 1e3
    c["parameters"]["POINT"]["RATE"]["value"] = [FPS]
    c["parameters"]["POINT"]["LABELS"]["value"] = labels
    c["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    c["data"]["points"] = np.concatenate(
        [points, np.ones((*points.shape[:2], 1))], axis=2
    ).transpose(2, 1, 0)
    c["parameters"]["ANALOG"]["RATE"]["value"] = [FPS * subsamples]
    c["parameters"]["ANALOG"]["LABELS"]["value"] = ["Fx", "Fy", "Fz", "Mx", "My", "Mz"]
    c["parameters"]["ANALOG"]["UNITS"]["value"] = ["N"] * 3 + ["Nmm"] * 3
    analog = np.zeros((1, 6, len(points) * subsamples))
    analog[0, 2] = -700.0
    c["data"]["analogs"] = analog
    plate = c["parameters"][
        "FORCE_PLATFORM"
    ]  # add_parameter would write its integers as floats, and not read them again
    corners = np.array([[600.0, 600, 0], [0, 600, 0], [0, 0, 0], [600, 0, 0]])
    for key, value in (
        ("USED", [1]),
        ("TYPE", [2]),
        ("ZERO", [1, 0]),
        ("CORNERS", corners.T[:, :, None]),
        ("ORIGIN", np.zeros((3, 1))),
        ("CHANNEL", np.arange(1, 7)[:, None]),
    ):
        plate[key]["value"] = np.asarray(value)
    c.write(str(path))
    return Sample(
        path,
        _truth(clip),
        {"subject": "Ann"},
        verdicts=("subject Ann", "units mm", "1 force plate"),
        tolerance_m=1e-4,
    )


@_writer
def write_mat(folder: Path, clip: Clip) -> Sample:
    """A structure of the MoCap Toolbox, in millimetres."""
    path, count = folder / "walk.mat", len(clip.names)
    names = np.array(clip.names, dtype=object).reshape(-1, 1)
    held = {
        "type": "MoCap data",
        "nFrames": len(clip.keypoints),
        "nMarkers": count,
        "freq": FPS,
        "markerName": names,
        "data": 1e3 * clip.keypoints.reshape(-1, 3 * count),
    }
    savemat(path, {"d": held})
    verdicts = ("MoCap Toolbox", "units mm (detected)", "from the file")
    return Sample(path, _truth(clip), verdicts=verdicts)


@_writer
def write_csv(folder: Path, clip: Clip) -> Sample:
    path = folder / "wide.csv"
    header = ["frame", "timestamp", *(f"{n}_{a}" for n in clip.names for a in "xyz")]
    rows = [
        [str(t), f"{t / FPS:.6f}", *(f"{v:.7f}" for v in p.ravel())]
        for t, p in enumerate(_y_up(clip, 100.0))
    ]
    path.write_text("\n".join(",".join(r) for r in [header, *rows]) + "\n")
    return Sample(
        path,
        _truth(clip),
        verdicts=("units cm (detected)", "from the file's time stamps"),
        tolerance_m=1e-6,
    )


@_writer
def write_csv_long(folder: Path, clip: Clip) -> Sample:
    path = folder / "long.csv"
    lines = ["frame;joint;x;y;z;confidence"]
    for t, frame in enumerate(clip.keypoints):
        lines += [
            f"{t};{n};{p[0]:.8f};{p[1]:.8f};{p[2]:.8f};0.9"
            for n, p in zip(clip.names, frame, strict=True)
        ]
    path.write_text("\n".join(lines))
    return Sample(path, _truth(clip), {"fps": FPS})


@_writer
def write_csv_motive(folder: Path, clip: Clip) -> Sample:
    """Motive's header of several lines, with a bone's rotation and an unlabelled point."""
    path, names = folder / "motive.csv", clip.names
    lines = [
        ["Format Version", "1.23", "Export Frame Rate", "30.0", "Length Units", "Meters"],
        [""],
    ]
    lines += [["", "Type", *["Bone"] * 4, *["Marker"] * 3 * (len(names) + 1)]]
    lines += [
        [
            "",
            "Name",
            *["Body:pelvis"] * 4,
            *[f"Body:{n}" for n in names for _ in "xyz"],
            *["Unlabeled 7"] * 3,
        ]
    ]
    lines += [["", "", *["Rotation"] * 4, *["Position"] * 3 * (len(names) + 1)]]
    lines += [["Frame", "Time (Seconds)", *"XYZW", *"XYZ" * (len(names) + 1)]]
    for t, p in enumerate(_y_up(clip, 1.0)):
        lines += [[str(t), f"{t / FPS:.6f}", *"0001", *(f"{v:.7f}" for v in p.ravel()), *"999"]]
    path.write_text("\n".join(",".join(row) for row in lines))
    verdicts = ("units m (from the file)", "from the file's time stamps", "up axis y (detected)")
    return Sample(path, _truth(clip), verdicts=verdicts)


@_writer
def write_json(folder: Path, clip: Clip) -> Sample:
    path = folder / "clip.json"
    content = {
        "keypoints": clip.keypoints.tolist(),
        "keypoint_names": list(clip.names),
        "fps": FPS,
        "units": "m",
        "up": "z",
    }
    path.write_text(json.dumps(content))
    return Sample(
        path, _truth(clip), verdicts=("units m (from the file)", "up axis z (from the file)")
    )


@_writer
def write_json_mmpose(folder: Path, clip: Clip) -> Sample:
    """MMPose's instances: Human3.6M's 17, two tracks, the second person away from frame 10."""
    path, points = folder / "mmpose.json", np.nan_to_num(_columns(clip, "h36m17"))
    seen = [float(n in clip.names) for n in SKELETONS["h36m17"]]
    frames = []
    for t, p in enumerate(points):
        people = [{"track_id": 7, "keypoints": p.tolist(), "keypoint_scores": seen}]
        if t < 10:
            people.insert(
                0, {"track_id": 3, "keypoints": (p + 1).tolist(), "keypoint_scores": seen}
            )
        frames.append({"frame_id": t, "instances": people})
    path.write_text(json.dumps({"meta_info": {"dataset_name": "h36m"}, "instance_info": frames}))
    return Sample(
        path,
        _within(clip, "h36m17"),
        {"person": 7, "skeleton": "h36m", "fps": FPS},
        verdicts=("person 7",),
    )


@_writer
def write_openpose(folder: Path, clip: Clip) -> Sample:
    path = folder / "openpose"
    path.mkdir()
    points = _columns(clip, "body25") * 1e3
    for t, p in enumerate(points):
        rows = np.concatenate([np.nan_to_num(p), np.isfinite(p[:, :1]) * 0.8], axis=1)
        person = {
            "person_id": [-1],
            "pose_keypoints_2d": [],
            "pose_keypoints_3d": rows.ravel().tolist(),
        }
        (path / f"take_{t:012d}_keypoints.json").write_text(
            json.dumps({"version": 1.3, "people": [person]})
        )
    return Sample(
        path,
        _within(clip, "body25"),
        {"fps": FPS},
        verdicts=("skeleton body25", "units mm (detected)"),
    )


@_writer
def write_deepmimic(folder: Path, clip: Clip) -> Sample:
    """The humanoid upright, turned by a quarter about the vertical, walking sideways at 1 m/s:
    joints known by hand.
    """
    path, frames, half = folder / "humanoid3d_stand.txt", 20, np.sqrt(0.5)
    one = {4: [1.0, 0.0, 0.0, 0.0], 1: [0.0]}
    rotations = [
        v
        for link, width in deepmimic.ROTATIONS
        for v in ([half, 0.0, half, 0.0] if link == "root" else one[width])
    ]
    rows = [[1 / FPS, t / FPS, 0.85, 0.0, *rotations] for t in range(frames)]
    path.write_text(json.dumps({"Loop": "wrap", "Frames": rows}))
    x = np.arange(frames) / FPS
    truth = {
        "pelvis": np.stack([x, 0 * x, 0 * x + 0.85], axis=1),
        # z, the person's right, turns to the world's x; its y is our z.
        "r_hip": np.stack([x + 0.084887, 0 * x, 0 * x + 0.85], axis=1),
        "l_ankle": np.stack([x - 0.084887, 0 * x, 0 * x + 0.85 - 0.421546 - 0.409870], axis=1),
    }
    return Sample(path, truth, verdicts=("DeepMimic motion", "up axis z (from the file)"))


@_writer
def write_bvh(folder: Path, clip: Clip) -> Sample:
    """A rig of Mixamo's names in centimetres, turning everywhere; tests take its positions from
    another library.
    """
    path, rng = folder / "mixamo.bvh", np.random.default_rng(0)
    rig = {
        "Hips": (None, (0, 95, 0)),
        "Spine": ("Hips", (0, 12, -1)),
        "Spine2": ("Spine", (0, 22, 0)),
        "Neck": ("Spine2", (0, 20, 1)),
        "Head": ("Neck", (0, 9, 2)),
    }
    for side, s in (("Left", 1), ("Right", -1)):
        rig |= {
            f"{side}Shoulder": ("Spine2", (4 * s, 15, 0)),
            f"{side}Arm": (f"{side}Shoulder", (13 * s, 0, 0)),
            f"{side}ForeArm": (f"{side}Arm", (27 * s, 0, 0)),
            f"{side}Hand": (f"{side}ForeArm", (25 * s, 0, 0)),
            f"{side}UpLeg": ("Hips", (9 * s, -4, 0)),
            f"{side}Leg": (f"{side}UpLeg", (0, -42, 0)),
            f"{side}Foot": (f"{side}Leg", (0, -41, 0)),
            f"{side}ToeBase": (f"{side}Foot", (0, -7, 12)),
        }
    order: list[str] = []

    def block(name: str, depth: int) -> list[str]:
        order.append(name)
        pad, parent = "  " * depth, rig[name][0]
        offset = " ".join(f"{v:.6f}" for v in (rig[name][1] if parent else (0, 0, 0)))
        rotations = (
            "Zrotation Xrotation Yrotation" if len(order) % 2 else "Xrotation Yrotation Zrotation"
        )
        channels = f"3 {rotations}" if parent else f"6 Xposition Yposition Zposition {rotations}"
        children = [n for n, (p, _) in rig.items() if p == name]
        lines = [
            f"{pad}{'JOINT' if parent else 'ROOT'} mixamorig:{name}",
            f"{pad}{{",
            f"{pad}  OFFSET {offset}",
        ]
        lines += [
            f"{pad}  CHANNELS {channels}",
            *(line for c in children for line in block(c, depth + 1)),
        ]
        lines += (
            []
            if children
            else [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 5 0", f"{pad}  }}"]
        )
        return [*lines, f"{pad}}}"]

    lines, frames = ["HIERARCHY", *block("Hips", 0), "MOTION"], 25
    root = np.array([0.0, 95.0, 0.0]) + np.cumsum(rng.normal(0, 1, (frames, 3)), axis=0)
    angles = 15 * np.sin(np.arange(frames)[:, None] / 9 + rng.uniform(0, 6, 3 * len(order)))
    lines += [f"Frames: {frames}", "Frame Time: 0.0333333"]
    lines += [" ".join(f"{v:.6f}" for v in row) for row in np.hstack([root, angles])]
    path.write_text("\n".join(lines) + "\n")
    return Sample(
        path,
        {},
        verdicts=("mapping humanik (detected)", "units cm (detected)", "up axis y (detected)"),
    )


@_writer
def write_amc(folder: Path, clip: Clip) -> Sample:
    """An Acclaim skeleton with turned axes in CMU's unit; tests compute its joints from matrices of
    their own.
    """
    path, rng = folder / "07_01.amc", np.random.default_rng(0)
    vector = tuple[float, float, float]
    bones: dict[str, tuple[str, vector, float, vector, str]] = {
        "lowerback": ("root", (0, 1, 0), 2.0, (0, 0, 0), "rx ry rz"),
        "upperback": ("lowerback", (0, 1, 0), 2.0, (0, 0, 0), "rx"),
        "thorax": ("upperback", (0, 1, 0), 2.0, (0, 0, 0), ""),
        "lowerneck": ("thorax", (0, 1, 0.1), 1.5, (0, 0, 0), "rx ry rz"),
        "upperneck": ("lowerneck", (0, 1, 0), 1.5, (0, 0, 0), ""),
        "head": ("upperneck", (0, 1, 0), 1.6, (0, 0, 0), "rx"),
    }
    for s, k in (("l", 1), ("r", -1)):
        bones |= {
            f"{s}hipjoint": ("root", (0.6 * k, -0.7, 0.3), 2.5, (0, 0, 0), ""),
            f"{s}femur": (f"{s}hipjoint", (0.34 * k, -0.94, 0), 7.3, (0, 0, 20 * k), "rx ry rz"),
            f"{s}tibia": (f"{s}femur", (0.34 * k, -0.94, 0), 7.2, (0, 0, 20 * k), "rx"),
            f"{s}foot": (f"{s}tibia", (0.1 * k, -0.25, 0.96), 2.3, (-90, 0, 20 * k), "rx rz"),
            f"{s}clavicle": ("thorax", (0.9 * k, 0.4, 0), 3.6, (0, 0, 0), "ry rz"),
            f"{s}humerus": (f"{s}clavicle", (k, 0, 0), 4.9, (180, 30 * k, -90 * k), "rx ry rz"),
            f"{s}radius": (f"{s}humerus", (k, 0, 0), 3.4, (180, 30 * k, -90 * k), "rx"),
        }
    asf = [
        ":version 1.10",
        ":name test",
        ":units",
        "  mass 1.0",
        "  length 0.45",
        "  angle deg",
        ":root",
    ]
    asf += [
        "  order TX TY TZ RX RY RZ",
        "  axis XYZ",
        "  position 0 0 0",
        "  orientation 0 0 0",
        ":bonedata",
    ]
    for i, (name, (_, direction, length, axis, dof)) in enumerate(bones.items(), 1):
        asf += [
            "  begin",
            f"    id {i}",
            f"    name {name}",
            f"    direction {' '.join(map(str, direction))}",
        ]
        asf += [
            f"    length {length}",
            f"    axis {' '.join(map(str, axis))} XYZ",
            *([f"    dof {dof}"] if dof else []),
            "  end",
        ]
    parents = list(dict.fromkeys(b[0] for b in bones.values()))
    asf += [
        ":hierarchy",
        "  begin",
        *(f"    {p} {' '.join(n for n, b in bones.items() if b[0] == p)}" for p in parents),
        "  end",
    ]
    (folder / "07.asf").write_text("\n".join(asf) + "\n")
    amc = ["#!OML:ASF test.ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(25):
        amc += [
            str(t + 1),
            f"root {t * 0.1:.4f} 17.5 {t * 0.3:.4f} {5 * np.sin(t / 8):.4f} {2.0 * t:.4f} 3.0",
        ]
        for name, (*_, dof) in bones.items():
            if dof:
                angles = [20 * np.sin(t / 7 + rng.uniform(0, 0.3)) for _ in dof.split()]
                amc.append(f"{name} {' '.join(f'{angle:.4f}' for angle in angles)}")
    path.write_text("\n".join(amc) + "\n")
    return Sample(
        path,
        {},
        {},
        120.0,
        ("mapping asf (detected)", "units m (from the file)", "up axis y (detected)"),
    )


@_writer
def write_mjcf(folder: Path, clip: Clip) -> Sample:
    """A model whose bodies slide freely, with one key a frame."""
    path = folder / "keys.xml"
    path.write_text(_model(clip, _keys(clip)))
    return Sample(path, _truth(clip), verdicts=("MuJoCo: 39 keys", "up axis z (from the file)"))


@_writer
def write_mjcf_keys(folder: Path, clip: Clip) -> Sample:
    """The same, the keys apart from their model."""
    path, model = folder / "keys_alone.xml", folder / "model.xml"
    model.write_text(_model(clip, ""))
    path.write_text(f"<mujoco>{_keys(clip)}</mujoco>")
    return Sample(path, _truth(clip), {"model": model}, verdicts=("MuJoCo: 39 keys",))


def _model(clip: Clip, keys: str) -> str:
    slides = "".join(f'<joint type="slide" axis="{axis}"/>' for axis in ("1 0 0", "0 1 0", "0 0 1"))
    bodies = "".join(f'<body name="{n}">{slides}<geom size="0.01"/></body>' for n in clip.names)
    return f"<mujoco><worldbody>{bodies}</worldbody>{keys}</mujoco>"


def _keys(clip: Clip) -> str:
    rows = [" ".join(f"{v:.8f}" for v in p.ravel()) for p in clip.keypoints]
    return (
        "<keyframe>"
        + "".join(f'<key time="{t / FPS:.6f}" qpos="{r}"/>' for t, r in enumerate(rows))
        + "</keyframe>"
    )
