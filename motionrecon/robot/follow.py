"""A robot in a person's place: what its windows follow."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from motionrecon.body import ModelOptions
from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip
from motionrecon.kinematics import IkResult
from motionrecon.motion.scores import Shape
from motionrecon.motion.unexplained import longest
from motionrecon.robot.description import described
from motionrecon.robot.model import RobotBody, build_robot
from motionrecon.robot.retarget import retargeted
from motionrecon.robot.targets import leg_scale, scaled
from motionrecon.windows import Reference, Span

# m, and s: what is so high for so long flies; soles that stand are up to 10 mm off in a walk's
# kinematics, a run's shortest flights last 0.1 s.
_OFF_M, _FLIGHT_S = 0.02, 0.08


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
    rate = 1 / (reference.substeps * float(person.model.opt.timestep))
    robot = build_robot(described(name), options)
    scale = leg_scale(robot, person)
    tempo = reference.options.tempo
    similar = tempo == "similar" or (tempo == "auto" and _flies(person, reference, rate))
    faster = 1 / np.sqrt(scale) if similar else 1.0
    span, poses = _played(reference, rate, faster)
    targets = scaled(robot, person, poses)
    if person.scene:
        robot = build_robot(robot.robot, replace(options, scene=person.scene.scaled(scale)))
    body = robot.body
    qpos = retargeted(robot, targets)
    points = np.stack([targets.points[n] for n in body.keypoint_names], axis=1)
    smooth = Shape.of(body, qpos).keypoints
    sure = np.ones(points.shape[:2])
    own = Reference.of(body, qpos, points, sure, smooth, span, 0.0, reference.options)
    inside = slice(span.first, span.seen + 1)
    off = np.linalg.norm(smooth - points, axis=-1)[inside]
    found = (
        *clip.findings,
        *body.findings,
        f"the person's motion times {scale:.3f}, its legs over the person's"
        + (f", played {faster:.3f} times as fast" if faster != 1 else ""),
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
        IkResult(qpos[span.first : span.last + 1], smooth[inside], (told,), ()),
        own,
    )


def _flies(person: Body, r: Reference, rate: float) -> bool:
    """Whether nothing of the person touches anything for a while: a jump, a run."""
    inside = slice(r.first, r.seen + 1)
    high = Shape.of(person, r.qpos[inside]).lowest > _OFF_M
    return longest(high) > _FLIGHT_S * rate


def _played(r: Reference, rate: float, faster: float) -> tuple[Span, Float[np.ndarray, "F+1 nq"]]:
    """The person's configurations as often, of a motion played so many times as fast.

    Dynamic similarity: bodies of legs L times as long move alike under one gravity where times go
    by the root of L; forces over weights are then the same (R. McN. Alexander, A. S. Jayes, J.
    Zoology 201, 1983). At the person's own tempo a smaller robot would have to fall more slowly
    than things fall.
    """
    if faster == 1:
        return Span(r.first, r.last, r.seen, rate, r.substeps), r.qpos
    first = int(r.first / faster)
    frames = first + int((r.frames - r.first) / faster)
    seen = first + int((r.seen - r.first) / faster)
    last = min(first + int(np.ceil((r.last - r.first) / faster)), frames)
    known = np.arange(len(r.qpos))
    at = np.clip(r.first + (np.arange(frames + 1) - first) * faster, 0, r.frames)
    poses = np.empty((frames + 1, r.qpos.shape[1]))
    turns = Rotation.from_quat(r.qpos[:, 3:7], scalar_first=True)
    poses[:, 3:7] = RotationSpline(known, turns)(at).as_quat(scalar_first=True)
    for part in (slice(0, 3), slice(7, None)):
        poses[:, part] = CubicSpline(known, r.qpos[:, part])(at)
    return Span(first, last, seen, rate, r.substeps), poses
