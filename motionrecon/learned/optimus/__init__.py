"""Optimus: a Transformer that corrects a quasi-Newton step (Gaertner et al., CVPR 2023)."""

from motionrecon.learned.optimus.config import OptimusConfig
from motionrecon.learned.optimus.state import OptimusState, init
from motionrecon.learned.optimus.theta import init_theta, template
from motionrecon.learned.optimus.update import update

__all__ = ["OptimusConfig", "OptimusState", "init", "init_theta", "template", "update"]
