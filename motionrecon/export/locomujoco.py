"""LocoMuJoCo's Trajectory file (loco_mujoco.trajectory.Trajectory.load, version 1.0): npz of MuJoCo
arrays.
"""

from pathlib import Path

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.export.scene import model_of
from motionrecon.motion.motion import Motion


def write_locomujoco(motion: Motion, folder: Path) -> None:
    """Writes motion_locomujoco.npz: one trajectory, MuJoCo's frame and units, every array plain.

    The keys are the fields of TrajectoryInfo, TrajectoryModel and TrajectoryData, as
    `Trajectory.save` flattens them; sites, metadata and transitions are left out, which its loader
    takes as none.
    """
    model = model_of(motion)
    data = mujoco.MjData(model)
    moving = {
        "xpos": (model.nbody, 3),
        "xquat": (model.nbody, 4),
        "cvel": (model.nbody, 6),
        "subtree_com": (model.nbody, 3),
    }
    out = {k: np.empty((motion.frames, *shape)) for k, shape in moving.items()}
    for t, (q, v) in enumerate(zip(motion.qpos, motion.qvel, strict=True)):
        data.qpos[:], data.qvel[:] = q, v
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        for k in moving:
            out[k][t] = getattr(data, k)
    constant = (
        "body_rootid",
        "body_weldid",
        "body_mocapid",
        "body_pos",
        "body_quat",
        "body_ipos",
        "body_iquat",
    )
    np.savez_compressed(
        folder / "motion_locomujoco.npz",
        allow_pickle=False,
        qpos=motion.qpos,
        qvel=motion.qvel,
        split_points=np.array([0, motion.frames]),
        joint_names=np.array([model.joint(i).name for i in range(model.njnt)]),
        body_names=np.array([model.body(i).name for i in range(model.nbody)]),
        frequency=np.array(motion.fps),
        njnt=np.array(model.njnt),
        jnt_type=model.jnt_type,
        nbody=np.array(model.nbody),
        **{k: getattr(model, k) for k in constant},
        **out,
    )
