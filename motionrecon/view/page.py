"""The interactive page: one HTML file, all data in it, nothing fetched.

Brax's viewer (brax.io.html) was looked at first: its page fetches three.js from a network at every
opening, shows one system without forces or measurements, and has no graph. MuJoCo's own viewer
(mujoco.viewer) wants a window, a GL and an installed MuJoCo. A person made of capsules needs so
little of WebGL that the few hundred lines in `web/` replace a library of a megabyte, and a 2D
canvas can stand in where a browser has no WebGL.
"""

import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.anatomy.turns import one_hemisphere
from motionrecon.atomic import write_atomically
from motionrecon.body.skin import Skin
from motionrecon.io.plates import LOADED_N
from motionrecon.motion.gait import Gait, gait
from motionrecon.motion.kind import Kind
from motionrecon.view import loss, pack, verdict
from motionrecon.view.camera import azimuth, heading, path_of, reach
from motionrecon.view.metrics import rows
from motionrecon.view.skeleton import edges
from motionrecon.view.take import Take

_SCRIPTS = ("data", "camera", "bodies", "skin", "gl", "flat", "chart", "graphs", "main")
_MOST_FPS = 120.0  # Hz; faster clips are shown at every second, third ... frame
_LEAST_FPS = 12.0  # Hz; a page is not made smaller by showing less often
# Bytes that a page may have a minute of motion, and at least: to be sent by mail. Longer motion is
# thinned to fewer frames a second; what is between them is drawn all the same, on straight lines.
_MINUTE_BYTES = 5_000_000
_LOSS_NOTE = (
    "Geometric mean over the windows of the best loss so far; what growing a window costs is "
    "counted."
)


def page(takes: list[Take], title: str, subtitle: str = "", together: bool = False) -> str:
    """The page's text for one take, or several: of one clip, side by side, or of people of one
    recording, together in one scene.
    """
    longest = max(takes, key=lambda take: take.late + len(take.time))
    fps = 1 / np.median(np.diff(longest.time)) if len(longest.time) > 1 else 1.0
    stride = max(1, int(np.ceil((fps - 1e-6) / _MOST_FPS)))
    most = _MINUTE_BYTES * max(1.0, float(longest.time[-1] - longest.time[0]) / 60)
    text = _page(takes, title, subtitle, together, longest, fps, stride)
    while len(text) > most and fps / stride > 2 * _LEAST_FPS:
        stride = max(stride + 1, int(stride * len(text) / most))
        text = _page(takes, title, subtitle, together, longest, fps, stride)
    return text


def _page(
    takes: list[Take],
    title: str,
    subtitle: str,
    together: bool,
    longest: Take,
    fps: float,
    stride: int,
) -> str:
    """Of every stride-th frame."""
    web = files("motionrecon.view") / "web"
    script = "\n".join((web / f"{name}.js").read_text() for name in _SCRIPTS)
    if stride > 1:
        subtitle = f"{subtitle} · " if subtitle else ""
        subtitle += f"{fps / stride:.3g} of {fps:.3g} frames a second are shown"
    values = _data(takes, title, subtitle, together, longest, fps, slice(None, None, stride))
    data = json.dumps(values, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "title": _escaped(title),
        "style": (web / "style.css").read_text(),
        "script": script,
        "data": data,
        "verdict": verdict.block(takes),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], (web / "page.html").read_text())


def write_page(
    takes: list[Take], path: str | Path, title: str, subtitle: str = "", together: bool = False
) -> Path:
    """Write the page whole or not at all. Raises OutputError."""
    path = Path(path)
    with write_atomically(path) as part:
        # a clip's name may hold bytes that are no letters
        text = page(takes, title, subtitle, together).encode("utf-8", "backslashreplace")
        part.write_bytes(text)
    return path


def _data(
    takes: list[Take],
    title: str,
    subtitle: str,
    together: bool,
    longest: Take,
    fps: float,
    at: slice,
) -> dict:
    names = longest.motion.keypoint_names
    frames = longest.late + len(longest.time)
    time = np.arange(frames) / fps if longest.late else longest.time
    targets = longest.motion.input_keypoints - longest.motion.qpos[:, None, :3]
    return {
        "title": title,
        "subtitle": subtitle,
        "time": pack.floats(time[at]),
        "names": names,
        "edges": edges(names),
        "targets": pack.steps(_after(longest.late, targets)[at]),
        "path": pack.floats(
            np.pad(path_of(longest), ((longest.late, 0), (0, 0)), "edge")[at][:, None]
        ),
        "weight": longest.motion.weight,
        "azimuth": azimuth(longest),
        "heading": heading(longest),
        "reach": _reach(takes, longest) if together else reach(longest),
        "loaded": LOADED_N,
        "joints": longest.motion.joint_names,
        "together": together,
        "longest": takes.index(longest),
        "takes": [_take(take, at) for take in takes],
        **_skins(takes),
        "metrics": rows(takes),
        "lossNote": _LOSS_NOTE,
    }


def _skins(takes: list[Take]) -> dict:
    """The bodies' meshes, each once, and which is whose; none for robots."""
    known: dict[str, int] = {}
    sent: list[dict] = []
    of: list[int | None] = []
    for take in takes:
        model = take.motion.mjcf
        if model not in known and take.skin is not None:
            known[model] = len(sent)
            sent.append(_skin(take.skin))
        of.append(known.get(model))
    return {"skins": sent, "skinOf": of}


def _skin(skin: Skin) -> dict:
    """A vertex is 24 bytes or so; its normal the page works out. The pose in which the mesh was
    made is undone: bones' matrices then go from there to the frame's.
    """
    return {
        "points": pack.steps(skin.points),
        "faces": pack.words(skin.faces),
        "joints": pack.bytes_of(skin.joints),
        "weights": pack.bytes_of(np.rint(255 * skin.weights)),
        "left": pack.bytes_of(np.rint(127.5 * (skin.left + 1))),
        "along": pack.steps(skin.along),
        "place": pack.floats(skin.place),
        "turn": pack.floats(Rotation.from_matrix(skin.turn).as_quat(scalar_first=True)),
    }


def _reach(takes: list[Take], longest: Take) -> tuple[float, float]:
    """m, as camera.reach, so that all are in the picture that follows the longest take."""
    wide, high = reach(longest)
    path = longest.motion.qpos[:, :2]
    apart = 0.0
    for take in takes:
        own = take.motion.qpos[:, :2]
        at = np.clip(take.late + np.arange(len(own)) - longest.late, 0, len(path) - 1)
        apart = max(apart, float(np.linalg.norm(own - path[at], axis=1).max()))
    return wide + apart, high


def _take(take: Take, at: slice) -> dict:
    m = take.motion
    origin = m.qpos[:, None, :3]

    def shown(values: np.ndarray) -> np.ndarray:
        return _after(take.late, values)[at]

    moments = m.joint_moments if m.joint_moments_filtered is None else m.joint_moments_filtered
    kind = take.report.verdict.kind if take.report and take.report.verdict else Kind.OTHER
    walked = gait(m) if kind in (Kind.WALK, Kind.RUN) else None
    curves = {axis: loss.curve(take.windows, axis) for axis in ("evaluations", "seconds")}
    losses = {
        k: {"x": pack.floats(c[0]), "y": pack.floats(c[1])}
        for k, c in curves.items()
        if c is not None
    }
    return {
        "label": take.label,
        "first": -(-take.late // (at.step or 1)),
        "shapes": take.shapes.tolist(),
        "radii": [round(float(r), 5) for r in take.radii],
        "sides": take.sides.tolist(),
        # about a float32 origin, so that what the page adds is what was taken away
        "origin": pack.floats(np.nan_to_num(shown(origin[:, 0]))),
        "supports": take.supports.round(4).tolist(),
        "points": pack.steps(shown(take.points - origin)),
        "place": pack.steps(shown(take.place - origin)) if take.skin else None,
        "turn": pack.steps(shown(one_hemisphere(take.turn))) if take.skin else None,
        "keypoints": pack.steps(shown(m.keypoints - origin)),
        "error": pack.floats(shown(take.errors_mm)),
        "force": pack.steps(shown(m.contact_force)),
        "filtered": None
        if m.contact_force_filtered is None
        else pack.steps(shown(m.contact_force_filtered)),
        "centre": pack.floats(shown(m.centre_of_pressure)),
        "measured": None
        if m.measured_contact_force is None
        else pack.steps(shown(m.measured_contact_force)),
        "elsewhere": {
            "force": pack.floats(shown(take.elsewhere_force)),
            "centre": pack.floats(shown(take.elsewhere_centre)),
        }
        if take.elsewhere_force.shape[1]
        else None,
        "torque": pack.steps(shown(m.torques)),
        "angle": pack.steps(np.rad2deg(shown(m.qpos[:, 7:]))),
        "moment": None if moments is None else pack.steps(shown(moments / m.mass_kg)),
        "gait": None if walked is None else _gait(walked, take.late * take.frame_s),
        "loss": losses or None,
    }


def _gait(walked: Gait, late: float) -> dict:
    """Events as [s, side, whether it is a strike], and rows [what, left, right or nothing]."""
    events = [
        [round(late + t, 4), side, strike]
        for strike, of_feet in ((1, walked.strikes), (0, walked.offs))
        for side, times in enumerate(of_feet)
        for t in times
    ]

    def cell(value: float | None, unit: str, digits: int = 2, times: float = 1.0) -> str:
        return "–" if value is None else f"{times * value:.{digits}f} {unit}"

    both = [
        ["step length", *(cell(x, "m") for x in walked.step_m)],
        ["stance, of a stride", *(cell(x, "%", 0, 100) for x in walked.stance)],
    ]
    one = [
        ["speed", cell(walked.speed, "m/s")],
        ["cadence", cell(walked.cadence, "steps/min", 0)],
        ["both feet stand", cell(walked.double, "%", 0, 100)],
    ]
    return {"events": sorted(events), "rows": both + one}


def _after(frames: int, values: np.ndarray) -> np.ndarray:
    """Values (T, ...) after so many frames of NaN."""
    return np.pad(values, ((frames, 0), *((0, 0),) * (values.ndim - 1)), constant_values=np.nan)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
