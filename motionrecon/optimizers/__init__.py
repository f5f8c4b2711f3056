"""Optimizers by name, behind one interface: `minimize(problem, x0, make("lbfgs"),
max_evaluations=200)`.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import (
    LeastSquaresProblem,
    Optimizer,
    Problem,
    Result,
    State,
    Status,
    minimize,
)

__all__ = [
    "LeastSquaresProblem",
    "Optimizer",
    "Problem",
    "Result",
    "State",
    "Status",
    "make",
    "minimize",
    "names",
]

# name -> module, factory, options. Modules load on demand: the learned optimizers pull in flax,
# which a classical run never needs.
_REGISTRY: dict[str, tuple[str, str, str]] = {
    "sgd": ("motionrecon.optimizers.first_order", "sgd", "FirstOrderOptions"),
    "momentum": ("motionrecon.optimizers.first_order", "momentum", "FirstOrderOptions"),
    "adam": ("motionrecon.optimizers.first_order", "adam", "FirstOrderOptions"),
    "bfgs": ("motionrecon.optimizers.bfgs", "Bfgs", "QuasiNewtonOptions"),
    "lbfgs": ("motionrecon.optimizers.lbfgs", "Lbfgs", "QuasiNewtonOptions"),
    "optimus-classical": ("motionrecon.optimizers.learned", "shipped", "LearnedOptions"),
    "optimus-classical-factorised": ("motionrecon.optimizers.learned", "shipped", "LearnedOptions"),
    "adafactor-mlp-classical": ("motionrecon.optimizers.learned", "shipped", "LearnedOptions"),
    "optimus-motion": ("motionrecon.optimizers.optimus_motion", "shipped", "OptimusMotionOptions"),
    "optimus-motion-plain": ("motionrecon.optimizers.motion_plain", "shipped", "LearnedOptions"),
    "adafactor-mlp-motion": ("motionrecon.optimizers.learned", "shipped", "LearnedOptions"),
    "levenberg-marquardt": (
        "motionrecon.optimizers.levenberg_marquardt",
        "LevenbergMarquardt",
        "LevenbergMarquardtOptions",
    ),
}


def names() -> tuple[str, ...]:
    """The names that `make` knows."""
    return tuple(_REGISTRY)


def make(name: str, **options: Any) -> Optimizer:
    """The optimizer called `name`, with fields of its options dataclass overridden.

    Raises OptimizerError for an unknown name, an unknown option or a value that is not a number
    where one is expected.
    """
    if name not in _REGISTRY:
        raise OptimizerError(f"unknown optimizer {name!r}: choose one of {', '.join(names())}")
    module_name, factory, options_name = _REGISTRY[name]
    module = importlib.import_module(module_name)
    kind = getattr(module, options_name)
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise OptimizerError(
            f"optimizer {name} has no option {', '.join(unknown)}: "
            f"it has {', '.join(sorted(known))}"
        )
    build = getattr(module, factory)
    return build(name, kind(**options)) if factory == "shipped" else build(kind(**options))
