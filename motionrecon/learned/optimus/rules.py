"""The meta-learned constants of the secant family: how far to step, when to trust, when and where
to hop.

Each is a known constant of optimization (a trust region's growth, a member of the Broyden class)
that meta-training may move: value = base * exp(GAIN * theta), or base + GAIN * theta for those that
may change sign. theta = 0 is the hand-built start; GAIN makes the perturbations of evolution
strategies (about 0.01) a change of about 10 %.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

GAIN = 10.0

Scalar = Float[Array, ""] | float


class Rules(NamedTuple):
    """first: first radius over that of the configuration. grow: least radius after a step that
    held, over its length; shrink: most after one that did not, shrink_hard: after a non-finite one.
    bad: ratio of actual to promised decrease below which a step did not hold.

    davidon: share of Davidon's update, 0 is BFGS. values: share of the function values' correction
    of y. overstep: lengthening of full steps per unit of ratio above a quadratic's 1/2. hop_low,
    hop_high: shortest and longest hop over the first radius. again: chance to repeat the last
    successful length. along: chance to hop along the last descent. hop_radius: radius after a hop,
    over its length. hope: multiple of the promised decrease that a descent is trusted to fall yet.
    survey: chance of a survey in place of a hop. survey_high, survey_low: heights of its first and
    last round, in first radii a coordinate. probes: pairs of probes a round over sqrt(n).
    """

    first: Scalar
    grow: Scalar
    shrink: Scalar
    shrink_hard: Scalar
    bad: Scalar
    davidon: Scalar
    values: Scalar
    overstep: Scalar
    hop_low: Scalar
    hop_high: Scalar
    again: Scalar
    along: Scalar
    hop_radius: Scalar
    hope: Scalar
    survey: Scalar
    survey_high: Scalar
    survey_low: Scalar
    probes: Scalar


BASE = Rules(
    first=1.0,
    grow=20.0,
    shrink=0.5,
    shrink_hard=0.1,
    bad=0.05,
    davidon=0.0,
    values=0.0,
    overstep=0.0,
    hop_low=0.3,
    hop_high=10.0,
    again=0.5,
    along=0.3,
    hop_radius=0.3,
    hope=3.0,
    survey=0.3,
    survey_high=4.0,
    survey_low=0.5,
    probes=1.0,
)
SIGNED = ("davidon", "values", "overstep")
# Within these the step stays safe whatever meta-training proposes.
LIMITS = {
    "first": (1e-2, 1e2),
    "grow": (1.0, 1000.0),
    "shrink": (0.05, 0.9),
    "shrink_hard": (0.01, 0.5),
    "bad": (0.0, 0.3),
    "davidon": (0.0, 1.0),
    "values": (-1.0, 1.0),
    "overstep": (-1.0, 2.0),
    "hop_low": (1e-3, 10.0),
    "hop_high": (1e-2, 100.0),
    "again": (0.0, 1.0),
    "along": (0.0, 1.0),
    "hop_radius": (1e-2, 10.0),
    "hope": (0.5, 100.0),
    "survey": (0.0, 1.0),
    "survey_high": (0.1, 20.0),
    "survey_low": (0.01, 5.0),
    "probes": (0.2, 5.0),
}


def parameters() -> dict[str, jax.Array]:
    """theta = 0 for every rule."""
    return {name: jnp.zeros(()) for name in Rules._fields}


def values(theta: dict[str, jax.Array]) -> Rules:
    """The rules that theta stands for, within LIMITS."""
    out = {}
    for name, base in BASE._asdict().items():
        raw = (
            base + 0.1 * GAIN * theta[name]
            if name in SIGNED
            else base * jnp.exp(GAIN * theta[name])
        )
        out[name] = jnp.clip(raw, *LIMITS[name])
    return Rules(**out)
