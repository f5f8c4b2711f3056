"""The MuJoCo model of a body, within the choices that keep the simulator's derivatives exact (see
options).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from motionrecon.body import joints
from motionrecon.body.contacts import Sphere
from motionrecon.body.proportions import Proportions
from motionrecon.body.segments import Segment
from motionrecon.body.supports import PREFIX
from motionrecon.engine import mujoco
from motionrecon.scene import Scene


@dataclass(frozen=True)
class ModelOptions:
    """Contact and integration settings, the same for all spheres and all limits."""

    friction: float = 0.9  # sliding, 0 to 2
    # Time constant s (at least two time steps) and damping ratio; impedance, ramped so that
    # touchdown is smooth, and its width m. A person who stands sinks 1 to 2 mm, one who runs 5:
    # heel pads and soles give 2 to 10 mm under a step (Aerts & De Clercq, J. Sports Sci. 11, 1993;
    # Gefen et al., Foot Ankle Int. 22, 2001).
    contact_solref: tuple[float, float] = (0.015, 1.0)
    contact_solimp: tuple[float, float, float] = (0.1, 0.95, 0.004)
    limit_solref: tuple[float, float] = (0.02, 1.0)
    limit_solimp: tuple[float, float, float] = (0.01, 0.95, 0.05)  # width rad
    timestep: float = 1 / 240  # s
    scene: Scene = Scene()  # what else than the floor carries
    # of the position servos against the subtree's inertia in the zero pose
    damping_ratio: float = 0.7


def to_spec(
    segments: list[Segment],
    spheres: list[Sphere],
    p: Proportions,
    mass: float,
    options: ModelOptions,
) -> mujoco.MjSpec:
    """MjSpec of the humanoid; hinges in segment order, one position actuator a hinge in the same
    order.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "humanoid"
    spec.compiler.degree = False
    spec.compiler.autolimits = False
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE
    set_option(spec, options)
    add_ground(spec, options)
    strength = mass * p.stature / (joints.REFERENCE_MASS * joints.REFERENCE_STATURE)
    standing = float(np.mean(p.thigh) + np.mean(p.shank) + p.ankle_height)
    bodies: dict[str, mujoco.MjsBody] = {}
    at = {s.name: s.origin for s in segments}
    for s in segments:
        if s.parent is None:
            body = spec.worldbody.add_body(name=s.name, pos=[0, 0, standing])
            body.add_freejoint(name="root")
        else:
            body = bodies[s.parent].add_body(name=s.name, pos=s.origin - at[s.parent])
        bodies[s.name] = body
        body.explicitinertial = True
        body.mass, body.ipos = s.mass, s.com
        i = s.inertia
        body.fullinertia = [i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]]
        _hinges(spec, body, s.name, strength, options)
    _draw(bodies, segments, at, p)
    for q in spheres:
        add_sphere(bodies[q.segment], q.name, q.centre, q.radius, options)
    return spec


def set_damping(spec: mujoco.MjSpec, options: ModelOptions) -> None:
    """Sets kv from each hinge's inertia in the zero pose: 2 zeta sqrt(kp I), within 2 to 20 % of
    kp.
    """
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, full)
    inertia = np.diag(full)[6:]
    for actuator, i in zip(spec.actuators, inertia, strict=True):
        kp = float(actuator.gainprm[0])
        kv = np.clip(2 * options.damping_ratio * np.sqrt(kp * i), 0.02 * kp, 0.2 * kp)
        bias = np.zeros(10)
        bias[:3] = 0.0, -kp, -kv
        actuator.biasprm = bias


def set_option(spec: mujoco.MjSpec, options: ModelOptions) -> None:
    """Integrator, solver and friction cones that the derivatives cover."""
    o = spec.option
    o.timestep = options.timestep
    o.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    o.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    o.solver = mujoco.mjtSolver.mjSOL_NEWTON
    o.iterations, o.ls_iterations, o.tolerance, o.impratio = 50, 50, 1e-11, 1.0


def add_ground(spec: mujoco.MjSpec, options: ModelOptions) -> None:
    """The floor, and the scene's solids, which give way as it does."""
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 0.05],
        contype=1,
        conaffinity=0,
        **_touch(options),
        rgba=[0.7, 0.7, 0.7, 1],
    )
    for support in options.scene.supports:
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, support.axes.reshape(-1))
        spec.worldbody.add_geom(
            name=PREFIX + support.name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=support.half_size,
            pos=support.middle,
            quat=quat,
            contype=1,
            conaffinity=0,
            **_touch(options),
            rgba=[0.62, 0.55, 0.45, 1],
        )


def _touch(options: ModelOptions) -> dict[str, Any]:
    """What floor, supports and spheres have in common, so that all contacts are alike."""
    return {
        "condim": 3,
        "friction": [options.friction, 0.005, 0.0001],
        "solref": options.contact_solref,
        "solimp": _solimp(options.contact_solimp),
    }


def add_sphere(
    body: mujoco.MjsBody,
    name: str,
    centre: Float[np.ndarray, " 3"],
    radius: float,
    options: ModelOptions,
) -> None:
    """A sphere of a segment that touches floor and supports; m, segment's frame."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        pos=centre,
        contype=0,
        conaffinity=1,
        **_touch(options),
        rgba=[0.9, 0.5, 0.3, 1],
    )


def add_hinge(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    name: str,
    axis: Sequence[float],
    limits: Sequence[float],
    armature: float,
    damping: float,
    kp: float,
    peak: float,
    options: ModelOptions,
) -> None:
    """A hinge and its position servo. limits: rad; armature: kg m^2; damping: N m s/rad; kp: N
    m/rad; peak: N m.
    """
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=axis,
        limited=True,
        range=limits,
        armature=armature,
        damping=[damping, 0, 0],
        solref_limit=options.limit_solref,
        solimp_limit=_solimp(options.limit_solimp),
    )
    spec.add_actuator(
        name=name,
        target=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        gainprm=[kp] + [0.0] * 9,
        biasprm=[0.0, -kp] + [0.0] * 8,
        forcelimited=True,
        forcerange=[-peak, peak],
        ctrllimited=False,
    )


def _solimp(three: tuple[float, float, float]) -> list[float]:
    return [*three, 0.5, 2.0]


def _hinges(
    spec: mujoco.MjSpec, body: mujoco.MjsBody, segment: str, strength: float, options: ModelOptions
) -> None:
    side = segment[:2] if segment[:2] in ("l_", "r_") else ""
    hinges = joints.SIDED.get(segment[2:], ()) if side else joints.MIDLINE.get(segment, ())
    for h in hinges:
        add_hinge(
            spec,
            body,
            side + h.name,
            joints.mirrored(h.axis) if side == "r_" else h.axis,
            np.deg2rad(h.range).tolist(),
            joints.ARMATURE,
            joints.DAMPING * strength,
            h.kp * strength,
            h.strength * strength,
            options,
        )


def _draw(bodies: dict, segments: list[Segment], at: dict[str, np.ndarray], p: Proportions) -> None:
    """Capsules to look at; they touch nothing and weigh nothing."""
    thick = {
        "thigh": 0.038,
        "shank": 0.027,
        "upper_arm": 0.024,
        "forearm": 0.019,
        "clavicle": 0.022,
    }
    child = {
        "thigh": "shank",
        "shank": "foot",
        "upper_arm": "forearm",
        "forearm": "hand",
        "clavicle": "upper_arm",
    }
    for s in segments:
        kind = s.name[2:] if s.name[:2] in ("l_", "r_") else s.name
        if kind in child:
            end = at[s.name[:2] + child[kind]] - s.origin
            add_capsule(bodies[s.name], np.zeros(3), end, thick[kind] * p.stature)
    for side in ("l_", "r_"):
        ball = at[side + "toes"] - at[side + "foot"]
        add_capsule(
            bodies[side + "foot"],
            np.array([-0.2 * p.foot, 0, 0.55 * ball[2]]),
            0.85 * ball,
            0.016 * p.stature,
        )
        add_capsule(
            bodies[side + "toes"], np.zeros(3), np.array([0.2 * p.foot, 0, 0]), 0.010 * p.stature
        )
        add_capsule(
            bodies[side + "hand"], np.zeros(3), np.array([0, 0, -0.7 * p.hand]), 0.012 * p.stature
        )
    h = p.stature
    half_hip, half_shoulder = p.hip_width / 2, p.shoulder_width / 2 - 0.02 * h
    add_capsule(
        bodies["pelvis"],
        np.array([0, half_hip, 0.02 * h]),
        np.array([0, -half_hip, 0.02 * h]),
        0.05 * h,
    )
    add_capsule(
        bodies["lumbar"],
        np.array([0.01 * h, 0.03 * h, 0.03 * h]),
        np.array([0.01 * h, -0.03 * h, 0.03 * h]),
        0.06 * h,
    )
    top = p.trunk - at["thorax"][2]
    add_capsule(
        bodies["thorax"],
        np.array([0.012 * h, 0.7 * half_shoulder, 0.5 * top]),
        np.array([0.012 * h, -0.7 * half_shoulder, 0.5 * top]),
        0.058 * h,
    )
    add_capsule(
        bodies["head"],
        np.array([0.012 * h, 0, 0.2 * p.head]),
        np.array([0.012 * h, 0, 0.62 * p.head]),
        0.045 * h,
    )


def add_capsule(
    body: mujoco.MjsBody, a: Float[np.ndarray, " 3"], b: Float[np.ndarray, " 3"], radius: float
) -> None:
    """A capsule to look at, from a to b; m, segment's frame."""
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=np.concatenate([a, b]),
        size=[radius, 0, 0],
        contype=0,
        conaffinity=0,
        mass=0,
        group=2,
        rgba=[0.5, 0.6, 0.8, 1],
    )
