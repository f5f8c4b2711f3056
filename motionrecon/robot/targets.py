"""Where a robot's parts should be for it to move as a person does: the person's motion, scaled."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.body.build import Body
from motionrecon.engine import mujoco
from motionrecon.physics.constants import contact_spheres
from motionrecon.robot.model import RobotBody

# The person's segment that turns a robot's link
_TURNED_BY = {"pelvis": "pelvis", "torso": "thorax", "l_foot": "l_foot", "r_foot": "r_foot"}


@dataclass(frozen=True, eq=False)
class Targets:
    """Of T frames; m, world frame. turn: of the links pelvis, torso, l_foot, r_foot; points: of the
    robot's keypoints by name, each limb as long as the robot's own; scale: the robot's legs over
    the person's.
    """

    turn: dict[str, Float[np.ndarray, "T 3 3"]]
    points: dict[str, Float[np.ndarray, "T 3"]]
    scale: float


def scaled(robot: RobotBody, person: Body, qpos: Float[np.ndarray, "T nq"]) -> Targets:
    """Targets of a person's configurations.

    Hips and feet are where the person's are, times the length of the legs: what stands still goes
    on standing still. A foot turns as the person's does, and its lowest point is as high, scaled,
    as that of the person's sole. From the hips up, and from shoulders and hips on, bones have the
    person's directions and the robot's lengths.
    """
    poses = _Poses.of(person, qpos)
    scale = leg_scale(robot, person)
    turn = {part: poses.turn[segment] @ robot.upright[part] for part, segment in _TURNED_BY.items()}
    zero = robot.spots
    middle = 0.5 * (zero["l_hip"] + zero["r_hip"])
    hips = scale * 0.5 * (poses.at["l_thigh"] + poses.at["r_thigh"])
    points: dict[str, np.ndarray] = {}
    for s, sole, low in zip("lr", robot.soles, poses.lowest.T, strict=True):
        points[f"{s}_hip"] = hips + poses.turn["pelvis"] @ (zero[f"{s}_hip"] - middle)
        turned = poses.turn[f"{s}_foot"]
        # Corners of the robot's sole about its ankle.
        ankle = zero[f"{s}_ankle"]
        foot = zero[f"{s}_heel"] - [sole.low[0], 0.5 * (sole.low[1] + sole.high[1]), sole.low[2]]
        corners = foot + sole.edges(2, 0.0) - ankle
        down = (turned @ corners.T)[:, 2].min(axis=1)
        place = scale * poses.at[f"{s}_foot"]
        place[:, 2] = scale * low - down
        points[f"{s}_ankle"] = place
        for end in ("heel", "toe"):
            points[f"{s}_{end}"] = place + turned @ (zero[f"{s}_{end}"] - ankle)
        points[f"{s}_knee"] = points[f"{s}_hip"] + _bone(
            zero, s, "hip", "knee", poses.at[f"{s}_shank"] - poses.at[f"{s}_thigh"]
        )
        waist = robot.waist
        points[f"{s}_shoulder"] = (
            hips
            + poses.turn["pelvis"] @ (waist - middle)
            + poses.turn["thorax"] @ (zero[f"{s}_shoulder"] - waist)
        )
        points[f"{s}_elbow"] = points[f"{s}_shoulder"] + _bone(
            zero, s, "shoulder", "elbow", poses.at[f"{s}_forearm"] - poses.at[f"{s}_upper_arm"]
        )
        points[f"{s}_wrist"] = points[f"{s}_elbow"] + _bone(
            zero, s, "elbow", "wrist", poses.at[f"{s}_hand"] - poses.at[f"{s}_forearm"]
        )
    return Targets(turn, {n: points[n] for n in robot.body.keypoint_names}, scale)


@dataclass(frozen=True, eq=False)
class _Poses:
    """A person's segments by name: origins (T, 3) m, rotations (T, 3, 3); lowest (T, 2): m, of each
    foot's sole, in the world.
    """

    at: dict[str, np.ndarray]
    turn: dict[str, np.ndarray]
    lowest: np.ndarray

    @classmethod
    def of(cls, body: Body, qpos: np.ndarray) -> "_Poses":
        model, data = body.model, mujoco.MjData(body.model)
        spheres = contact_spheres(model)
        owner = [model.body(int(model.geom_bodyid[g])).name for g in spheres]
        feet = [
            np.array([name in (f"{s}_foot", f"{s}_toes") for name in owner], bool) for s in "lr"
        ]
        radius = model.geom_size[spheres, 0]
        at, turn, lowest = [], [], []
        for q in qpos:
            data.qpos[:] = q
            mujoco.mj_kinematics(model, data)
            at.append(data.xpos.copy())
            turn.append(data.xmat.reshape(-1, 3, 3).copy())
            under = data.geom_xpos[spheres] - radius[:, None] * [0.0, 0.0, 1.0]
            # no lower than what the person stands on
            height = under[:, 2] - np.minimum(body.scene.above(under)[:, 2], 0.0)
            lowest.append([height[mine].min() for mine in feet])
        places, turns = np.array(at), np.array(turn)
        names = {model.body(b).name: b for b in range(1, model.nbody)}
        return cls(
            {n: places[:, b] for n, b in names.items()},
            {n: turns[:, b] for n, b in names.items()},
            np.array(lowest),
        )


def _bone(
    zero: dict[str, np.ndarray], side: str, a: str, b: str, along: np.ndarray
) -> Float[np.ndarray, "T 3"]:
    """The robot's bone from a to b, along the person's."""
    length = np.linalg.norm(zero[f"{side}_{b}"] - zero[f"{side}_{a}"])
    return length * along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)


def leg_scale(robot: RobotBody, person: Body) -> float:
    """The robot's legs over the person's."""
    return _leg(robot) / _leg_of(person)


def _leg(robot: RobotBody) -> float:
    """m, from the hips to the soles."""
    zero = robot.spots
    bones = [("hip", "knee"), ("knee", "ankle")]
    length = sum(
        float(np.linalg.norm(zero[f"{s}_{a}"] - zero[f"{s}_{b}"])) for a, b in bones for s in "lr"
    )
    return 0.5 * length + float(zero["l_ankle"][2] - zero["l_heel"][2])


def _leg_of(person: Body) -> float:
    p = person.proportions
    return float(np.mean(p.thigh) + np.mean(p.shank) + p.ankle_height)
