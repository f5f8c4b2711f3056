"""Inverse kinematics of a robot by mink: S. Caron, K. Zakka, github.com/kevinzakka/mink."""

from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.errors import RobotError
from motionrecon.robot.model import RobotBody
from motionrecon.robot.targets import Targets

# Costs of a metre of a point, and of a radian of a link: soles first, then hips, then what the arms
# do. Chosen by hand; knees and elbows only choose among what the others leave open.
_FOOT = (20.0, 4.0)
_TURN = {"pelvis": 2.0, "torso": 2.0}
_POINT = {"hip": 3.0, "knee": 0.5, "elbow": 0.7, "wrist": 1.0}
_POSTURE = 0.02  # of a radian from zero
_DAMPING = 1e-4
# rad, of the knees, which some robots can bend the other way: a leg nearly straight would flip.
_STRAIGHT = 0.05
_STEPS, _FIRST_STEPS = 6, 100  # a frame: in a walk at 30 Hz within 2 mm of sixty
_TIRED = 1e-4  # rad or m: a step so small is the last


def missing() -> str | None:
    """What to install for robots; None where nothing."""
    if find_spec("mink") is not None and find_spec("daqp") is not None:
        return None
    return "robots need the package mink: pip install 'motionrecon[robot]'"


def retargeted(robot: RobotBody, targets: Targets) -> Float[np.ndarray, "T nq"]:
    """The robot's configurations, within the ranges of its hinges. Raises RobotError where mink is
    not installed, or finds none.
    """
    if remedy := missing():
        raise RobotError(remedy)
    import mink

    model = _with_sites(robot)
    configuration = mink.Configuration(model)
    # of a turned link, at its own origin; positions are asked of the sites
    turns = {
        part: mink.FrameTask(name, "body", 0.0, _TURN.get(part, _FOOT[1]))
        for part, name in robot.links.items()
    }
    points = {
        name: mink.FrameTask(
            name, "site", _FOOT[0] if name[2:] == "ankle" else _POINT[name[2:]], 0.0
        )
        for name in targets.points
        if name[2:] == "ankle" or name[2:] in _POINT
    }
    posture = mink.PostureTask(model, cost=_POSTURE)
    tasks = [*turns.values(), *points.values(), posture]
    limits = [mink.ConfigurationLimit(model)]
    q = _first(model, targets, robot)
    posture.set_target(q)
    out = np.empty((len(next(iter(targets.points.values()))), model.nq))
    for t in range(len(out)):
        for part, task in turns.items():
            rotation = mink.SO3.from_matrix(targets.turn[part][t])
            task.set_target(mink.SE3.from_rotation(rotation))
        for name, task in points.items():
            task.set_target(mink.SE3.from_translation(targets.points[name][t]))
        configuration.update(q)
        for _ in range(_STEPS if t else _FIRST_STEPS):
            try:
                v = mink.solve_ik(
                    configuration, tasks, 1.0, solver="daqp", damping=_DAMPING, limits=limits
                )
            except mink.MinkError as e:
                raise RobotError(f"{robot.robot.name}: no configuration for frame {t} ({e})") from e
            configuration.integrate_inplace(v, 1.0)
            if np.abs(v).max() < _TIRED:
                break
        q = configuration.q.copy()
        q[7:] = np.clip(q[7:], model.jnt_range[1:, 0], model.jnt_range[1:, 1])
        out[t] = q
    return out


def _with_sites(robot: RobotBody) -> mujoco.MjModel:
    """The robot's model with a site at every keypoint."""
    body = robot.body
    spec = mujoco.MjSpec.from_string(body.xml)
    for name, b, at in zip(body.keypoint_names, body.keypoint_body, body.keypoint_pos, strict=True):
        spec.body(body.model.body(int(b)).name).add_site(name=name, pos=at)
    for joint in _knees(robot):
        low, high = spec.joint(joint).range
        spec.joint(joint).range = (max(low, _STRAIGHT), high) if high > -low else (low, -_STRAIGHT)
    return spec.compile()


def _knees(robot: RobotBody) -> tuple[str, ...]:
    """Names of the hinges of both knees' links."""
    body = robot.body
    links = [body.keypoint_body[body.keypoint_names.index(f"{s}_knee")] for s in "lr"]
    model = body.model
    return tuple(model.joint(j).name for b in links for j in np.flatnonzero(model.jnt_bodyid == b))


def _first(model: mujoco.MjModel, targets: Targets, robot: RobotBody) -> Float[np.ndarray, " nq"]:
    """Upright over the first hips, facing as the pelvis does, hinges at zero or the nearest that
    their ranges allow.
    """
    q = model.qpos0.copy()
    q[7:] = np.clip(0.0, model.jnt_range[1:, 0], model.jnt_range[1:, 1])
    hips = 0.5 * (targets.points["l_hip"][0] + targets.points["r_hip"][0])
    forward = targets.turn["pelvis"][0] @ robot.upright["pelvis"].T @ np.array([1.0, 0.0, 0.0])
    yaw = np.arctan2(forward[1], forward[0])
    middle = 0.5 * (robot.spots["l_hip"] + robot.spots["r_hip"])
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    q[:3] = hips - turn @ (middle - model.qpos0[:3])
    about = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
    mujoco.mju_mulQuat(q[3:7], about, model.qpos0[3:7].copy())
    return q
