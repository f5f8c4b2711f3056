"""The learned part of steered-gauss-newton: a small network from the run's own history to what to
do next.

Plain numpy: a decision costs microseconds, and the same weights serve any number of unknowns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ModelError

FEATURES = 12
OUTPUTS = 7
GAIN = 5.0  # meta-parameters near 0.02 change an output by a tenth

Theta = Mapping[str, np.ndarray]


class Decision(NamedTuple):
    """damping_accept, damping_reject: factors on the damping after an accepted step, a rejected
    one. length: of the next step, over the damped model's minimum. stale: factor on the damping of
    steps with an old Jacobian. secant: share in [0, 1] of the newest pair's correction that is
    kept. renew: whether to take a new Jacobian after an accepted step; renew_rejected: after a
    rejected one.
    """

    damping_accept: float
    damping_reject: float
    length: float
    stale: float
    secant: float
    renew: bool
    renew_rejected: bool


_MOST_UNITS = 4096  # far beyond any that was trained (4)


@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """hidden: units of the network's one hidden layer, >= 1."""

    hidden: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.hidden <= _MOST_UNITS:
            raise ModelError(f"hidden is {self.hidden}: 1 to {_MOST_UNITS} units are needed")


def shapes(config: PolicyConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the meta-parameters, in the order of the vector that they make."""
    h = config.hidden
    return {
        "linear": (OUTPUTS, FEATURES),
        "bias": (OUTPUTS,),
        "start": (2,),
        "hidden": (h, FEATURES),
        "hidden_bias": (h,),
        "out": (OUTPUTS, h),
    }


def template(config: PolicyConfig) -> dict[str, np.ndarray]:
    """Arrays of the shapes that weights of this configuration have."""
    return {name: np.empty(shape) for name, shape in shapes(config).items()}


def init_theta(config: PolicyConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Untrained: the hand-built rules below, and a hidden layer that is not yet listened to."""
    theta = {name: np.zeros(shape) for name, shape in shapes(config).items()}
    rng = np.random.default_rng(seed)
    theta["hidden"] = 0.5 * rng.standard_normal(theta["hidden"].shape) / GAIN
    return theta


def unravel(config: PolicyConfig, vector: Float[np.ndarray, " D"]) -> dict[str, np.ndarray]:
    """The meta-parameters as arrays by name, from one vector; `ravel` is the way back."""
    theta, at = {}, 0
    for name, shape in shapes(config).items():
        size = int(np.prod(shape))
        theta[name] = vector[at : at + size].reshape(shape)
        at += size
    return theta


def ravel(theta: Theta) -> Float[np.ndarray, " D"]:
    """All meta-parameters as one vector, in the order of `shapes`."""
    return np.concatenate([theta[name].ravel() for name in shapes(PolicyConfig())])


def constants(config: PolicyConfig) -> np.ndarray:
    """Which of the vector's entries (D,) are the rules' constants and not the network's, bool."""
    parts = [
        np.full(int(np.prod(shape)), name in ("bias", "start"))
        for name, shape in shapes(config).items()
    ]
    return np.concatenate(parts)


def first_damping(theta: Theta, log_damping: float) -> float:
    """The first multiple of the curvature's diagonal."""
    return float(np.exp(log_damping + GAIN * theta["start"][0]))


def decide(theta: Theta, features: Float[np.ndarray, " 12"]) -> Decision:
    """What to do, from the features of motionrecon.learned.steered.features."""
    f = np.clip(np.nan_to_num(features), -3.0, 3.0)
    hidden = np.tanh(GAIN * (theta["hidden"] @ f + theta["hidden_bias"]))
    out = GAIN * (theta["linear"] @ f + theta["bias"] + theta["out"] @ hidden)
    ratio = f[0]
    # Hand-built start: the damping falls with the ratio of actual to promised decrease and is
    # raised fourfold after a rejection; a new Jacobian after every step.
    accept = np.clip(-2.0 * (ratio - 0.5) + out[0], -4.0, 4.0)
    reject = np.clip(np.log(4.0) + out[1], 0.1, 5.0)
    length = np.exp(np.clip(out[2], -1.5, 0.7))
    stale = np.exp(np.clip(np.log(10.0) + out[3], 0.0, 7.0))
    secant = 1.0 / (1.0 + np.exp(-np.clip(out[4], -20.0, 20.0)))
    return Decision(
        float(np.exp(accept)),
        float(np.exp(reject)),
        float(length),
        float(stale),
        float(secant),
        bool(0.3 + out[5] > 0.0),
        bool(0.3 + out[6] > 0.0),
    )
