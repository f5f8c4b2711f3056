"""The subject's humanoid: proportions from the clip, inertias from anthropometry, a MuJoCo
model.
"""

from motionrecon.body.build import Body, assemble, measured_body
from motionrecon.body.mjcf import ModelOptions
from motionrecon.body.proportions import Proportions

__all__ = ["Body", "ModelOptions", "Proportions", "assemble", "measured_body"]
