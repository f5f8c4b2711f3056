"""Stage five of an Optimus step: leaving a basin where there is nothing more to gain."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from motionrecon.learned.optimus import exploration
from motionrecon.learned.optimus.accept import Verdict
from motionrecon.learned.optimus.curvature import Curvature
from motionrecon.learned.optimus.propose import Step
from motionrecon.learned.optimus.rules import Rules
from motionrecon.learned.optimus.state import OptimusState


class Departure(NamedTuple):
    """x, f: where the next step leads on from; step: to the next point; best: the hops."""

    x: Float[Array, " n"]
    f: Float[Array, ""]
    step: Float[Array, " n"]
    best: exploration.Exploration


def _done_here(
    rule: Rules, old: OptimusState, seen: Verdict, curve: Curvature, predicted: Float[Array, ""]
) -> Bool[Array, ""]:
    """The descent has converged, or cannot beat the best point any more, or its hop was not
    finite.
    """
    best, span = seen.best, seen.worst - seen.best.f
    left = rule.hope * jnp.maximum(predicted, 0.5 * jnp.abs(seen.g @ curve.newton))
    stuck = (predicted <= 1e-22 * span) | (
        (predicted <= 1e-15 * span) & ~seen.begins & (seen.drop <= 0)
    )
    hopeless = best.away & curve.seen_pair & (seen.f - left > best.f)
    return stuck | hopeless | (old.best.hopped & ~seen.finite)


def leave(
    rule: Rules,
    old: OptimusState,
    seen: Verdict,
    curve: Curvature,
    made: Step,
    unit: Float[Array, ""],
) -> Departure:
    """The step, or in its place a hop or a survey from the best point. unit: the first radius."""
    best = seen.best
    go = _done_here(rule, old, seen, curve, made.predicted)
    away, after = exploration.leave(best, rule, unit, old.k)
    return Departure(
        x=jnp.where(go, best.x, seen.x),
        f=jnp.where(go, best.f, seen.f),
        step=jnp.where(go, away - best.x, made.step),
        best=jax.tree.map(lambda a, c: jnp.where(go, a, c), after, best),
    )


def survey(
    old: OptimusState,
    x: Float[Array, " n"],
    loss: Float[Array, ""],
    grad: Float[Array, " n"],
    finite: Bool[Array, ""],
) -> tuple[Float[Array, " n"], OptimusState]:
    """(next point, state) where x was a probe of a survey: it touches nothing but the survey, the
    descent's state waits.
    """
    following, surveyed = exploration.look(old.best, x, loss, grad, finite, old.k)
    looking = old._replace(s=following - old.best.survey.centre, k=old.k + 1, best=surveyed)
    s = jnp.where(surveyed.hopped, old.s, looking.s)
    return following, looking._replace(s=s, x=following)
