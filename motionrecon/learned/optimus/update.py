"""One step of Optimus as a pure function, in five stages: accept, curvature, features, propose,
leave.

Nothing absolute enters: rescaling f changes nothing; rescaling x changes only the first radius.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from motionrecon.learned.optimus import features, rules
from motionrecon.learned.optimus.accept import accept
from motionrecon.learned.optimus.config import OptimusConfig
from motionrecon.learned.optimus.curvature import learn, root_mean_square
from motionrecon.learned.optimus.leave import Departure, leave, survey
from motionrecon.learned.optimus.network import Proposal
from motionrecon.learned.optimus.observe import observe
from motionrecon.learned.optimus.propose import propose
from motionrecon.learned.optimus.state import OptimusState


def update(
    config: OptimusConfig,
    theta: dict[str, Any],
    old: OptimusState,
    x: Float[Array, " n"],
    loss: Float[Array, ""],
    grad: Float[Array, " n"],
) -> tuple[Float[Array, " n"], OptimusState]:
    """Takes in loss and gradient at x and returns the step to the next point to evaluate, with the
    new state.

    A point that is not finite or rises too much is rejected: its curvature is used where it is
    finite, the radius shrinks, and the step leads on from the point before. An infinite or NaN loss
    or gradient never enters the state. With config.explore a descent that has converged, or cannot
    beat the best point any more, is left for a hop from the best point.
    """
    rule = rules.values(theta["rules"] if config.secant else rules.parameters())
    unit = rule.first * config.first_radius * x.shape[0] ** 0.5  # what radius and hops go by
    seen = accept(old, x, loss, grad)
    acc = features.accumulate(theta["decays"], old.acc, seen.grad / root_mean_square(seen.grad))
    curve = learn(config, rule, old, seen, unit)
    out = _ask(config, theta, observe(config, old, seen, curve, acc), seen.g.dtype)
    made = propose(config, rule, old, seen, curve, acc, out)
    going = (
        leave(rule, old, seen, curve, made, unit)
        if config.explores
        else Departure(seen.x, seen.f, made.step, seen.best)
    )
    state = OptimusState(
        x=going.x,
        g=seen.g,
        f=going.f,
        start=seen.start,
        s=going.step,
        bs=made.bs,
        radius=made.radius,
        worst=seen.worst,
        predicted=made.predicted + 1e-300,
        tolerance=made.tolerance,
        k=old.k + 1,
        b=made.b,
        seen_pair=curve.seen_pair,
        acc=acc,
        best=going.best,
    )
    following = going.x + going.step
    if config.explores:
        probing = old.best.survey.active
        probe, looking = survey(old, x, loss, grad, seen.finite)
        state = jax.tree.map(lambda a, c: jnp.where(probing, a, c), looking, state)
        following = jnp.where(probing, probe, following)
    return following - x, state


def _ask(
    config: OptimusConfig, theta: dict[str, Any], inputs: Float[Array, "n 57"], dtype: Any
) -> Proposal:
    """The network's word, finite and in the precision of the unknowns."""
    out = config.network.apply(theta["network"], inputs)
    return jax.tree.map(lambda v: jnp.nan_to_num(v).astype(dtype), out)
