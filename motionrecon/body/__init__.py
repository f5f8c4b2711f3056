"""The subject's humanoid: proportions from the clip, inertias from anthropometry, a MuJoCo model."""

from .build import Body, assemble, build_body
from .mjcf import ModelOptions
from .proportions import Proportions

__all__ = ["Body", "ModelOptions", "Proportions", "assemble", "build_body"]
