"""A motion in the coordinates of an OpenSim model that somebody else made: markers at its joint
centres, OpenSim's inverse kinematics, ground forces, and its inverse dynamics.

OpenSim 4 (Seth et al. 2018) does all of it, so its Python package must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.atomic import write_files_atomically
from motionrecon.errors import ExportError
from motionrecon.export.axes import OPENSIM
from motionrecon.export.ground import Ground
from motionrecon.export.mot import write_ground
from motionrecon.export.osim import CUTOFF_HZ
from motionrecon.export.scene import Scene
from motionrecon.export.trc import write_markers
from motionrecon.motion.motion import Motion
from motionrecon.plain_paths import plain_paths
from motionrecon.terminal import muted

FILES = (
    "model_markers.osim",
    "model_ik.trc",
    "model_ik.mot",
    "model_grf.mot",
    "model_grf.xml",
    "model_id.sto",
)
_NEEDED = ("pelvis", "femur_r", "femur_l", "tibia_r", "tibia_l", "calcn_r", "calcn_l")
# Of markers in inverse kinematics: legs and pelvis are alike in all models. Trunks bend at other
# places, and a shoulder moves on ours.
_SURE, _VAGUE = 10.0, 1.0
# Markers at the origin of a segment: (ours, the bodies of theirs that the marker may sit on, those
# whose origin is the place, weight). The first that is there counts.
_CENTRES = (
    ("thigh", ("pelvis",), ("femur",), _SURE),
    ("shank", ("femur",), ("tibia",), _SURE),
    ("foot", ("tibia",), ("talus", "calcn"), _SURE),
    ("toes", ("calcn",), ("toes",), _SURE),
    ("upper_arm", ("torso",), ("humerus",), _VAGUE),
    ("forearm", ("humerus",), ("ulna",), _VAGUE),
    ("hand", ("radius", "ulna"), ("hand",), _VAGUE),
)
_LEGS = ("thigh", "shank", "foot", "toes")
# Segments whose turn two more markers tell, forward and to the right.
_TURNED = (
    ("pelvis", "pelvis", _SURE),
    ("thorax", "torso", _VAGUE),
    ("thigh", "femur", _VAGUE),
    ("shank", "tibia", _VAGUE),
    ("foot", "calcn", _SURE),
    ("upper_arm", "humerus", _VAGUE),
)
_ARM_M = 0.1  # from a segment's origin to these
# (body of theirs, our segments at either end): what sets its size
_LENGTHS = {
    "femur": ("thigh", "shank"),
    "tibia": ("shank", "foot"),
    "talus": ("foot", "toes"),
    "calcn": ("foot", "toes"),
    "toes": ("foot", "toes"),
    "humerus": ("upper_arm", "forearm"),
    "ulna": ("forearm", "hand"),
    "radius": ("forearm", "hand"),
    "hand": ("forearm", "hand"),
}
_FAR_MM = 20.0  # of a joint centre, in the mean: the model is another person's


@dataclass(frozen=True)
class Marker:
    """name; body of their model; place (3,) m in its frame; points (T, 3) m where ours is, y up."""

    name: str
    body: str
    place: np.ndarray
    points: np.ndarray
    weight: float


@dataclass(frozen=True)
class OnModel:
    """paths written; error_mm: of the legs' joint centres after inverse kinematics, root of the
    mean square; notes: lines for the person.
    """

    paths: tuple[Path, ...]
    error_mm: float
    notes: tuple[str, ...]


def write_on_model(motion: Motion, folder: Path, osim: Path, scale: bool = False) -> OnModel:
    """Writes FILES: their model with our markers, the markers' ways, its coordinates, the forces on
    its feet, and the moments of its joints; forces and angles low-passed as the motion's moments
    are. scale: a copy of the model with our segments' lengths and mass.

    Raises ExportError for a file that is no model, one without the joints of a walking person or
    with one locked, a missing OpenSim, and OutputError for a place that cannot be written; then
    nothing is written.
    """
    if find_spec("opensim") is None:
        raise ExportError("a model of yours needs OpenSim: pip install 'motionrecon[opensim]'")
    if not osim.is_file():
        raise ExportError(f"{osim}: there is no such file; give an OpenSim model (.osim)")
    scene = Scene.of(motion)
    with plain_paths([osim]) as (source,), _quiet(osim) as opensim:
        model = opensim.Model(source)
        state = model.initSystem()
        notes = _refuse(model, state, osim)
        _stand(model, state)
        if scale:
            _scale(opensim, model, state, scene, motion.mass_kg)
            state = model.initSystem()
            _stand(model, state)
        markers = _markers(opensim, model, state, scene)
        with write_files_atomically(folder) as part, plain_paths([part]) as (place,):
            error = _solve(opensim, model, motion, markers, Path(place))
    if error > _FAR_MM and not scale:
        notes.append(
            f"joint centres are {error:.0f} mm off: the model is of another size; --osim-scale "
            "writes a copy of this person's"
        )
    return OnModel(tuple(folder / name for name in FILES), error, tuple(notes))


@contextmanager
def _quiet(osim: Path) -> Iterator[Any]:
    """OpenSim without its log and what it prints; what it throws becomes an ExportError."""
    import opensim

    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("Off")
    try:
        with muted():  # its tools print a list of the model's parts
            yield opensim
    except RuntimeError as e:
        reason = " ".join(str(e).split())[:200]
        raise ExportError(f"{osim}: OpenSim refuses it: {reason}") from e


def _refuse(model: Any, state: Any, osim: Path) -> list[str]:
    """Raises ExportError for what cannot follow a motion; returns notes."""
    bodies = _bodies(model)
    if missing := [name for name in _NEEDED if name not in bodies]:
        raise ExportError(
            f"{osim}: has no body {', '.join(missing)}; expected those of OpenSim's gait models "
            f"({', '.join(_NEEDED)})"
        )
    locked = []
    for i in range(model.getJointSet().getSize()):
        joint = model.getJointSet().get(i)
        own = [joint.get_coordinates(k) for k in range(joint.numCoordinates())]
        stuck = [c.getName() for c in own if c.getLocked(state)]
        child = joint.getChildFrame().findBaseFrame().getName()
        if own and len(stuck) == len(own) and child[:-2] in ("femur", "tibia", "talus"):
            raise ExportError(
                f"{osim}: {', '.join(stuck)} locked, which a motion needs; unlock it in the model"
            )
        locked += stuck
    return [f"locked in the model and left so: {', '.join(locked)}"] if locked else []


def _bodies(model: Any) -> set[str]:
    return {model.getBodySet().get(i).getName() for i in range(model.getBodySet().getSize())}


def _stand(model: Any, state: Any) -> None:
    """Upright, arms hanging, facing forward: where our axes and theirs are the same."""
    for i in range(model.getCoordinateSet().getSize()):
        coordinate = model.getCoordinateSet().get(i)
        if not coordinate.getLocked(state) and not coordinate.isDependent(state):
            coordinate.setValue(state, 0.0, False)
    model.assemble(state)
    model.realizePosition(state)


def _origin(model: Any, state: Any, body: str) -> np.ndarray:
    at = model.getBodySet().get(body).getPositionInGround(state)
    return np.array([at.get(i) for i in range(3)])


def _sides(name: str) -> list[tuple[str, str]]:
    """(prefix of ours, suffix of theirs) of a segment that is there once or twice."""
    return [("", "")] if name in ("pelvis", "thorax") else [("r_", "_r"), ("l_", "_l")]


def _their(kinds: tuple[str, ...], suffix: str, bodies: set[str]) -> str | None:
    """The first of the bodies that the model has."""
    found = (k if k in ("pelvis", "torso") else k + suffix for k in kinds)
    return next((name for name in found if name in bodies), None)


def _markers(opensim: Any, model: Any, state: Any, scene: Scene) -> list[Marker]:
    """Where both bodies stand alike, a place on ours is the same place on theirs."""
    bodies, markers = _bodies(model), []
    ground = model.getGround()
    turns = _matrices(scene)

    def on(body: str, place: np.ndarray) -> np.ndarray:
        own = model.getBodySet().get(body)
        at = ground.findStationLocationInAnotherFrame(state, opensim.Vec3(*map(float, place)), own)
        return np.array([at.get(i) for i in range(3)])

    for ours, carriers, places, weight in _CENTRES:
        for prefix, suffix in _sides(ours):
            carrier, place = (_their(kinds, suffix, bodies) for kinds in (carriers, places))
            if carrier and place:
                b = scene.names.index(prefix + ours)
                at = on(carrier, _origin(model, state, place))
                path = scene.position[:, b] @ OPENSIM.T
                markers.append(Marker(f"{ours}{suffix}_centre", carrier, at, path, weight))
    for ours, kind, weight in _TURNED:
        for prefix, suffix in _sides(ours):
            theirs = _their((kind,), suffix, bodies)
            if not theirs:
                continue
            b = scene.names.index(prefix + ours)
            for way, axis in (("front", [1.0, 0, 0]), ("side", [0, 0, 1.0])):
                arm = _ARM_M * np.array(axis)
                base, start = _bases(ours, scene, model, state, theirs)
                local = start + OPENSIM.T @ arm
                path = (scene.position[:, b] + np.einsum("tij,j->ti", turns[:, b], local)) @ (
                    OPENSIM.T
                )
                name = f"{ours}{suffix}_{way}"
                markers.append(Marker(name, theirs, on(theirs, base + arm), path, weight))
    return markers


def _bases(
    ours: str, scene: Scene, model: Any, state: Any, theirs: str
) -> tuple[np.ndarray, np.ndarray]:
    """(a place on their body as it stands, m in the ground; the same on ours, m in its own frame):
    between the hips of the pelvis, between the shoulders of the trunk, else the origin.
    """
    ends = {"pelvis": ("thigh", "femur"), "thorax": ("upper_arm", "humerus")}.get(ours)
    if ends and f"{ends[1]}_r" in _bodies(model):
        pair = [_origin(model, state, ends[1] + side) for side in ("_r", "_l")]
        own = [_standing(scene, side + ends[0]) for side in ("r_", "l_")]
        return np.mean(pair, axis=0), np.mean(own, axis=0) - _standing(scene, ours)
    return _origin(model, state, theirs), np.zeros(3)


def _standing(scene: Scene, name: str) -> np.ndarray:
    """(3,) m, z up, of a segment's origin from the pelvis, all angles zero."""
    b, at = scene.names.index(name), np.zeros(3)
    while b > 0:
        at, b = at + scene.offset[b], scene.parents[b]
    return at


def _matrices(scene: Scene) -> np.ndarray:
    flat = Rotation.from_quat(scene.quat.reshape(-1, 4), scalar_first=True).as_matrix()
    return flat.reshape(*scene.quat.shape[:2], 3, 3)


def _scale(opensim: Any, model: Any, state: Any, scene: Scene, mass: float) -> None:
    """Every body by the length of ours over its own, the mass spread as it was."""
    bodies, factors = _bodies(model), {}

    def length(first: str, last: str, side: str) -> float:
        return float(np.linalg.norm(_standing(scene, side + first) - _standing(scene, side + last)))

    def theirs(first: str, last: str) -> float:
        return float(np.linalg.norm(_origin(model, state, first) - _origin(model, state, last)))

    place = {ours: kinds for ours, _, kinds, _ in _CENTRES}
    for kind, (first, last) in _LENGTHS.items():
        for side, suffix in (("r_", "_r"), ("l_", "_l")):
            ends = [_their(place[end], suffix, bodies) for end in (first, last)]
            if kind + suffix in bodies and ends[0] and ends[1]:
                factors[kind + suffix] = length(first, last, side) / theirs(ends[0], ends[1])
    width = lambda part: 2 * abs(_standing(scene, f"r_{part}")[1])  # noqa: E731
    factors["pelvis"] = width("thigh") / theirs("femur_r", "femur_l")
    if {"torso", "humerus_r", "humerus_l"} <= bodies:
        high = np.mean([_origin(model, state, f"humerus_{s}") for s in "rl"], axis=0)
        low = np.mean([_origin(model, state, f"femur_{s}") for s in "rl"], axis=0)
        factors["torso"] = _standing(scene, "r_upper_arm")[2] / (high - low)[1]
    scales = opensim.ScaleSet()
    for body, factor in factors.items():
        one = opensim.Scale()
        one.setSegmentName(body)
        one.setScaleFactors(opensim.Vec3(float(factor)))
        one.setApply(True)
        scales.cloneAndAppend(one)
    model.scale(state, scales, True, mass)


def _solve(opensim: Any, model: Any, motion: Motion, markers: list[Marker], folder: Path) -> float:
    """Writes FILES; mm, of the joint centres."""
    names = [m.name for m in markers]
    model.updMarkerSet().clearAndDestroy()
    for m in markers:
        body = model.getBodySet().get(m.body)
        model.addMarker(opensim.Marker(m.name, body, opensim.Vec3(*map(float, m.place))))
    model.finalizeConnections()
    model.initSystem()
    model.printToXML(str(folder / FILES[0]))
    points = np.stack([m.points for m in markers], axis=1)
    write_markers(folder / FILES[1], motion.time, motion.fps, names, points)
    tasks = opensim.IKTaskSet()
    for m in markers:
        task = opensim.IKMarkerTask()
        task.setName(m.name)
        task.setApply(True)
        task.setWeight(m.weight)
        tasks.cloneAndAppend(task)
    kinematics = opensim.InverseKinematicsTool()
    kinematics.setModel(model)
    kinematics.setMarkerDataFileName(str(folder / FILES[1]))
    kinematics.set_IKTaskSet(tasks)
    kinematics.setStartTime(float(motion.time[0]))
    kinematics.setEndTime(float(motion.time[-1]))
    kinematics.setOutputMotionFileName(str(folder / FILES[2]))
    kinematics.set_report_errors(False)
    kinematics.setResultsDir(str(folder))
    kinematics.run()
    error = _error(opensim, model, markers, folder / FILES[2])
    write_ground(folder, Path(FILES[3]).stem, motion.time, Ground.filtered(motion))
    hz = motion.report.filter_hz if motion.report else None
    dynamics = opensim.InverseDynamicsTool()
    dynamics.setModel(model)
    dynamics.setCoordinatesFileName(str(folder / FILES[2]))
    dynamics.setExternalLoadsFileName(str(folder / FILES[4]))
    dynamics.setLowpassCutoffFrequency(hz or CUTOFF_HZ)
    dynamics.setStartTime(float(motion.time[0]))
    dynamics.setEndTime(float(motion.time[-1]))
    dynamics.setResultsDir(str(folder))
    dynamics.setOutputGenForceFileName(FILES[5])
    dynamics.run()
    for file in folder.iterdir():
        if file.name not in FILES:
            file.unlink()  # what the tools leave besides
    return error


def _error(opensim: Any, model: Any, markers: list[Marker], mot: Path) -> float:
    """mm, root of the mean square distance of the legs' joint centres after inverse kinematics."""
    state = model.initSystem()
    table = opensim.TimeSeriesTable(str(mot))
    coordinates = model.getCoordinateSet()
    labels, off = list(table.getColumnLabels()), []
    legs = {f"{part}_{side}_centre" for part in _LEGS for side in "rl"}
    for t in range(table.getNumRows()):
        row = table.getRowAtIndex(t)
        for k, label in enumerate(labels):
            c = coordinates.get(label)
            turns = c.getMotionType() == opensim.Coordinate.Rotational
            if not c.getLocked(state):
                value = np.deg2rad(row[k]) if turns else row[k]
                c.setValue(state, float(value), k == len(labels) - 1)
        model.realizePosition(state)
        for m in markers:
            if m.name in legs:
                at = model.getMarkerSet().get(m.name).getLocationInGround(state)
                off.append([at.get(i) - m.points[t, i] for i in range(3)])
    return 1000.0 * float(np.sqrt(np.mean(np.sum(np.square(off), axis=1))))
