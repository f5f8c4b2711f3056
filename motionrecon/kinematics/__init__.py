"""Inverse kinematics: from keypoints to configurations of the body."""

from motionrecon.kinematics.build import build_body
from motionrecon.kinematics.solve import IkOptions, IkResult, solve_ik
from motionrecon.kinematics.velocity import qvel_from

__all__ = ["IkOptions", "IkResult", "build_body", "qvel_from", "solve_ik"]
