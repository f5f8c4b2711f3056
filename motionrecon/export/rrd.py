"""Rerun: the capsule body, keypoints, forces and their curves on one timeline; z up, metres."""

from pathlib import Path

import numpy as np
import rerun as rr
from rerun import blueprint as rrb

from motionrecon.anatomy.sides import side_of
from motionrecon.body.supports import scene_of
from motionrecon.export.opensim_names import hinge
from motionrecon.export.scene import COLOURS, SUPPORT, Scene, model_of
from motionrecon.motion.motion import Motion

_TIME = "time"
_FORCES, _ANGLES, _MOMENTS = "vertical_force", "angles", "moments"
_FORCE_M = 0.5  # length of an arrow of one body weight
_POINT_M = 0.015
_FEET = ("left", "right")
# What a gait laboratory looks at first.
_SHOWN = ("hip_flexion", "knee_angle", "ankle_angle")


def write_rrd(motion: Motion, folder: Path) -> None:
    """Writes motion.rrd."""
    scene = Scene.of(motion)
    recording = rr.RecordingStream("motionrecon")
    recording.save(str(folder / "motion.rrd"), default_blueprint=_blueprint())
    clock = rr.TimeColumn(_TIME, duration=motion.time)
    recording.log("/", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    for b, name in enumerate(scene.names):
        _segment(recording, clock, scene, b, f"body/{name}")
    _points(recording, clock, "keypoints/body", motion.keypoints, (0, 0, 0))
    _points(recording, clock, "keypoints/input", motion.input_keypoints, (213, 94, 0))
    for side, foot in enumerate(_FEET):
        _force(recording, clock, motion, side, foot)
    _curves(recording, clock, motion)
    for support in scene_of(model_of(motion)).supports:
        turn = rr.Transform3D(translation=support.middle, mat3x3=support.axes)
        box = rr.Boxes3D(half_sizes=[support.half_size], colors=[_bytes(SUPPORT)])
        recording.log(f"scene/{support.name}", turn, box, static=True)
    recording.flush()
    recording.disconnect()


def _segment(
    recording: rr.RecordingStream, clock: rr.TimeColumn, scene: Scene, b: int, path: str
) -> None:
    own = [c for c in scene.capsules if c.body == b]
    if own:
        # Rerun's capsules begin at their own origin and go along z.
        shapes = rr.Capsules3D(
            lengths=[2 * c.half_length for c in own],
            radii=[c.radius for c in own],
            translations=[c.ends()[0] for c in own],
            quaternions=[rr.Quaternion(xyzw=c.quat[[1, 2, 3, 0]]) for c in own],
            colors=[_bytes(COLOURS[side_of(scene.names[b])])] * len(own),
            fill_mode="solid",
        )
        recording.log(path, shapes, static=True)
    turns = scene.quat[:, b][:, [1, 2, 3, 0]]
    moved = rr.Transform3D.columns(translation=scene.position[:, b], quaternion=turns)
    recording.send_columns(path, [clock], moved)


def _points(
    recording: rr.RecordingStream,
    clock: rr.TimeColumn,
    path: str,
    points: np.ndarray,
    colour: tuple,
) -> None:
    """Keypoints (T, K, 3); those that are not known are left out."""
    there = np.isfinite(points).all(-1)
    columns = rr.Points3D.columns(positions=points[there]).partition(there.sum(1))
    recording.send_columns(path, [clock], columns)
    look = rr.Points3D.from_fields(colors=[colour], radii=[_POINT_M])
    recording.log(path, look, static=True)


def _force(
    recording: rr.RecordingStream, clock: rr.TimeColumn, motion: Motion, side: int, foot: str
) -> None:
    """An arrow while the foot is loaded, and the vertical force in body weights."""
    force, centre = motion.contact_force[:, side], motion.centre_of_pressure[:, side]
    there = np.isfinite(centre).all(-1)
    vectors = _FORCE_M * force[there] / motion.weight
    arrows = rr.Arrows3D.columns(vectors=vectors, origins=centre[there])
    recording.send_columns(f"forces/{foot}", [clock], arrows.partition(there.astype(int)))
    look = rr.Arrows3D.from_fields(colors=[_bytes(COLOURS[foot])], radii=[0.01])
    recording.log(f"forces/{foot}", look, static=True)
    vertical = rr.Scalars.columns(scalars=force[:, 2] / motion.weight)
    recording.send_columns(f"{_FORCES}/{foot}", [clock], vertical)


def _curves(recording: rr.RecordingStream, clock: rr.TimeColumn, motion: Motion) -> None:
    """Angles (degrees) and moments (N m/kg), in OpenSim's names and signs."""
    moments = motion.joint_moments_filtered
    moments = motion.joint_moments if moments is None else moments
    for j, ours in enumerate(motion.joint_names):
        name, sign = hinge(ours)
        angle = rr.Scalars.columns(scalars=sign * np.rad2deg(motion.qpos[:, 7 + j]))
        recording.send_columns(f"{_ANGLES}/{name}", [clock], angle)
        if moments is not None:
            turn = rr.Scalars.columns(scalars=sign * moments[:, j] / motion.mass_kg)
            recording.send_columns(f"{_MOMENTS}/{name}", [clock], turn)


def _blueprint() -> rrb.Blueprint:
    """The body beside forces, angles and moments of the legs."""

    def curves(of: str, title: str) -> rrb.TimeSeriesView:
        shown = [f"+ /{of}/{name}_{side}" for name in _SHOWN for side in "lr"]
        return rrb.TimeSeriesView(origin="/", contents=shown, name=title)

    right = rrb.Vertical(
        rrb.TimeSeriesView(origin=f"/{_FORCES}", name="vertical force, body weights"),
        curves(_ANGLES, "angles, degrees"),
        curves(_MOMENTS, "moments, N m/kg"),
    )
    body = rrb.Spatial3DView(
        origin="/", contents=["+ /body/**", "+ /keypoints/**", "+ /forces/**", "+ /scene/**"]
    )
    return rrb.Blueprint(
        rrb.Horizontal(body, right, column_shares=[3, 2]), rrb.TimePanel(timeline=_TIME)
    )


def _bytes(colour: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(round(255 * c) for c in colour)
