"""One step of Optimus, as a pure function: `init(n) -> state`, `update(theta, state, x, loss, grad)
-> (step, state)`.

The paper's form (family "paper"): x' = x - B (l1 d exp(l2 a)), B = I plus learned rank-one terms.
The secant family starts from BFGS with a trust radius and no line search: the same network then
corrects the gradient that B is applied to, the rank-one terms, the length, the radius, momentum and
which uphill steps are kept. With untrained weights it is exactly that safeguarded BFGS.

Nothing absolute enters: gradients are divided by their size, positions are relative to the start
and divided by the trust radius, losses enter as ratios of differences. Rescaling f changes nothing;
rescaling x changes only the first radius.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from motionrecon.errors import ModelError
from motionrecon.learned.optimus import exploration, features, preconditioner, rules
from motionrecon.learned.optimus.network import POOLED_OUTPUTS, Network

SCALARS = 14
STEP_SIZE, LOG_SIZE = (
    0.1,
    0.3,
)  # the l1, l2 that bring fresh network outputs to the size of a mild correction


@dataclasses.dataclass(frozen=True)
class OptimusConfig:
    """Architecture. family: "secant" or "paper". columns: None for the dense preconditioner, else m
    >= 1 of the factorised one.

    width, heads, layers: of the Transformer. linear_attention: time n in place of n^2.
    first_radius: length of the first step in units of x times sqrt(n), > 0: a tenth of a domain's
    half-width is a good guess. explore: hop on when a descent has converged (secant family).
    """

    family: str = "secant"
    columns: int | None = None
    width: int = 16
    heads: int = 2
    layers: int = 3
    linear_attention: bool = True
    first_radius: float = 0.1
    explore: bool = True

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
            raise ModelError(
                f"width must be a multiple of heads, layers >= 1, first_radius > 0: got {self}"
            )
        if self.columns is not None and self.columns < self.layers:
            raise ModelError(f"columns must be at least layers ({self.layers}): got {self.columns}")

    @property
    def network(self) -> Network:
        return Network(self.width, self.heads, self.layers, self.linear_attention)


class OptimusState(NamedTuple):
    """x, g (n,), f: the point stepped from; start (n,); s (n,): the last step tried, bs (n,): H^-1
    s, zeros where unknown; radius: trust radius in units of x.

    worst: the highest loss stepped from; predicted: decrease that the gradient promised for s;
    tolerance: rise allowed, in units of `predicted`; k: iteration. b: the preconditioner;
    seen_pair: whether it holds curvature; acc: feature accumulators. best: the lowest point, and
    the hops.
    """

    x: jax.Array
    g: jax.Array
    f: jax.Array
    start: jax.Array
    s: jax.Array
    bs: jax.Array
    radius: jax.Array
    worst: jax.Array
    predicted: jax.Array
    tolerance: jax.Array
    k: jax.Array
    b: Any
    seen_pair: jax.Array
    acc: features.Accumulators
    best: exploration.Exploration


def _rms(v):
    return jnp.sqrt(jnp.mean(v**2) + 1e-300)


def _cos(a, b):
    return (a @ b) / (jnp.sqrt((a @ a) * (b @ b)) + 1e-300)


def _cubic_minimiser(slope0, slope1, drop):
    """Where the cubic with these slopes at 0 and 1, and value(0) - value(1) = drop, has its minimum
    (N&W eq. 3.59), as a share of the step; infinite when it falls on for ever.
    """
    a = slope0 + slope1 + 3.0 * drop
    square = a * a - slope0 * slope1
    root = jnp.sqrt(jnp.maximum(square, 0.0))
    below = slope1 - slope0 + 2.0 * root
    return jnp.where(
        (square >= 0) & (below > 0), 1.0 - (slope1 + root - a) / (below + 1e-300), jnp.inf
    )


def init_theta(config: OptimusConfig, key: jax.Array) -> dict[str, Any]:
    """Untrained meta-parameters: the network's, the seven decays' and, in the secant family, the
    rules'.
    """
    count = features.PARAMETER_FEATURES + features.TIME_FEATURES + 4 + SCALARS
    theta = {
        "network": config.network.init(key, jnp.zeros((2, count), jnp.float32)),
        "decays": features.decay_parameters(),
    }
    return theta | ({"rules": rules.parameters()} if config.family == "secant" else {})


def init(config: OptimusConfig, n: int) -> OptimusState:
    """The state before the first evaluation of a problem with n unknowns."""
    v, z = jnp.zeros(n), jnp.zeros(())
    return OptimusState(
        x=v,
        g=v,
        f=z,
        start=v,
        s=v,
        bs=v,
        radius=jnp.array(config.first_radius * n**0.5),
        worst=z,
        predicted=jnp.ones(()),
        tolerance=z,
        k=jnp.zeros((), jnp.int32),
        b=preconditioner.identity(n, config.columns),
        seen_pair=jnp.array(False),
        acc=features.zero_accumulators(n),
        best=exploration.start(n),
    )


def update(
    config: OptimusConfig,
    theta: dict[str, Any],
    old: OptimusState,
    x: jax.Array,
    loss: jax.Array,
    grad: jax.Array,
) -> tuple[jax.Array, OptimusState]:
    """Takes in loss and gradient (n,) at x (n,) and returns the step (n,) to the next point to
    evaluate, with the new state.

    A point that is not finite or rises too much is rejected: its curvature is used where it is
    finite, the radius shrinks, and the step leads on from the point before. An infinite or NaN loss
    or gradient never enters the state. With config.explore a descent that has converged, or cannot
    beat the best point any more, is left for a hop from the best point.
    """
    secant = config.family == "secant"
    rule = rules.values(theta["rules"] if secant else rules.parameters())
    first = old.k == 0
    finite = jnp.isfinite(loss) & jnp.all(jnp.isfinite(grad))
    begins = first | (old.best.hopped & finite)
    evaluated, slope = loss, grad
    loss = jnp.where(finite, loss, old.f)
    grad = jnp.where(finite, grad, old.g)
    tried = jnp.sqrt(old.s @ old.s)
    drop = jnp.where(begins, 0.0, old.f - loss)
    ratio = jnp.where(finite, jnp.clip(drop / (old.predicted + 1e-300), -10.0, 10.0), -10.0)
    y = jnp.where(begins, 0.0, grad - old.g)
    accept = begins | (finite & (drop >= -old.tolerance * old.predicted))
    f, x0, g = (
        jnp.where(accept, new, kept) for new, kept in ((loss, old.f), (x, old.x), (grad, old.g))
    )
    start = jnp.where(first, x, old.start)
    best = exploration.record(old.best, x0, f, begins, first)
    worst = jnp.where(first, loss, jnp.maximum(old.worst, f))
    unit = (
        rule.first * config.first_radius * x.shape[0] ** 0.5
    )  # the length that the first radius and hops go by

    size = _rms(g)
    acc = features.accumulate(theta["decays"], old.acc, grad / _rms(grad))
    b, seen_pair = old.b, old.seen_pair
    if secant:
        # What the losses say beyond the gradients about curvature at the new point (Zhang & Xu
        # 2001).
        excess = 6.0 * drop + 3.0 * ((old.g + grad) @ old.s)
        y = y + jnp.where(begins, 0.0, rule.values * excess / (tried**2 + 1e-300)) * old.s
    sy = old.s @ y
    curved = finite & ~begins & (sy > 1e-8 * jnp.sqrt((old.s @ old.s) * (y @ y))) & (sy > 0)
    if secant:
        b = preconditioner.add_secant(b, old.s, y, curved, old.bs, rule.davidon)
        seen_pair = seen_pair | curved
    # The paper's form has no curvature scale, so it sees gradients divided by their size.
    newton = preconditioner.apply(b, g if secant else g / size)
    # Radius by the usual trust-region rule, but the cubic through both ends of the step says where
    # its minimum lies; the network multiplies it.
    where = _cubic_minimiser(old.g @ old.s, grad @ old.s, drop)
    shrunk = jnp.where(finite, jnp.clip(where, 0.1, rule.shrink), rule.shrink_hard) * tried
    radius = jnp.where(
        ratio < rule.bad,
        jnp.minimum(shrunk, old.radius),
        jnp.maximum(old.radius, rule.grow * tried),
    )
    radius = jnp.where(begins, jnp.where(first, unit, rule.hop_radius * tried), radius)
    by = preconditioner.apply(b, y)
    scalars = jnp.stack(
        [
            jnp.tanh(ratio),
            accept * 1.0,
            curved * 1.0,
            _cos(g, newton),
            _cos(grad, old.s),
            _cos(y, old.s),
            # Before the first pair the length of `newton` is the gradient's, and would tell the
            # scale of f.
            jnp.where(
                seen_pair | (not secant),
                jnp.tanh(0.3 * jnp.log((jnp.sqrt(newton @ newton) + 1e-300) / radius)),
                0.0,
            ),
            jnp.tanh(0.3 * jnp.log((tried + 1e-300) / radius)),
            jnp.where(first, 0.0, jnp.tanh(0.3 * jnp.log(_rms(grad) / _rms(old.g + first)))),
            *(_rms(acc.m[:, i]) for i in range(3)),
            (f - best.f) / (worst - best.f + 1e-300),
            jnp.tanh(0.1 * jnp.log((jnp.abs(drop) + 1e-300) / (worst - best.f + 1e-300))),
        ]
    )
    extra = jnp.stack([v / _rms(v) for v in (old.s, y, newton, by)], axis=1)
    own = features.parameter_features(acc, g / size, (x0 - start) / radius)
    shared = jnp.concatenate([features.time_features(old.k), scalars])
    inputs = jnp.concatenate(
        [own, extra, jnp.broadcast_to(shared, (g.shape[0], shared.shape[0]))], axis=1
    )
    inputs = jnp.clip(jnp.nan_to_num(inputs), -30.0, 30.0)
    out = config.network.apply(theta["network"], inputs.astype(jnp.float32))
    out = jax.tree.map(lambda v: jnp.nan_to_num(v).astype(g.dtype), out)

    units = out.directions / (jnp.sqrt(jnp.sum(out.directions**2, axis=1, keepdims=True)) + 1e-30)
    length, widen, forget, allow, *mix = (out.pooled[i] for i in range(POOLED_OUTPUTS))
    if secant:
        b = preconditioner.add_rank_one(b, units, out.weights, jnp.clip(0.2 * forget, 0.0, 0.5))
        momenta = acc.m @ jnp.stack(mix)
        d = g * jnp.exp(LOG_SIZE * jnp.clip(out.log_size, -5.0, 5.0)) + size * (
            momenta + STEP_SIZE * out.direction
        )
        whole = preconditioner.apply(b, d)
        radius = radius * jnp.exp(jnp.tanh(widen))
        norm = jnp.sqrt(whole @ whole) + 1e-300
        short = jnp.where(seen_pair, jnp.minimum(1.0, radius / norm), radius / norm)
        longer = jnp.where(
            begins | (short < 1.0), 0.0, rule.overstep * jnp.clip(ratio - 0.5, -0.2, 0.5)
        )
        times = short * jnp.exp(jnp.tanh(length) + longer)
        step, bs = -times * whole, -times * d
        sound = jnp.all(jnp.isfinite(step)) & (g @ step < 0)
        step = jnp.where(sound, step, -radius * g / (jnp.sqrt(g @ g) + 1e-300))
        bs = jnp.where(sound, bs, 0.0)
        tolerance = jnp.maximum(2.0 * allow, 0.0)
    else:
        b = preconditioner.add_rank_one(b, units, out.weights, jnp.zeros(()))
        # The outputs start at zero; the gradient's direction stands in until the network has
        # learned its own.
        d = (g / size + out.direction) * jnp.exp(
            LOG_SIZE * (10.0 * out.log_size + jnp.clip(10.0 * length, -30.0, 30.0))
        )
        step, bs = -config.first_radius * preconditioner.apply(b, d), old.bs
        step = jnp.where(
            jnp.all(jnp.isfinite(step)), step, -radius * g / (jnp.sqrt(g @ g) + 1e-300)
        )
        # No rejection by rise, but a step that was not finite is tried again shorter.
        step = jnp.where(finite, step, 0.3 * old.s)
        tolerance = jnp.array(jnp.inf)
    predicted = jnp.abs(g @ step)
    if config.explore and secant:
        span = worst - best.f
        left = rule.hope * jnp.maximum(predicted, 0.5 * jnp.abs(g @ newton))
        stuck = (predicted <= 1e-22 * span) | ((predicted <= 1e-15 * span) & ~begins & (drop <= 0))
        leave = stuck | (best.away & seen_pair & (f - left > best.f)) | (old.best.hopped & ~finite)
        away, after = exploration.leave(best, rule, unit, old.k)
        x0, f = jnp.where(leave, best.x, x0), jnp.where(leave, best.f, f)
        step = jnp.where(leave, away - best.x, step)
        best = jax.tree.map(lambda a, c: jnp.where(leave, a, c), after, best)
    state = OptimusState(
        x=x0,
        g=g,
        f=f,
        start=start,
        s=step,
        bs=bs,
        radius=radius,
        worst=worst,
        predicted=predicted + 1e-300,
        tolerance=tolerance,
        k=old.k + 1,
        b=b,
        seen_pair=seen_pair,
        acc=acc,
        best=best,
    )
    if not (config.explore and secant):
        return x0 + step - x, state
    # A probe of a survey touches nothing but the survey: the descent's state waits.
    probing = old.best.survey.active
    following, surveyed = exploration.look(old.best, x, evaluated, slope, finite, old.k)
    looking = old._replace(s=following - old.best.survey.centre, k=old.k + 1, best=surveyed)
    looking = looking._replace(s=jnp.where(surveyed.hopped, old.s, looking.s), x=following)
    state = jax.tree.map(lambda a, c: jnp.where(probing, a, c), looking, state)
    return jnp.where(probing, following, x0 + step) - x, state
