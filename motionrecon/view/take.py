"""A Take: one motion made ready to be looked at."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from motionrecon.anatomy.sides import side_of
from motionrecon.body.skin import Skin, skin_of
from motionrecon.body.supports import scene_of
from motionrecon.engine import mujoco
from motionrecon.errors import MotionError, ViewError
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Report, WindowReport
from motionrecon.physics.constants import scene_boxes
from motionrecon.physics.floor_forces import CENTRE_N, floor_contacts, foot_bodies


@dataclass(frozen=True, eq=False)
class Take:
    """Everything at the clip's T frames, world frame, z up, floor at z = 0; metres, newtons, newton
    metres, radians.
    """

    label: str
    motion: Motion
    points: Float[np.ndarray, "T P 3"]  # ends of capsules and centres of balls
    shapes: Int[np.ndarray, "G 2"]  # points that a capsule joins; a ball joins one to itself
    radii: Float[np.ndarray, "G"]
    sides: Int[np.ndarray, "G"]  # 0 middle, 1 left, 2 right
    # force of the floor on each other segment that touches it, and where; NaN while it does not
    elsewhere_force: Float[np.ndarray, "T S 3"]
    elsewhere_centre: Float[np.ndarray, "T S 3"]
    # of the body's segments: origins, rotations w x y z
    place: Float[np.ndarray, "T B 3"]
    turn: Float[np.ndarray, "T B 4"]
    late: int = 0  # frames by which it begins after the others of a page

    @property
    def time(self) -> Float[np.ndarray, "T"]:
        """s"""
        return self.motion.time

    @property
    def frame_s(self) -> float:
        """s, from frame to frame."""
        return 1 / self.motion.fps

    @cached_property
    def supports(self) -> Float[np.ndarray, "R 4 3"]:
        """Corners of the scene's rectangles."""
        found = scene_of(self.motion.model).supports
        return np.array([s.corners() for s in found]).reshape(-1, 4, 3)

    @cached_property
    def skin(self) -> Skin | None:
        """The body's mesh; None for a robot."""
        return skin_of(self.motion.model)

    @property
    def report(self) -> Report | None:
        """None for a motion whose report.json is lost."""
        return self.motion.report

    @property
    def windows(self) -> tuple[WindowReport, ...]:
        """What the report says of the windows."""
        return self.report.windows if self.report else ()

    @property
    def errors_mm(self) -> Float[np.ndarray, "T"]:
        """Mean distance of the keypoints to the clip's; NaN where the frame has none."""
        return self.motion.frame_distances_mm


def take(motion: Motion, label: str) -> Take:
    """Raises ViewError where the motion's model is not one of ours."""
    try:
        model = motion.model
    except MotionError as e:
        raise ViewError(f"{label}: {e}") from e
    if motion.qpos.shape[1] != model.nq:
        raise ViewError(
            f"{label}: qpos is {motion.qpos.shape}, its model wants ({motion.frames}, {model.nq})"
        )
    shapes, radii, sides = _shapes(model)
    points, place, turn = _poses(model, motion.qpos, shapes)
    return Take(label, motion, points, shapes, radii, sides, *_elsewhere(motion), place, turn)


def load(path: str | Path, label: str | None = None) -> Take:
    """The take of a saved motion, named by the optimizer in its report or else by its folder unless
    a label is given. Raises MotionError, ViewError.
    """
    path = Path(path)
    motion = Motion.load(path)
    optimizer = motion.report.options.get("optimizer") if motion.report else None
    folder = path if path.is_dir() else path.parent
    return take(motion, label or optimizer or folder.name)


def check_one_clip(takes: list[Take]) -> None:
    """Raises ViewError where the takes do not follow the same keypoints: side by side they would
    mean nothing.
    """
    first = takes[0].motion
    for other in takes[1:]:
        a = other.motion
        n = min(first.frames, a.frames)
        if (
            first.keypoint_names != a.keypoint_names
            or not np.allclose(first.time[:n], a.time[:n])
            or not np.allclose(
                first.input_keypoints[:n], a.input_keypoints[:n], atol=1e-3, equal_nan=True
            )
        ):
            raise ViewError(
                f"{takes[0].label} and {other.label} follow different clips; show them one at a "
                "time"
            )


def _shapes(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(G, 2) points, (G,) radii and sides: the capsules, then the balls, of a model, whose points
    come in that order; more.
    """
    capsules = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE)
    balls = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE)
    n = 2 * len(capsules)
    ends = np.concatenate(
        [np.arange(n).reshape(-1, 2), n + np.repeat(np.arange(len(balls)), 2).reshape(-1, 2)]
    )
    radii = np.concatenate([model.geom_size[capsules, 0], model.geom_size[balls, 0]])
    fill, thickness = _trunk(model, capsules)
    order = {"left": 1, "right": 2, "middle": 0}
    owners = [model.body(int(model.geom_bodyid[g])).name for g in (*capsules, *balls)]
    sides = np.array([order[side_of(name)] for name in owners] + [0] * len(fill), int)
    return np.concatenate([ends, fill]), np.concatenate([radii, thickness]), sides


def _trunk(model: mujoco.MjModel, capsules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """More capsules, between ends that are there already: what joins pelvis, lumbar, thorax and
    head to one trunk.

    The model's own shapes leave gaps there that look like a broken back.
    """
    of = {model.body(int(model.geom_bodyid[g])).name: k for k, g in enumerate(capsules)}
    fill, radii = [], []
    for low, high in (("pelvis", "lumbar"), ("lumbar", "thorax")):
        if low in of and high in of:
            a, b = of[low], of[high]
            fill += [(2 * a, 2 * b), (2 * a + 1, 2 * b + 1)]
            radii += [0.95 * min(model.geom_size[capsules[[a, b]], 0])] * 2
    if "thorax" in of and "head" in of:
        a, b = of["thorax"], of["head"]
        ends = (2 * b, 2 * b + 1)
        fill += [(2 * a + k, e) for k in (0, 1) for e in ends]
        radii += [0.4 * model.geom_size[capsules[a], 0]] * 4
    return np.array(fill, int).reshape(-1, 2), np.array(radii)


def _poses(
    model: mujoco.MjModel, qpos: np.ndarray, shapes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (T, P, 3) of the shapes, and the segments' origins (T, B, 3) and rotations (T, B,
    4).
    """
    data = mujoco.MjData(model)
    capsules = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE)
    balls = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE)
    out = np.empty((len(qpos), shapes.max() + 1, 3))
    place = np.empty((len(qpos), model.nbody - 1, 3))
    turn = np.empty((len(qpos), model.nbody - 1, 4))
    for t, (frame, q) in enumerate(zip(out, qpos, strict=True)):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        axis = data.geom_xmat[capsules].reshape(-1, 3, 3)[:, :, 2] * model.geom_size[capsules, 1:2]
        frame[: 2 * len(capsules) : 2] = data.geom_xpos[capsules] - axis
        frame[1 : 2 * len(capsules) : 2] = data.geom_xpos[capsules] + axis
        frame[2 * len(capsules) :] = data.geom_xpos[balls]
        place[t], turn[t] = data.xpos[1:], data.xquat[1:]
    return out, place, turn


def _elsewhere(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Forces on segments other than the feet (T, S, 3) and where (T, S, 3), from the nearest
    simulated state; without those from the frames' own.
    """
    model = motion.model
    qpos, qvel, ctrl = motion.simulation_qpos, motion.simulation_qvel, motion.simulation_ctrl
    if qpos is None or qvel is None or ctrl is None:
        qpos, qvel, ctrl, steps = motion.qpos, motion.qvel, motion.ctrl, np.arange(motion.frames)
    else:
        steps = motion.steps
    feet, data = foot_bodies(model), mujoco.MjData(model)
    seen: dict[int, np.ndarray] = {}
    for t, step in enumerate(steps):
        data.qpos[:], data.qvel[:], data.ctrl[:] = qpos[step], qvel[step], ctrl[step]
        mujoco.mj_forward(model, data)
        for body, force, place in floor_contacts(model, data):
            if body not in feet:
                sums = seen.setdefault(body, np.zeros((len(steps), 2, 3)))
                sums[t] += [force, force[2] * place]
    forces = np.zeros((len(steps), len(seen), 3))
    centre = np.full((len(steps), len(seen), 3), np.nan)
    for s, sums in enumerate(seen.values()):
        forces[:, s], up = sums[:, 0], sums[:, 0, 2]
        loaded = up > CENTRE_N
        centre[loaded, s] = sums[loaded, 1] / up[loaded, None]
    if not len(scene_boxes(model)):
        centre[..., 2] = np.where(np.isfinite(centre[..., 2]), 0.0, np.nan)
    return forces, centre
