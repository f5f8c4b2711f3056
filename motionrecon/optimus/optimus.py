"""One step of Optimus, as a pure function: `init(n) -> state`, `update(theta, state, x, loss, grad) ->
(step, state)`.

The paper's form (family "paper"): x' = x - B (l1 d exp(l2 a)), B = I plus learned rank-one terms. The
secant family starts from BFGS with a trust radius and no line search: the same network then corrects the
gradient that B is applied to, the rank-one terms, the length, the radius, momentum and which uphill steps
are kept. With untrained weights it is exactly that safeguarded BFGS.

Nothing absolute enters: gradients are divided by their size, positions are relative to the start and
divided by the trust radius, losses enter as ratios of differences. Rescaling f changes nothing; rescaling x
changes only the first radius.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from motionrecon.errors import ModelError
from motionrecon.optimus import features, preconditioner
from motionrecon.optimus.network import Network

SCALARS = 14
STEP_SIZE, LOG_SIZE = 0.1, 0.3  # the l1, l2 that bring fresh network outputs to the size of a mild correction


@dataclasses.dataclass(frozen=True)
class OptimusConfig:
    """Architecture. family: "secant" or "paper". columns: None for the dense preconditioner, else m >= 1 of
    the factorised one.

    width, heads, layers: of the Transformer. linear_attention: time n in place of n^2. first_radius: length
    of the first step in units of x times sqrt(n), > 0: a tenth of a domain's half-width is a good guess.
    """

    family: str = "secant"
    columns: int | None = None
    width: int = 32
    heads: int = 2
    layers: int = 3
    linear_attention: bool = False
    first_radius: float = 0.1

    def __post_init__(self):
        if self.family not in ("secant", "paper"):
            raise ModelError(f"family is {self.family!r}: choose secant or paper")
        if (
            self.width < 1
            or self.heads < 1
            or self.width % self.heads
            or self.layers < 1
            or not self.first_radius > 0
        ):
            raise ModelError(f"width must be a multiple of heads, layers >= 1, first_radius > 0: got {self}")
        if self.columns is not None and self.columns < self.layers:
            raise ModelError(f"columns must be at least layers ({self.layers}): got {self.columns}")

    @property
    def network(self) -> Network:
        return Network(self.width, self.heads, self.layers, self.linear_attention)


class OptimusState(NamedTuple):
    """x, g (n,), f: the point stepped from; start (n,); s (n,): the last step tried; radius: trust radius
    in units of x.

    best, worst: lowest loss and the first; predicted: decrease that the gradient promised for s; tolerance:
    rise allowed, in units of `predicted`; k: iteration. b: the preconditioner; seen_pair: whether it holds
    curvature; acc: feature accumulators.
    """

    x: jax.Array
    g: jax.Array
    f: jax.Array
    start: jax.Array
    s: jax.Array
    radius: jax.Array
    best: jax.Array
    worst: jax.Array
    predicted: jax.Array
    tolerance: jax.Array
    k: jax.Array
    b: Any
    seen_pair: jax.Array
    acc: features.Accumulators


def _rms(v):
    return jnp.sqrt(jnp.mean(v**2) + 1e-300)


def _cos(a, b):
    return (a @ b) / (jnp.sqrt((a @ a) * (b @ b)) + 1e-300)


def init_theta(config: OptimusConfig, key: jax.Array) -> dict[str, Any]:
    """Untrained meta-parameters: the network's and the seven decays'."""
    count = features.PARAMETER_FEATURES + features.TIME_FEATURES + 4 + SCALARS
    return {
        "network": config.network.init(key, jnp.zeros((2, count), jnp.float32)),
        "decays": features.decay_parameters(),
    }


def init(config: OptimusConfig, n: int) -> OptimusState:
    """The state before the first evaluation of a problem with n unknowns."""
    v, z = jnp.zeros(n), jnp.zeros(())
    return OptimusState(
        x=v,
        g=v,
        f=z,
        start=v,
        s=v,
        radius=jnp.array(config.first_radius * n**0.5),
        best=z,
        worst=z,
        predicted=jnp.ones(()),
        tolerance=z,
        k=jnp.zeros((), jnp.int32),
        b=preconditioner.identity(n, config.columns),
        seen_pair=jnp.array(False),
        acc=features.zero_accumulators(n),
    )


def update(
    config: OptimusConfig,
    theta: dict[str, Any],
    old: OptimusState,
    x: jax.Array,
    loss: jax.Array,
    grad: jax.Array,
) -> tuple[jax.Array, OptimusState]:
    """Takes in loss and gradient (n,) at x (n,) and returns the step (n,) to the next point to evaluate,
    with the new state.

    A point that is not finite or rises too much is rejected: its curvature is used where it is finite, the
    radius shrinks, and the step leads on from the point before. An infinite or NaN loss or gradient never
    enters the state.
    """
    first = old.k == 0
    finite = jnp.isfinite(loss) & jnp.all(jnp.isfinite(grad))
    loss = jnp.where(finite, loss, old.f)
    grad = jnp.where(finite, grad, old.g)
    tried = jnp.sqrt(old.s @ old.s)
    drop = jnp.where(first, 0.0, old.f - loss)
    ratio = jnp.where(finite, jnp.clip(drop / (old.predicted + 1e-300), -10.0, 10.0), -10.0)
    y = jnp.where(first, 0.0, grad - old.g)
    accept = first | (finite & (drop >= -old.tolerance * old.predicted))
    f, x0, g = (jnp.where(accept, new, kept) for new, kept in ((loss, old.f), (x, old.x), (grad, old.g)))
    start = jnp.where(first, x, old.start)
    best, worst = (
        jnp.where(first, loss, jnp.minimum(old.best, f)),
        jnp.where(first, loss, jnp.maximum(old.worst, f)),
    )

    size = _rms(g)
    acc = features.accumulate(theta["decays"], old.acc, grad / _rms(grad))
    b, seen_pair = old.b, old.seen_pair
    sy = old.s @ y
    curved = finite & ~first & (sy > 1e-8 * jnp.sqrt((old.s @ old.s) * (y @ y))) & (sy > 0)
    if config.family == "secant":
        b = preconditioner.add_secant(b, old.s, y, curved, ~seen_pair)
        seen_pair = seen_pair | curved
    newton = preconditioner.apply(b, g)
    # Radius by the usual trust-region rule; the network multiplies it.
    shrunk = jnp.where(finite, 0.4, 0.1) * tried
    radius = jnp.where(
        first,
        old.radius,
        jnp.where(
            ratio < 0.05,
            jnp.minimum(shrunk, old.radius),
            jnp.where(ratio > 0.4, jnp.maximum(old.radius, 2.5 * tried), old.radius),
        ),
    )
    by = preconditioner.apply(b, y)
    scalars = jnp.stack(
        [
            jnp.tanh(ratio),
            accept * 1.0,
            curved * 1.0,
            _cos(g, newton),
            _cos(grad, old.s),
            _cos(y, old.s),
            jnp.tanh(0.3 * jnp.log((jnp.sqrt(newton @ newton) + 1e-300) / radius)),
            jnp.tanh(0.3 * jnp.log((tried + 1e-300) / radius)),
            jnp.tanh(0.3 * jnp.log(_rms(grad) / _rms(old.g + first))),
            *(_rms(acc.m[:, i]) for i in range(3)),
            (f - best) / (worst - best + 1e-300),
            jnp.tanh(0.1 * jnp.log((jnp.abs(drop) + 1e-300) / (worst - best + 1e-300))),
        ]
    )
    extra = jnp.stack([v / _rms(v) for v in (old.s, y, newton, by)], axis=1)
    own = features.parameter_features(acc, g / size, (x0 - start) / radius)
    shared = jnp.concatenate([features.time_features(old.k), scalars])
    inputs = jnp.concatenate([own, extra, jnp.broadcast_to(shared, (g.shape[0], shared.shape[0]))], axis=1)
    inputs = jnp.clip(jnp.nan_to_num(inputs), -30.0, 30.0)
    out = config.network.apply(theta["network"], inputs.astype(jnp.float32))
    out = jax.tree.map(lambda v: jnp.nan_to_num(v).astype(g.dtype), out)

    units = out.directions / (jnp.sqrt(jnp.sum(out.directions**2, axis=1, keepdims=True)) + 1e-30)
    length, widen, beta, forget, allow, *mix = (out.pooled[i] for i in range(8))
    forget = jnp.clip(0.2 * forget, 0.0, 0.5)
    if config.family == "paper":
        b = preconditioner.add_rank_one(b, units, out.weights, jnp.zeros(()))
        # The outputs start at zero; the gradient's direction stands in until the network has learned its own.
        d = (g / size + out.direction) * jnp.exp(
            LOG_SIZE * (10.0 * out.log_size + jnp.clip(10.0 * length, -30.0, 30.0))
        )
        step = -config.first_radius * preconditioner.apply(b, d)
        tolerance = jnp.array(jnp.inf)
    else:
        b = preconditioner.add_rank_one(b, units, out.weights, forget)
        momenta = acc.m @ jnp.stack(mix)
        d = g * jnp.exp(LOG_SIZE * jnp.clip(out.log_size, -5.0, 5.0)) + size * (
            momenta + STEP_SIZE * out.direction
        )
        step = -preconditioner.apply(b, d) + jnp.tanh(beta) * old.s
        radius = radius * jnp.exp(jnp.tanh(widen))
        norm = jnp.sqrt(step @ step) + 1e-300
        short = jnp.where(seen_pair, jnp.minimum(1.0, radius / norm), radius / norm)
        step = step * short * jnp.exp(jnp.tanh(length))
        tolerance = jnp.maximum(2.0 * allow, 0.0)
    step = jnp.where(jnp.all(jnp.isfinite(step)), step, -radius * g / (jnp.sqrt(g @ g) + 1e-300))
    if (
        config.family == "paper"
    ):  # no rejection by rise, but a step that was not finite is tried again shorter
        step = jnp.where(finite, step, 0.3 * old.s)
    state = OptimusState(
        x=x0,
        g=g,
        f=f,
        start=start,
        s=step,
        radius=radius,
        best=best,
        worst=worst,
        predicted=jnp.abs(g @ step) + 1e-300,
        tolerance=tolerance,
        k=old.k + 1,
        b=b,
        seen_pair=seen_pair,
        acc=acc,
    )
    return x0 + step - x, state
