"""A robot's MJCF in the simulator's terms: its links, hinges and torque limits as they are, soles
of spheres, position servos.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import stature
from motionrecon.body.build import Body
from motionrecon.body.mjcf import (
    ModelOptions,
    add_capsule,
    add_ground,
    add_hinge,
    add_sphere,
    set_damping,
    set_option,
)
from motionrecon.body.proportions import Proportions
from motionrecon.engine import mujoco
from motionrecon.errors import RobotError
from motionrecon.robot.description import SPOTS, Robot, Spot, of_side
from motionrecon.robot.find import model_file
from motionrecon.robot.sole import Sole, sole_of

# 1/rad, of the servos' stiffness over the hinge's strength: as of our humanoid's legs (body.joints)
_STIFF = 1.25
# Of the strength a rad/s, at most: what files give as damping beyond is a servo's, not a bearing's.
_DAMPING = 0.01
_LEAST_ARMATURE = 1e-3  # kg m^2, for files that leave the rotors out
_UNLIMITED = np.pi  # rad
_SOLE_ROWS, _SOLE_RADIUS = 3, 0.008  # spheres along each edge of a sole; m
# m, of spheres that stop what else may touch the floor
_BUMPERS = {"knee": 0.05, "elbow": 0.04, "wrist": 0.035}
_BONE = (0.16, 0.022, 0.05)  # a drawn link's thickness over its length; least and most, m
_SHORTEST = 0.03  # m, of links that are drawn


@dataclass(frozen=True, eq=False)
class RobotBody:
    """A robot as the simulator has it.

    body: its model, keypoints at its joints' centres, at heels and toes. upright: rotation of the
    links pelvis, torso and both feet where all hinges are at zero. spots: (m) where its keypoints
    are there. soles: left, right. links: names of the same links; waist: m, where the torso turns
    against the pelvis there.
    """

    robot: Robot
    body: Body
    links: dict[str, str]
    upright: dict[str, Float[np.ndarray, "3 3"]]
    spots: dict[str, Float[np.ndarray, " 3"]]
    soles: tuple[Sole, Sole]
    waist: Float[np.ndarray, " 3"]


def build_robot(robot: Robot, options: ModelOptions = ModelOptions()) -> RobotBody:
    """Raises RobotError for a file that MuJoCo cannot read, a link that is missing, joints other
    than one free root and hinges, or a hinge without a torque limit.
    """
    path = model_file(robot)
    try:
        m = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as e:
        raise RobotError(f"{path}: MuJoCo cannot read it ({str(e).splitlines()[0][:200]})") from e
    _check(m, robot)
    zero = mujoco.MjData(m)
    mujoco.mj_kinematics(m, zero)
    links = {
        "pelvis": _link(m, robot, robot.pelvis),
        "torso": _link(m, robot, robot.torso),
        **{
            f"{s}_foot": _link(m, robot, of_side(robot.foot, side))
            for s, side in zip("lr", robot.sides, strict=True)
        },
    }
    upright = {part: zero.xmat[b].reshape(3, 3).copy() for part, b in links.items()}
    soles = _sole(m, zero, robot, links["l_foot"]), _sole(m, zero, robot, links["r_foot"])
    spots = _spots(m, robot)
    for side, sole in zip("lr", soles, strict=True):
        middle = 0.5 * (sole.low + sole.high)
        for end, x in (("heel", sole.low[0]), ("toe", sole.high[0])):
            at = upright[f"{side}_foot"].T @ np.array([x, middle[1], sole.low[2]])
            spots[f"{side}_{end}"] = (links[f"{side}_foot"], at)
    names = tuple(spots)
    spec = _spec(m, robot, options, spots, soles, links, upright)
    xml = spec.to_xml()
    model = mujoco.MjModel.from_xml_string(xml)
    bodies = np.array([model.body(m.body(spots[n][0]).name).id for n in names])
    offset = np.array([spots[n][1] for n in names])
    at = {n: zero.xpos[b] + zero.xmat[b].reshape(3, 3) @ local for n, (b, local) in spots.items()}
    proportions = _proportions(at, soles)
    mass = float(model.body_subtreemass[1])
    body = Body(
        model=model,
        xml=xml,
        keypoint_names=names,
        keypoint_body=bodies,
        keypoint_pos=offset,
        mass_kg=mass,
        findings=(f"robot {robot.name}: {mass:.1f} kg, {model.nu} hinges",),
        warnings=(),
        proportions=proportions,
        keypoint_spread=np.zeros(len(names)),
        scene=options.scene,
    )
    named = {part: m.body(b).name for part, b in links.items()}
    # of pelvis and torso, the joint of the one that hangs on the other
    lower = links["torso"] if links["torso"] > links["pelvis"] else links["pelvis"]
    waist = zero.xpos[lower].copy()
    return RobotBody(robot, body, named, upright, at, soles, waist)


def _check(m: mujoco.MjModel, robot: Robot) -> None:
    free, hinge = mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_HINGE
    if m.njnt < 2 or m.jnt_type[0] != free or m.jnt_bodyid[0] != 1:
        raise RobotError(f"{robot.name}: its first link needs a free joint, before all others")
    for j in range(1, m.njnt):
        if m.jnt_type[j] != hinge:
            raise RobotError(f"{robot.name}: joint '{m.joint(j).name}' is no hinge")
        if np.any(m.jnt_pos[j]):
            raise RobotError(f"{robot.name}: hinge '{m.joint(j).name}' is not at its link's origin")
    if m.neq or m.ntendon:
        raise RobotError(
            f"{robot.name}: closed loops and tendons are not covered; give an MJCF without"
        )


def _link(m: mujoco.MjModel, robot: Robot, name: str) -> int:
    body = mujoco.mj_name2id(m, mujoco.mjtObj.mjOBJ_BODY, name)
    if body < 1:
        has = ", ".join(m.body(b).name for b in range(1, m.nbody))
        raise RobotError(f"{robot.name}: its model has no link '{name}'; it has {has}")
    return int(body)


def _sole(m: mujoco.MjModel, zero: mujoco.MjData, robot: Robot, foot: int) -> Sole:
    sole = sole_of(m, zero, foot)
    if sole is None:
        raise RobotError(f"{robot.name}: '{m.body(foot).name}' has no geometry to stand on")
    return sole


def _spots(m: mujoco.MjModel, robot: Robot) -> dict[str, tuple[int, np.ndarray]]:
    """Keypoint -> (link's id, m in its frame)."""
    out = {}
    for part in SPOTS:
        spot: Spot = getattr(robot, part)
        for letter, side, mirror in zip("lr", robot.sides, (1, -1), strict=True):
            at = np.array([spot.at[0], mirror * spot.at[1], spot.at[2]])
            out[f"{letter}_{part}"] = (_link(m, robot, of_side(spot.link, side)), at)
    return out


def _strength(m: mujoco.MjModel, robot: Robot, j: int) -> float:
    """N m, the most that the motor of hinge j gives: the least that the file or description
    says.
    """
    name = m.joint(j).name
    given = dict(robot.strength).get(name)
    found = [] if given is None else [given]
    if m.jnt_actfrclimited[j]:
        found.append(float(np.abs(m.jnt_actfrcrange[j]).max()))
    for a in np.flatnonzero(m.actuator_trnid[:, 0] == j):
        gear = abs(float(m.actuator_gear[a, 0]))
        if m.actuator_forcelimited[a]:
            found.append(gear * float(np.abs(m.actuator_forcerange[a]).max()))
        motor = m.actuator_biastype[a] == mujoco.mjtBias.mjBIAS_NONE
        if motor and m.actuator_ctrllimited[a]:
            gain = abs(float(m.actuator_gainprm[a, 0]))
            found.append(gear * gain * float(np.abs(m.actuator_ctrlrange[a]).max()))
    found = [f for f in found if f > 0]
    if not found:
        raise RobotError(
            f"{robot.name}: no torque limit of hinge '{name}'; give it in the description: "
            f"strength: {{{name}: N m}}"
        )
    return min(found)


def _spec(
    m: mujoco.MjModel,
    robot: Robot,
    options: ModelOptions,
    spots: dict[str, tuple[int, np.ndarray]],
    soles: tuple[Sole, Sole],
    links: dict[str, int],
    upright: dict[str, np.ndarray],
) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.modelname = robot.name
    spec.compiler.degree = False
    spec.compiler.autolimits = False
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE
    set_option(spec, options)
    add_ground(spec, options)
    bodies: dict[int, mujoco.MjsBody] = {0: spec.worldbody}
    for b in range(1, m.nbody):
        if m.body_rootid[b] != 1:  # what stands about in the file's scene
            continue
        body = bodies[int(m.body_parentid[b])].add_body(
            name=m.body(b).name, pos=m.body_pos[b], quat=m.body_quat[b]
        )
        bodies[b] = body
        body.explicitinertial = True
        body.mass, body.ipos, body.iquat = m.body_mass[b], m.body_ipos[b], m.body_iquat[b]
        body.inertia = m.body_inertia[b]
        for j in range(m.body_jntadr[b], m.body_jntadr[b] + m.body_jntnum[b]):
            if j == 0:
                body.add_freejoint(name=m.joint(0).name or "root")
            else:
                _hinge(spec, body, m, robot, j, options)
        _draw(body, m, b)
    for name, (b, at) in spots.items():
        part = name[2:]
        if part in _BUMPERS:
            add_sphere(bodies[b], f"{name}_bumper", at, _BUMPERS[part], options)
    for side, sole in zip("lr", soles, strict=True):
        foot, turn = bodies[links[f"{side}_foot"]], upright[f"{side}_foot"].T
        for i, point in enumerate(sole.edges(_SOLE_ROWS, _SOLE_RADIUS)):
            add_sphere(foot, f"{side}_sole_{i}", turn @ point, _SOLE_RADIUS, options)
        for heel, toe in sole.sides(_SOLE_RADIUS):
            add_capsule(foot, turn @ heel, turn @ toe, _SOLE_RADIUS)
    set_damping(spec, options)
    return spec


def _hinge(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    m: mujoco.MjModel,
    robot: Robot,
    j: int,
    options: ModelOptions,
) -> None:
    dof, peak = m.jnt_dofadr[j], _strength(m, robot, j)
    limits = m.jnt_range[j].tolist() if m.jnt_limited[j] else [-_UNLIMITED, _UNLIMITED]
    add_hinge(
        spec,
        body,
        m.joint(j).name,
        m.jnt_axis[j],
        limits,
        max(float(m.dof_armature[dof]), _LEAST_ARMATURE),
        min(float(np.ravel(m.dof_damping[dof])[0]), _DAMPING * peak),
        _STIFF * peak,
        peak,
        options,
    )


def _draw(body: mujoco.MjsBody, m: mujoco.MjModel, b: int) -> None:
    """A capsule from a link's origin to each link that hangs on it; at a limb's end to beyond its
    centre of mass.
    """
    children = np.flatnonzero(m.body_parentid == b)
    ends = [m.body_pos[c] for c in children if c != b] or [1.6 * m.body_ipos[b]]
    share, least, most = _BONE
    for end in ends:
        length = float(np.linalg.norm(end))
        if length > _SHORTEST:
            add_capsule(body, np.zeros(3), end, float(np.clip(share * length, least, most)))


def _proportions(at: dict[str, np.ndarray], soles: tuple[Sole, Sole]) -> Proportions:
    """The lengths that the reports speak of; at: keypoints (m) where all hinges are at zero."""

    def pair(a: str, b: str) -> tuple[float, float]:
        left, right = (float(np.linalg.norm(at[f"{s}_{a}"] - at[f"{s}_{b}"])) for s in "lr")
        return left, right

    def width(part: str) -> float:
        return float(np.linalg.norm(at[f"l_{part}"] - at[f"r_{part}"]))

    names = tuple(at)
    height = stature(np.array([list(at.values())]), names)
    trunk = np.mean([at[f"{s}_shoulder"] - at[f"{s}_hip"] for s in "lr"], axis=0)[2]
    return Proportions(
        stature=height,
        thigh=pair("hip", "knee"),
        shank=pair("knee", "ankle"),
        upper_arm=pair("shoulder", "elbow"),
        forearm=pair("elbow", "wrist"),
        hip_width=width("hip"),
        shoulder_width=width("shoulder"),
        trunk=float(trunk),
        neck=0.0,
        head=0.0,
        hand=0.0,
        foot=float(soles[0].high[0] - soles[0].low[0]),
        ankle_height=float(at["l_ankle"][2] - at["l_heel"][2]),
    )
