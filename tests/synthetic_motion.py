"""A known body that moves in a known way, and the clip it makes."""

import numpy as np

from motionrecon.body import Proportions, assemble
from motionrecon.clip.load import Clip
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.rotation import turn
from motionrecon.motion import Motion

NAMES = (
    "pelvis",
    "spine",
    "neck",
    "head",
    "l_hip",
    "r_hip",
    "l_knee",
    "r_knee",
    "l_ankle",
    "r_ankle",
    "l_heel",
    "r_heel",
    "l_toe",
    "r_toe",
    "l_shoulder",
    "r_shoulder",
    "l_elbow",
    "r_elbow",
    "l_wrist",
    "r_wrist",
)


def proportions(stature: float = 1.75, thigh: tuple[float, float] = (0.245, 0.245)) -> Proportions:
    """Usual proportions of a stature (m); thigh as fractions of it."""
    h = stature
    return Proportions(
        stature=h,
        thigh=(thigh[0] * h, thigh[1] * h),
        shank=(0.246 * h,) * 2,
        upper_arm=(0.18 * h,) * 2,
        forearm=(0.15 * h,) * 2,
        hip_width=0.11 * h,
        shoulder_width=0.22 * h,
        trunk=0.29 * h,
        neck=0.03 * h,
        head=0.15 * h,
        hand=0.108 * h,
        foot=0.152 * h,
        ankle_height=0.039 * h,
    )


def motion(frames: int, fps: float, seed: int = 0, height: float = 1.2, spin: float = 1.5) -> tuple:
    """(body, qpos (T, nq)): every joint swings within a third of its usual range, the root flies
    and turns.
    """
    body = assemble(proportions(), 70.0, NAMES)
    problem = FrameProblem(body)
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / fps
    prior, limits = problem.prior, problem.tree.limits
    spread = np.zeros(problem.tree.nv)
    spread[6:] = 0.5 / np.sqrt(prior.precision[6:])
    # what no keypoint tells (hands, toes) is held where inverse kinematics will look for it
    unseen = np.array(
        [False] * 6 + [n.endswith(("wrist", "toes")) for n in problem.tree.joint_names]
    )
    spread[unseen] = 0.0
    rate, phase = rng.uniform(0.3, 0.9, problem.tree.nv), rng.uniform(0, 2 * np.pi, problem.tree.nv)
    angles = prior.neutral + spread * np.sin(2 * np.pi * rate * time[:, None] + phase)
    angles[:, 6:] = np.clip(angles[:, 6:], limits[6:, 0] + 0.02, limits[6:, 1] - 0.02)
    qpos = np.zeros((frames, body.model.nq))
    qpos[:, 7:] = angles[:, 6:]
    qpos[:, :3] = np.column_stack(
        [0.8 * time, 0.1 * np.sin(time), height + 0.05 * np.sin(3 * time)]
    )
    quat = np.array([1.0, 0, 0, 0])
    for t in range(frames):
        qpos[t, 3:7] = quat
        quat = turn(quat, spin / fps * np.array([0.3, np.sin(0.7 * time[t]), 0.8]))
    return body, qpos


def clip_of(body, qpos: np.ndarray, fps: float) -> Clip:
    """The clip that a camera without error would make of it."""
    keypoints = FrameProblem(body).points_of(qpos)
    return Clip(keypoints, body.keypoint_names, fps, np.ones(keypoints.shape[:2]))


def motion_of(body, qpos: np.ndarray, fps: float, **given) -> Motion:
    """The body's motion as a reconstruction would give it, at rest and without forces, one step a
    frame.
    """
    T, nu, nv = len(qpos), body.model.nu, body.model.nv
    keypoints = FrameProblem(body).points_of(qpos)
    fields = {
        "time": np.arange(T) / fps,
        "fps": fps,
        "qpos": qpos,
        "qvel": np.zeros((T, nv)),
        "ctrl": qpos[:, 7:],
        "torques": np.zeros((T, nu)),
        "keypoints": keypoints,
        "keypoint_names": body.keypoint_names,
        "input_keypoints": keypoints,
        "joint_names": tuple(body.model.joint(i).name for i in range(1, body.model.njnt)),
        "contact_force": np.zeros((T, 2, 3)),
        "contact_names": ("left foot", "right foot"),
        "centre_of_pressure": np.full((T, 2, 3), np.nan),
        "contact_force_other": np.zeros((T, 3)),
        "mjcf": body.xml,
        "timestep": 1 / fps,
        "simulation_qpos": qpos,
        "simulation_qvel": np.zeros((T, nv)),
        "simulation_ctrl": np.zeros((T - 1, nu)),
        "simulation_contact_force": np.zeros((T - 1, 2, 3)),
        "simulation_contact_force_other": np.zeros((T - 1, 3)),
    }
    return Motion(**{**fields, **given})
