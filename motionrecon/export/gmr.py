"""The pickle of General Motion Retargeting (GMR) and the trainers that read it: root, joint angles,
body positions.
"""

import pickle
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.export.scene import Scene
from motionrecon.motion.motion import Motion


def write_gmr(motion: Motion, folder: Path) -> None:
    """Writes motion_gmr.pkl; m, rad, z up, the root's quaternion x, y, z, w.

    The format is a pickle, which can run code where it is loaded: ours holds a dict of plain
    arrays, strings and one number. local_body_pos is in the pelvis' own frame (GMR's forward
    kinematics with the root at the origin, unturned).
    """
    scene = Scene.of(motion)
    qpos = motion.qpos
    upright = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).inv().as_matrix()
    local = np.einsum("tij,tbj->tbi", upright, scene.position - scene.position[:, :1])
    content = {
        "fps": motion.fps,
        "root_pos": qpos[:, :3].copy(),
        "root_rot": qpos[:, [4, 5, 6, 3]],
        "dof_pos": qpos[:, 7:].copy(),
        "local_body_pos": local,
        "link_body_list": list(scene.names),
    }
    with (folder / "motion_gmr.pkl").open("wb") as file:
        pickle.dump(content, file)
