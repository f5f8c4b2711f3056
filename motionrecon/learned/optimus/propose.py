"""Stage four of an Optimus step: the step itself, from the preconditioner and the network's word.

The paper's form (family "paper"): x' = x - B (l1 d exp(l2 a)), B = I plus learned rank-one terms.
The secant family starts from BFGS with a trust radius and no line search: the same network corrects
the gradient that B is applied to, the rank-one terms, the length, the radius, momentum and which
uphill steps are kept. With untrained weights it is exactly that safeguarded BFGS.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.learned.optimus import features, preconditioner
from motionrecon.learned.optimus.accept import Verdict
from motionrecon.learned.optimus.config import OptimusConfig
from motionrecon.learned.optimus.curvature import Curvature
from motionrecon.learned.optimus.network import POOLED_OUTPUTS, Proposal
from motionrecon.learned.optimus.rules import Rules
from motionrecon.learned.optimus.safe import magnitude
from motionrecon.learned.optimus.state import OptimusState

# The l1, l2 that bring fresh network outputs to the size of a mild correction.
STEP_SIZE, LOG_SIZE = 0.1, 0.3


class Step(NamedTuple):
    """step: from the point stepped from; bs: H^-1 step, zeros where unknown; b: the preconditioner
    with the rank-one terms; radius, units of x; tolerance: rise allowed, over what is promised;
    predicted: decrease promised by the gradient.
    """

    step: Float[Array, " n"]
    bs: Float[Array, " n"]
    b: preconditioner.Dense | preconditioner.Factorised
    radius: Float[Array, ""]
    tolerance: Float[Array, ""]
    predicted: Float[Array, ""]


def propose(
    config: OptimusConfig,
    rule: Rules,
    old: OptimusState,
    seen: Verdict,
    curve: Curvature,
    acc: features.Accumulators,
    out: Proposal,
) -> Step:
    """The step of either family."""
    if config.secant:
        return _secant(rule, seen, curve, acc, out)
    return _paper(config, old, seen, curve, out)


def _directions(out: Proposal) -> Float[Array, "L n"]:
    """The rank-one directions at unit length."""
    return out.directions / (jnp.sqrt(jnp.sum(out.directions**2, axis=1, keepdims=True)) + 1e-30)


def _downhill(radius: Float[Array, ""], g: Float[Array, " n"]) -> Float[Array, " n"]:
    """The fallback: down the gradient, as far as the radius."""
    return -radius * g / (magnitude(g) + 1e-300)


def _secant(
    rule: Rules, seen: Verdict, curve: Curvature, acc: features.Accumulators, out: Proposal
) -> Step:
    length, widen, forget, allow, *mix = (out.pooled[i] for i in range(POOLED_OUTPUTS))
    g = seen.g
    b = preconditioner.add_rank_one(
        curve.b, _directions(out), out.weights, jnp.clip(0.2 * forget, 0.0, 0.5)
    )
    momenta = acc.m @ jnp.stack(mix)
    d = g * jnp.exp(LOG_SIZE * jnp.clip(out.log_size, -5.0, 5.0)) + curve.size * (
        momenta + STEP_SIZE * out.direction
    )
    whole = preconditioner.apply(b, d)
    radius = curve.radius * jnp.exp(jnp.tanh(widen))
    norm = magnitude(whole) + 1e-300
    short = jnp.where(curve.seen_pair, jnp.minimum(1.0, radius / norm), radius / norm)
    longer = jnp.where(
        seen.begins | (short < 1.0), 0.0, rule.overstep * jnp.clip(seen.ratio - 0.5, -0.2, 0.5)
    )
    times = short * jnp.exp(jnp.tanh(length) + longer)
    step, bs = -times * whole, -times * d
    sound = jnp.all(jnp.isfinite(step)) & (g @ step < 0)
    step = jnp.where(sound, step, _downhill(radius, g))
    bs = jnp.where(sound, bs, 0.0)
    return Step(step, bs, b, radius, jnp.maximum(2.0 * allow, 0.0), jnp.abs(g @ step))


def _paper(
    config: OptimusConfig, old: OptimusState, seen: Verdict, curve: Curvature, out: Proposal
) -> Step:
    b = preconditioner.add_rank_one(curve.b, _directions(out), out.weights, jnp.zeros(()))
    length = out.pooled[0]
    # The outputs start at zero; the gradient's direction stands in until the network has learned
    # its own.
    d = (seen.g / curve.size + out.direction) * jnp.exp(
        LOG_SIZE * (10.0 * out.log_size + jnp.clip(10.0 * length, -30.0, 30.0))
    )
    step = -config.first_radius * preconditioner.apply(b, d)
    step = jnp.where(jnp.all(jnp.isfinite(step)), step, _downhill(curve.radius, seen.g))
    # No rejection by rise, but a step that was not finite is tried again shorter.
    step = jnp.where(seen.finite, step, 0.3 * old.s)
    predicted = jnp.abs(seen.g @ step)
    return Step(step, old.bs, b, curve.radius, jnp.array(jnp.inf), predicted)
