"""What the closed-form derivatives need to know of a MuJoCo model, read once and checked.

The record itself, ``Constants``, is declared beside the kernels that are compiled for it.
"""

import numpy as np
from jaxtyping import Float, Int

from motionrecon.engine import mujoco
from motionrecon.errors import BodyError
from motionrecon.physics.kernels import Constants

__all__ = ["Constants", "contact_spheres", "read_constants", "scene_boxes"]


def _reference(
    solref: Float[np.ndarray, " 2"], solimp: Float[np.ndarray, " 5"], h: float
) -> Float[np.ndarray, " 2"]:
    """K and b of aref = -b v - K imp r (MuJoCo manual, Computation, 'Reference'); standard solref
    only.
    """
    time_constant, damping_ratio = max(solref[0], 2 * h), solref[1]
    return np.array(
        [1 / (solimp[1] * time_constant * damping_ratio) ** 2, 2 / (solimp[1] * time_constant)]
    )


def _same(rows: Float[np.ndarray, "n width"], what: str) -> Float[np.ndarray, " width"]:
    if len(rows) and np.ptp(rows, axis=0).max() > 1e-12:
        raise BodyError(
            f"the derivatives need one {what} for the whole model; give every element the same"
        )
    return np.asarray(rows[0], float)


def contact_spheres(model: mujoco.MjModel) -> Int[np.ndarray, " nc"]:
    """Ids (nc,) of the spheres that touch the floor."""
    ids = [g for g in range(model.ngeom) if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_SPHERE]
    return np.array(
        [g for g in ids if model.geom_contype[g] or model.geom_conaffinity[g]], np.int64
    )


def scene_boxes(model: mujoco.MjModel) -> Int[np.ndarray, " n"]:
    """Ids (n,) of the boxes fixed in the world that spheres touch, in the model's order."""
    box = (model.geom_type == mujoco.mjtGeom.mjGEOM_BOX) & (model.geom_bodyid == 0)
    return np.flatnonzero(box & ((model.geom_contype != 0) | (model.geom_conaffinity != 0)))


def _as_floor(model: mujoco.MjModel, floor: int) -> bool:
    """Whether all boxes of the scene give way as the floor does."""
    boxes = scene_boxes(model)
    return all(
        np.array_equal(values[boxes], np.broadcast_to(values[floor], values[boxes].shape))
        for values in (
            model.geom_friction,
            model.geom_solref,
            model.geom_solimp,
            model.geom_solmix,
            model.geom_priority,
        )
    )


def _check(model: mujoco.MjModel) -> None:
    option, wrong = model.opt, []
    hinge = model.jnt_type[1:] == mujoco.mjtJoint.mjJNT_HINGE
    if model.njnt < 1 or model.jnt_type[0] != mujoco.mjtJoint.mjJNT_FREE or not hinge.all():
        wrong.append("one free root joint, then hinges only")
    elif model.jnt_bodyid[0] != 1:
        wrong.append("the free root on the world's first body")
    if option.disableflags or option.enableflags:
        wrong.append("no disable or enable flags")
    if option.integrator != mujoco.mjtIntegrator.mjINT_IMPLICITFAST:
        wrong.append("integrator implicitfast")
    if option.cone != mujoco.mjtCone.mjCONE_PYRAMIDAL or option.impratio != 1:
        wrong.append("pyramidal friction cones with impratio 1")
    if (
        option.solver != mujoco.mjtSolver.mjSOL_NEWTON
        or option.iterations < 20
        or option.tolerance > 1e-8
    ):
        wrong.append(
            "the Newton solver with at least 20 iterations and a tolerance of 1e-8 or less"
        )
    if model.neq or model.ntendon or model.npair or np.any(model.dof_frictionloss) or model.na:
        wrong.append(
            "no equality constraints, tendons, contact pairs, friction loss or actuator activations"
        )
    if option.density or option.viscosity or np.any(model.body_gravcomp):
        wrong.append("no medium and no gravity compensation")
    touching = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    planes = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
    known = np.isin(
        np.arange(model.ngeom), np.concatenate([contact_spheres(model), scene_boxes(model)])
    )
    if planes.sum() != 1 or np.any(touching & ~planes & ~known):
        wrong.append("contact of spheres with one plane and boxes fixed in the world only")
    elif np.any(model.geom_pos[planes]) or not np.allclose(model.geom_quat[planes], [1, 0, 0, 0]):
        wrong.append("the floor at z = 0")
    elif not _as_floor(model, int(np.flatnonzero(planes)[0])):
        wrong.append("boxes with the floor's friction, solref and solimp")
    if np.any(model.geom_margin[touching]) or np.any(model.geom_condim[touching] != 3):
        wrong.append("condim 3 and margin 0")
    if np.any(model.geom_solref[touching, 0] <= 0) or np.any(
        model.jnt_solref[model.jnt_limited.astype(bool), 0] <= 0
    ):
        wrong.append("solref as time constant and damping ratio")
    if np.any(model.actuator_ctrllimited) or np.any(model.jnt_actfrclimited):
        wrong.append("torque limits as force ranges of the actuators only")
    transmission = model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT
    joints = model.actuator_trnid[:, 0]
    if not transmission.all() or len(set(joints)) != model.nu or np.any(joints == 0):
        wrong.append("at most one position actuator a hinge")
    elif np.any(model.actuator_gear[:, 0] != 1):
        wrong.append("actuators of gear 1")
    if wrong:
        raise BodyError(
            "this MuJoCo model is outside what the derivatives cover; it needs " + "; ".join(wrong)
        )


def read_constants(model: mujoco.MjModel) -> Constants:
    """Read a model for the derivatives.

    Raises BodyError, naming every condition that the model breaks (see ``_check``).
    """
    _check(model)
    nv, h = model.nv, float(model.opt.timestep)
    parent = np.array(model.dof_parentid, np.int64)
    rows = []
    for k in range(nv):
        row, j = [], k
        while j >= 0:
            row.append(j)
            j = parent[j]
        rows.append(row[::-1])
    body_dof = np.full(model.nbody, -1, np.int64)
    for b in range(1, model.nbody):
        last = model.body_dofadr[b] + model.body_dofnum[b] - 1
        body_dof[b] = last if model.body_dofnum[b] else body_dof[model.body_parentid[b]]

    # Contact weights depend on the model alone; MuJoCo gives them for a body sunk below the floor.
    spheres = contact_spheres(model)
    sunk = mujoco.MjData(model)
    sunk.qpos[2] -= 10
    mujoco.mj_forward(model, sunk)
    plane = int(np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)[0])
    of_geom = {int(b): i for i, (a, b) in enumerate(sunk.contact.geom) if a == plane}
    if not len(spheres) or plane > spheres.min() or sorted(of_geom) != sorted(spheres.tolist()):
        raise BodyError(
            "every contact sphere must touch the floor, and the floor must come before them"
        )
    contacts = [of_geom[int(g)] for g in spheres]
    address = sunk.contact.efc_address[contacts]
    impedance = sunk.efc_KBIP[address, 2]
    frame = sunk.contact.frame[contacts[0]].reshape(3, 3)
    mu = _same(sunk.contact.friction[contacts], "friction")[0]
    normal, first, second = frame
    edges = np.stack(
        [normal + mu * first, normal - mu * first, normal + mu * second, normal - mu * second]
    )
    contact_impedance = _same(sunk.contact.solimp[contacts], "solimp of contacts")
    contact_reference = _reference(
        _same(sunk.contact.solref[contacts], "solref of contacts"), contact_impedance, h
    )

    joint = model.dof_jntid
    qpos_of_dof = np.where(np.arange(nv) < 6, -1, model.jnt_qposadr[joint])
    limited = model.jnt_limited[joint].astype(bool)
    hinges = np.arange(1, model.njnt)
    limit_impedance = _same(model.jnt_solimp[hinges], "solimp of joint limits")
    limit_reference = _reference(
        _same(model.jnt_solref[hinges], "solref of joint limits"), limit_impedance, h
    )
    actuator_dof = model.jnt_dofadr[model.actuator_trnid[:, 0]].astype(np.int64)
    kp, kv = np.zeros(nv), np.zeros(nv)
    kp[actuator_dof] = model.actuator_gainprm[:, 0]
    kv[actuator_dof] = -model.actuator_biasprm[:, 2]
    if not np.allclose(model.actuator_biasprm[:, 1], -model.actuator_gainprm[:, 0]):
        raise BodyError("actuators must be position servos (bias -kp q - kv qvel)")
    return Constants(
        h=h,
        dof_parent=parent,
        dof_body=np.array(model.dof_bodyid, np.int64),
        row_start=np.cumsum([0] + [len(r) for r in rows]).astype(np.int64),
        ancestors=np.concatenate(rows).astype(np.int64),
        body_parent=np.array(model.body_parentid, np.int64),
        body_dof=body_dof,
        qpos_of_dof=qpos_of_dof.astype(np.int64),
        armature=np.array(model.dof_armature),
        damping=np.array(model.dof_damping).reshape(nv),
        stiffness=np.where(
            np.arange(nv) < 6,
            0.0,
            np.asarray(model.jnt_stiffness).reshape(model.njnt, -1)[joint, 0],
        ),
        kp=kp,
        kv=kv,
        actuator_dof=actuator_dof,
        gravity=np.concatenate([np.zeros(3), -model.opt.gravity]),
        sphere_geom=spheres,
        sphere_body=model.geom_bodyid[spheres].astype(np.int64),
        sphere_radius=model.geom_size[spheres, 0].copy(),
        contact_inverse_weight=sunk.efc_D[address] * (1 - impedance) / impedance,
        contact_rows=edges,
        friction=float(mu),
        contact_impedance=contact_impedance,
        contact_reference=contact_reference,
        limited=limited,
        limit_low=np.where(limited, model.jnt_range[joint, 0], -np.inf),
        limit_high=np.where(limited, model.jnt_range[joint, 1], np.inf),
        limit_inverse_weight=1 / np.maximum(model.dof_invweight0, 1e-15),
        limit_impedance=limit_impedance,
        limit_reference=limit_reference,
    )
