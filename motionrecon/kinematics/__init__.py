"""Inverse kinematics: from keypoints to configurations of the body."""

from motionrecon.kinematics.build import build_body
from motionrecon.kinematics.fit import IkOptions
from motionrecon.kinematics.solve import IkResult, Standing, solve_ik, solve_standing
from motionrecon.kinematics.velocity import qvel_from

__all__ = [
    "IkOptions",
    "IkResult",
    "Standing",
    "build_body",
    "qvel_from",
    "solve_ik",
    "solve_standing",
]
