"""A robot in a person's place: what its windows follow."""

from dataclasses import dataclass, replace

import numpy as np

from motionrecon.body import ModelOptions
from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip
from motionrecon.kinematics import IkResult
from motionrecon.motion.scores import Shape
from motionrecon.robot.description import described
from motionrecon.robot.model import RobotBody, build_robot
from motionrecon.robot.retarget import retargeted
from motionrecon.robot.targets import scaled
from motionrecon.windows import Reference, Span


@dataclass(frozen=True, eq=False)
class Follower:
    """The robot, its targets as a clip at the control rate, its kinematics, and what its windows
    follow.
    """

    robot: RobotBody
    clip: Clip
    ik: IkResult
    reference: Reference


def following(name: str, clip: Clip, person: Body, reference: Reference) -> Follower:
    """`name`: as of Options.robot; reference: the person's, whose frames it keeps. Raises
    RobotError.
    """
    options = ModelOptions(timestep=person.model.opt.timestep)
    robot = build_robot(described(name), options)
    targets = scaled(robot, person, reference.qpos)
    if person.scene:
        supports = person.scene.scaled(targets.scale)
        robot = build_robot(robot.robot, replace(options, scene=supports))
    body = robot.body
    qpos = retargeted(robot, targets)
    points = np.stack([targets.points[n] for n in body.keypoint_names], axis=1)
    smooth = Shape.of(body, qpos).keypoints
    rate = 1 / (reference.substeps * float(person.model.opt.timestep))
    sure = np.ones(points.shape[:2])
    r = reference
    span = Span(r.first, r.last, r.seen, rate, r.substeps)
    own = Reference.of(body, qpos, points, sure, smooth, span, 0.0, r.options)
    inside = slice(reference.first, reference.seen + 1)
    off = np.linalg.norm(smooth - points, axis=-1)[inside]
    found = (
        *clip.findings,
        *body.findings,
        f"the person's motion times {targets.scale:.3f}, its legs over the person's",
    )
    told = f"inverse kinematics: {1e3 * off.mean():.1f} mm from the scaled keypoints on average"
    return Follower(
        robot,
        Clip(
            points[inside],
            body.keypoint_names,
            rate,
            sure[inside],
            source=clip.source,
            findings=found,
            warnings=clip.warnings,
        ),
        IkResult(qpos[reference.first : reference.last + 1], smooth[inside], (told,), ()),
        own,
    )
