"""The windows' pieces become one Motion at the clip's frame rate."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from motionrecon.body import Body
from motionrecon.clip.load import Clip
from motionrecon.motion import plates
from motionrecon.motion.columns import blocks, let_go
from motionrecon.motion.motion import Motion
from motionrecon.motion.scores import Shape
from motionrecon.physics.floor_forces import FEET, touching_segments

_TOGETHER = 1024  # frames, so that a mapped array is never in memory as a whole


class Piece(NamedTuple):
    """What is kept of one window: n steps, and the states before each of them; world frame."""

    qpos: Float[np.ndarray, "n nq"]
    qvel: Float[np.ndarray, "n nv"]
    ctrl: Float[np.ndarray, "n nu"]  # rad
    torque: Float[np.ndarray, "n nu"]  # N m
    foot_force: Float[np.ndarray, "n 2 3"]  # N
    centre: Float[np.ndarray, "n 2 3"]  # m
    other_force: Float[np.ndarray, "n 3"]  # N
    free_moment: Float[np.ndarray, "n 2"]  # N m
    segment_force: Float[np.ndarray, "n B 3"]  # N, on floor_forces.touching_segments
    joint_moment: Float[np.ndarray, "n nu"]  # N m
    support_force: Float[np.ndarray, "n P 3"]  # N, of the floor and supports; P = 0 without a scene


def resampled(
    times: Float[np.ndarray, "T"],
    known: Float[np.ndarray, "n"],
    values: Float[np.ndarray, "n ..."],
) -> Float[np.ndarray, "T ..."]:
    """Values at other times, linear between the known ones, held before the first and after the
    last; both times ascend.
    """
    out = np.empty((len(times), *values.shape[1:]))
    for first in range(0, len(times), _TOGETHER):
        at = times[first : first + _TOGETHER]
        begin, end = np.searchsorted(known, at[[0, -1]], "right")
        near = slice(max(begin - 1, 0), end + 1)
        columns = values[near].reshape(len(known[near]), -1).T
        part = [np.interp(at, known[near], column) for column in columns]
        out[first : first + len(at)] = np.stack(part, axis=1).reshape(-1, *values.shape[1:])
        let_go(values)
    return out


def resampled_poses(
    times: Float[np.ndarray, "T"], known: Float[np.ndarray, "n"], qpos: Float[np.ndarray, "n nq"]
) -> Float[np.ndarray, "T nq"]:
    """The same of configurations: the root's quaternion along the short arc, renormalised."""
    root = np.array(qpos[:, 3:7])
    for t in range(1, len(root)):
        if root[t] @ root[t - 1] < 0:
            root[t] *= -1
    out = resampled(times, known, qpos)
    out[:, 3:7] = resampled(times, known, root)
    out[:, 3:7] /= np.linalg.norm(out[:, 3:7], axis=1, keepdims=True)
    return out


def clip_clock(clip: Clip, frames: int) -> Float[np.ndarray, "T"]:
    """s: the first frames' times on the clock of what came with the clip (force plates)."""
    start = float(clip.extras["time"][0]) if "time" in clip.extras else 0.0
    return np.arange(frames) / clip.fps + start


def assemble(
    clip: Clip,
    body: Body,
    steps: Piece,
    whole: bool,
) -> tuple[Motion, Shape]:
    """One Motion, without a report, and the shape of its body at the frames.

    steps: of all pieces together, with the state after the last one. whole: whether they reach the
    clip's end; else the motion ends with the last frame that they cover.
    """
    qpos, qvel = steps.qpos, steps.qvel
    h, frames = body.model.opt.timestep, len(clip.keypoints)
    if not whole:
        frames = min(frames, int(h * len(steps.ctrl) * clip.fps + 1e-6) + 1)
    times = np.arange(frames) / clip.fps
    # Control frames may end up to one of them after the clip.
    count = min(max(int(np.ceil(times[-1] / h - 1e-6)), 1), len(steps.ctrl))
    steps = Piece(*(column[:count] for column in steps))
    qpos, qvel = qpos[: count + 1], qvel[: count + 1]
    state_times, step_times = h * np.arange(count + 1), h * np.arange(count)
    poses = resampled_poses(times, state_times, qpos)
    shape = Shape.of(body, poses)
    names = list(body.keypoint_names)
    pushed = [rows.any(axis=(0, 2)) for rows in blocks(steps.segment_force)]
    touched = np.flatnonzero(np.any(pushed, axis=0))
    segments = touching_segments(body.model)
    nearest = np.clip(np.round(times / h).astype(int), 0, len(steps.ctrl) - 1)
    return Motion(
        time=times,
        fps=float(clip.fps),
        qpos=poses,
        qvel=resampled(times, state_times, qvel),
        ctrl=resampled(times, step_times, steps.ctrl),
        torques=resampled(times, step_times, steps.torque),
        keypoints=shape.keypoints,
        keypoint_names=tuple(names),
        input_keypoints=clip.keypoints[:frames, [clip.names.index(n) for n in names]],
        joint_names=tuple(body.model.joint(i).name for i in range(1, body.model.njnt)),
        contact_force=resampled(times, step_times, steps.foot_force),
        contact_names=tuple(f"{foot} foot" for foot in FEET),
        centre_of_pressure=steps.centre[nearest],
        contact_force_other=resampled(times, step_times, steps.other_force),
        free_moment=resampled(times, step_times, steps.free_moment),
        joint_moments=resampled(times, step_times, steps.joint_moment),
        segment_names=tuple(segments[b] for b in touched) or None,
        segment_contact_force=(
            np.stack(
                [resampled(times, step_times, steps.segment_force[:, b]) for b in touched], axis=1
            )
            if touched.size
            else None
        ),
        support_names=body.scene.names if body.scene else None,
        support_force=(resampled(times, step_times, steps.support_force) if body.scene else None),
        mjcf=body.xml,
        timestep=float(h),
        simulation_qpos=qpos,
        simulation_qvel=qvel,
        simulation_ctrl=steps.ctrl,
        simulation_contact_force=steps.foot_force,
        simulation_contact_force_other=steps.other_force,
        simulation_centre_of_pressure=steps.centre,
        simulation_free_moment=steps.free_moment,
        simulation_joint_moments=steps.joint_moment,
        measured_contact_force=plates.measured(clip_clock(clip, frames), clip.extras),
    ), shape
