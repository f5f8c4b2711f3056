"""Stage one of an Optimus step: is the evaluated point kept?"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from motionrecon.learned.optimus import exploration
from motionrecon.learned.optimus.safe import magnitude
from motionrecon.learned.optimus.state import OptimusState


class Verdict(NamedTuple):
    """first: nothing was evaluated before; begins: a descent begins here; finite: loss and gradient
    are; accept: the point is kept.

    loss, grad: as evaluated, the ones before where not finite. x, f, g: the point that is stepped
    from, with its loss and gradient. tried: length of the step that led here; drop: by how much it
    lowered the loss; ratio: that over what was promised, in [-10, 10].

    start: the run's first point; best: the lowest point and the hops; worst: highest loss stepped
    from.
    """

    first: Bool[Array, ""]
    begins: Bool[Array, ""]
    finite: Bool[Array, ""]
    accept: Bool[Array, ""]
    loss: Float[Array, ""]
    grad: Float[Array, " n"]
    x: Float[Array, " n"]
    f: Float[Array, ""]
    g: Float[Array, " n"]
    tried: Float[Array, ""]
    drop: Float[Array, ""]
    ratio: Float[Array, ""]
    start: Float[Array, " n"]
    best: exploration.Exploration
    worst: Float[Array, ""]


def accept(
    old: OptimusState, x: Float[Array, " n"], loss: Float[Array, ""], grad: Float[Array, " n"]
) -> Verdict:
    """Judges the point x with its loss and gradient.

    A point that is not finite or rises too much is not kept; an infinite or NaN loss or gradient
    goes no further than here.
    """
    first = old.k == 0
    finite = jnp.isfinite(loss) & jnp.all(jnp.isfinite(grad))
    begins = first | (old.best.hopped & finite)
    loss = jnp.where(finite, loss, old.f)
    grad = jnp.where(finite, grad, old.g)
    tried = magnitude(old.s)
    drop = jnp.where(begins, 0.0, old.f - loss)
    ratio = jnp.where(finite, jnp.clip(drop / (old.predicted + 1e-300), -10.0, 10.0), -10.0)
    kept = begins | (finite & (drop >= -old.tolerance * old.predicted))
    f, x0, g = (
        jnp.where(kept, new, before) for new, before in ((loss, old.f), (x, old.x), (grad, old.g))
    )
    return Verdict(
        first=first,
        begins=begins,
        finite=finite,
        accept=kept,
        loss=loss,
        grad=grad,
        x=x0,
        f=f,
        g=g,
        tried=tried,
        drop=drop,
        ratio=ratio,
        start=jnp.where(first, x, old.start),
        best=exploration.record(old.best, x0, f, begins, first),
        worst=jnp.where(first, loss, jnp.maximum(old.worst, f)),
    )
