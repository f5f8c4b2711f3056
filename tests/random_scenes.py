"""Boxes laid against the contact spheres of a body in the air: on faces, edges, corners, inside."""

import numpy as np
from synthetic_motion import NAMES, proportions

from motionrecon.body import assemble
from motionrecon.engine import mujoco
from motionrecon.physics.rollout import Simulator

REGIONS = ("face", "edge", "corner", "inside")
HALF_M = (0.06, 0.15)
DEPTH_M = (0.001, 0.006)


def turned(rng: np.random.Generator) -> np.ndarray:
    """A random rotation as a unit quaternion (4,)."""
    q = rng.normal(size=4)
    return q / np.linalg.norm(q)


def box_at(
    centre: np.ndarray, radius: float, region: str, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """size, pos and quat of a random box that a sphere (m) touches in a region, a few mm deep."""
    quat, axes = turned(rng), np.empty(9)
    mujoco.mju_quat2Mat(axes, quat)
    half = rng.uniform(*HALF_M, size=3)
    beyond = {"face": 1, "inside": 1, "edge": 2, "corner": 3}[region]
    which, sign = rng.permutation(3)[:beyond], rng.choice([-1.0, 1.0], size=3)
    local = rng.uniform(-0.4, 0.4, size=3) * half
    local[which] = (sign * half)[which]
    away = np.zeros(3)
    away[which] = sign[which] * rng.uniform(0.3, 1.0, size=beyond)
    away /= np.linalg.norm(away)
    depth = rng.uniform(*DEPTH_M)
    local += away * (-depth if region == "inside" else radius - depth)
    return {"size": half, "pos": centre - axes.reshape(3, 3) @ local, "quat": quat}


def scene_of(
    regions: list[tuple[str, str]], rng: np.random.Generator
) -> tuple[Simulator, np.ndarray]:
    """(simulator, qpos (nq,)): a body in a random pose 1 m up, and a box against each named sphere.

    regions: (geom's name, region) of each box; a sphere named twice touches two boxes.
    """
    body = assemble(proportions(), 70.0, NAMES)
    m = body.model
    q, (low, high) = m.qpos0.copy(), m.jnt_range[1:].T
    q[2] += 1.0
    q[3:7] = turned(rng)
    q[7:] = np.clip(rng.uniform(-0.3, 0.3, m.nq - 7), low + 0.01, high - 0.01)
    d = mujoco.MjData(m)
    d.qpos[:] = q
    mujoco.mj_kinematics(m, d)
    spec = mujoco.MjSpec.from_string(body.xml)
    floor = m.geom("floor")
    for name, region in regions:
        sphere = m.geom(name)
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            contype=1,
            conaffinity=0,
            friction=floor.friction,
            solref=floor.solref,
            solimp=floor.solimp,
            **box_at(d.geom_xpos[sphere.id], sphere.size[0], region, rng),
        )
    return Simulator(mujoco.MjModel.from_xml_string(spec.to_xml())), q
