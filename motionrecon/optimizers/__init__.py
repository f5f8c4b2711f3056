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
    "ALIASES",
    "LeastSquaresProblem",
    "Optimizer",
    "Problem",
    "Result",
    "State",
    "Status",
    "make",
    "minimize",
    "names",
    "resolve",
]

# name -> module, factory, options. Modules load on demand: the learned optimizers pull in flax,
# which a classical run never needs.
_REGISTRY: dict[str, tuple[str, str, str]] = {
    "sgd": ("motionrecon.optimizers.first_order", "sgd", "FirstOrderOptions"),
    "momentum": ("motionrecon.optimizers.first_order", "momentum", "FirstOrderOptions"),
    "adam": ("motionrecon.optimizers.first_order", "adam", "FirstOrderOptions"),
    "bfgs": ("motionrecon.optimizers.bfgs", "Bfgs", "QuasiNewtonOptions"),
    "lbfgs": ("motionrecon.optimizers.lbfgs", "Lbfgs", "QuasiNewtonOptions"),
    "optimus-classical": ("motionrecon.learned.optimizer", "shipped", "LearnedOptions"),
    "optimus-classical-factorised": ("motionrecon.learned.optimizer", "shipped", "LearnedOptions"),
    "optimus-classical-paper": ("motionrecon.learned.optimizer", "shipped", "LearnedOptions"),
    "adafactor-mlp-classical": ("motionrecon.learned.optimizer", "shipped", "LearnedOptions"),
    "steered-gauss-newton": (
        "motionrecon.learned.steered.gauss_newton",
        "shipped",
        "SteeredOptions",
    ),
    "optimus-motion-plain": ("motionrecon.learned.start.scaled", "shipped", "LearnedOptions"),
    "adafactor-mlp-motion": ("motionrecon.learned.optimizer", "shipped", "LearnedOptions"),
    "levenberg-marquardt": (
        "motionrecon.optimizers.levenberg_marquardt",
        "LevenbergMarquardt",
        "LevenbergMarquardtOptions",
    ),
}

# The policy-steered Gauss-Newton went by this name, and is the default under it, until the name
# goes to a Transformer trained on motion.
ALIASES = {"optimus-motion": "steered-gauss-newton"}


def names() -> tuple[str, ...]:
    """The names that `make` knows; ALIASES has further ones for some of them."""
    return tuple(_REGISTRY)


def resolve(name: str) -> str:
    """The name that an alias stands for; any other name as it is."""
    return ALIASES.get(name, name)


def registered(name: str) -> str:
    """`resolve`, for optimizers only. Raises OptimizerError for an unknown name."""
    found = resolve(name)
    if found not in _REGISTRY:
        raise OptimizerError(f"unknown optimizer {name!r}: choose one of {', '.join(names())}")
    return found


def options(name: str) -> frozenset[str]:
    """The options of an optimizer, by name. Raises OptimizerError for an unknown one."""
    module_name, _, options_name = _REGISTRY[registered(name)]
    kind = getattr(importlib.import_module(module_name), options_name)
    return frozenset(field.name for field in dataclasses.fields(kind))


def make(name: str, **options: Any) -> Optimizer:
    """The optimizer called `name`, or that an alias stands for, with fields of its options
    dataclass overridden.

    Raises OptimizerError for an unknown name, an unknown option or a value that is not a number
    where one is expected.
    """
    name = registered(name)
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
