"""Descents on cached control windows with exact meta-gradients: the whole descent is
differentiated, through the optimizer's own code by JAX and through the window's gradient by its
Hessian.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from motionrecon.errors import ModelError
from motionrecon.learned import algorithm
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.learned.train.estimator import Estimator, Rows
from motionrecon.learned.train.options import TrainOptions
from motionrecon.learned.train.tasks.starts import Kept
from motionrecon.objective.window import Window
from motionrecon.windows import candidates

# Of one piece's gradient, so that none speaks for the whole batch.
_NORM = 1.0
# rad, length of the move whose change of gradient is the Hessian's product with it.
_MOVE = 1e-4

# vector (D,) -> (the optimizer's meta-parameters, what each unknown is multiplied with (n,))
Parts = Callable[[Array], tuple[dict[str, Any], Array]]


class Point(NamedTuple):
    """Before an evaluation: the optimizer's state and z, the point over the scales; x (n,): the
    point; its loss and gradient.
    """

    state: Any
    z: Float[Array, " n"]
    x: Float[np.ndarray, " n"]
    loss: float
    gradient: Float[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True, eq=False)
class Meta:
    """An optimizer as a function of a vector: two compiled functions, one forth, one back."""

    config: algorithm.Config
    parts: Parts

    def __post_init__(self) -> None:
        object.__setattr__(self, "forth", jax.jit(self._forth))
        object.__setattr__(self, "back", jax.jit(self._back))
        object.__setattr__(self, "begin", jax.jit(self._begin))
        object.__setattr__(self, "began", jax.jit(self._began))

    forth: Callable[..., Any] = dataclasses.field(init=False)
    back: Callable[..., Any] = dataclasses.field(init=False)
    begin: Callable[..., Any] = dataclasses.field(init=False)
    began: Callable[..., Any] = dataclasses.field(init=False)

    def _begin(self, vector: Array, x: Array) -> tuple[Any, Array]:
        """(state, z) before the first evaluation."""
        return algorithm.init(self.config, x.shape[0]), x / self.parts(vector)[1]

    def _began(self, vector: Array, x: Array, by_z: Array) -> Array:
        """From the derivative of the first z that of the vector."""
        return jax.vjp(lambda v: self._begin(v, x)[1], vector)[1](by_z)[0]

    def _forth(
        self, vector: Array, state: Any, z: Array, loss: Array, gradient: Array
    ) -> tuple[Any, Array, Array]:
        """(state, z, x) of the next point."""
        theta, scale = self.parts(vector)
        step, state = algorithm.update(self.config, theta, state, z, loss, scale * gradient)
        return state, z + step, scale * (z + step)

    def _back(
        self, vector: Array, state: Any, z: Array, loss: Array, gradient: Array, out: Any
    ) -> Any:
        """From the derivatives of (state, z, x) those of (vector, state, z, loss, gradient); of a
        state its real numbers, as a list.
        """
        leaves, tree = jax.tree.flatten(state)

        def real(vector: Array, some: list[Array], *rest: Array) -> Any:
            left = iter(some)
            whole = [next(left) if _is_real(a) else a for a in leaves]
            state, z, x = self._forth(vector, jax.tree.unflatten(tree, whole), *rest)
            return [a for a in jax.tree.leaves(state) if _is_real(a)], z, x

        some = [a for a in leaves if _is_real(a)]
        return jax.vjp(real, vector, some, z, loss, gradient)[1](out)


def _is_real(a: Array) -> bool:
    return jnp.issubdtype(a.dtype, jnp.floating)


def descend(
    meta: Meta, vector: Array, window: Window, x0: Float[np.ndarray, " n"], count: int
) -> list[Point]:
    """`count` evaluations from x0; fewer where a loss is not finite."""
    state, z = meta.begin(vector, x0)
    x, points = x0, []
    for _ in range(count):
        loss, gradient = window.value_and_grad(x)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            break
        points.append(Point(state, z, x, float(loss), gradient))
        state, z, ahead = meta.forth(vector, state, z, np.float64(loss), gradient)
        x = np.asarray(ahead)
    return points


def score(losses: Sequence[float]) -> float:
    """Mean log10 of the lowest loss so far over the first."""
    return float(np.mean(np.log10(np.minimum.accumulate(losses) / losses[0])))


def differentiate(
    meta: Meta,
    vector: Array,
    window: Window,
    points: Sequence[Point],
    truncation: int,
    most: float = _NORM,
) -> Float[np.ndarray, " D"]:
    """The derivative of a descent's score, as if every point that is a multiple of `truncation` had
    been given; each piece between two of them counts with a norm of at most `most`.

    Descents are chaotic: through thirty evaluations the derivative of a window grows a
    millionfold, and says nothing of a change that is not infinitesimal.
    """
    losses = np.array([p.loss for p in points])
    # How often each point is the lowest so far.
    lowest = [int(np.argmin(losses[: k + 1])) for k in range(len(losses))]
    weights = np.bincount(lowest, minlength=len(losses)) / (len(losses) * np.log(10.0) * losses)
    total = np.zeros(len(vector))
    for first in range(0, len(points) - 1, truncation):
        last = min(first + truncation, len(points) - 1)
        piece = _piece(meta, vector, window, points[first : last + 1], weights[first : last + 1])
        norm = float(np.linalg.norm(piece))
        total += piece * min(1.0, most / (norm + 1e-12)) if np.isfinite(norm) else 0.0
    return total


def _piece(
    meta: Meta,
    vector: Array,
    window: Window,
    points: Sequence[Point],
    weights: Float[np.ndarray, " K"],
) -> Float[np.ndarray, " D"]:
    """The derivative of the weighted losses of all points but the first, which is given."""
    total = np.zeros(len(vector))
    p = points[-1]
    by_state = [jnp.zeros_like(a) for a in jax.tree.leaves(p.state) if _is_real(a)]
    by_z, by_x = jnp.zeros_like(p.z), weights[-1] * p.gradient
    for before, weight in zip(points[-2::-1], weights[-2::-1], strict=True):
        seen = before.state, before.z, np.float64(before.loss), before.gradient
        out = by_state, by_z, jnp.asarray(by_x)
        by_vector, by_state, by_z, by_loss, by_gradient = meta.back(vector, *seen, out)
        total += np.asarray(by_vector)
        if before is not points[0]:
            by_x = (weight + float(by_loss)) * before.gradient
            by_x += _turned(window, before, np.asarray(by_gradient))
    # The first x is given, but what stands for it is x over the scales.
    return total + np.asarray(meta.began(vector, points[0].x, by_z))


def _turned(window: Window, p: Point, v: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The Hessian's product with v, by the change of the gradient on a short move."""
    size = np.linalg.norm(v)
    if not 0 < size < np.inf:
        return np.zeros_like(v)
    _, moved = window.value_and_grad(p.x + _MOVE / size * v)
    change = (moved - p.gradient) * (size / _MOVE)
    return change if np.isfinite(change).all() else np.zeros_like(v)


class Descents:
    """Meta-training's Tasks: a batch of whole windows a step, each one descent of
    options.windows.episode evaluations. The state counts descents that gave no gradient.
    """

    def __init__(
        self,
        meta: Meta,
        options: TrainOptions,
        training: Sequence[Kept],
        validation: Sequence[Kept],
    ) -> None:
        self.meta, self.options = meta, options
        self.training, self.validation = training, validation
        for kept in (training, validation):
            if not any(_is_whole(k.group, solved) for k in kept for solved in k.group.windows):
                raise ModelError(
                    f"{options.windows.cache}: no window is as long as a reconstruction's; build "
                    "the cache from longer clips"
                )

    def start(self, estimator: Estimator) -> dict[str, np.ndarray]:
        """Nothing fell apart so far."""
        return {"fallen": np.array(0)}

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: dict, step: int
    ) -> tuple[Float[Rows, " D"], float, dict]:
        """The gradient is exact, so the estimator is not asked."""
        count, vector = round(self.options.windows.episode), jnp.asarray(theta)
        total, scores, fallen = np.zeros(len(vector)), [], int(state["fallen"])
        for i in range(self.options.particles):
            window, x0 = self._draw(step, i)
            points = descend(self.meta, vector, window, x0, count)
            if len(points) > 1:
                cut = round(self.options.windows.truncation)
                gradient = differentiate(self.meta, vector, window, points, cut)
                total += gradient / self.options.particles
                scores.append(score([p.loss for p in points]))
            else:
                fallen += 1
            window.forget()
        return total, float(np.mean(scores or [0.0])), {"fallen": np.array(fallen)}

    def _draw(self, step: int, i: int) -> tuple[Window, np.ndarray]:
        rng = np.random.default_rng([self.options.seed, 3, step, i])
        while True:
            group = self.training[int(rng.integers(len(self.training)))].group
            solved = group.windows[rng.integers(len(group.windows))]
            if _is_whole(group, solved):
                window = group.window(solved)
                return window, _usual(window, solved.begin)

    def validate(self, theta: Float[Rows, " D"]) -> dict[str, float]:
        """Mean score over whole windows of the validation groups."""
        count, vector = round(self.options.windows.episode), jnp.asarray(theta)
        tasks = [
            (kept.group, solved)
            for kept in self.validation
            for solved in kept.group.windows
            if _is_whole(kept.group, solved)
        ]
        scores = []
        for group, solved in tasks[:: -(-len(tasks) // self.options.windows.validation_tasks)]:
            window = group.window(solved)
            x0 = _usual(window, solved.begin)
            points = descend(self.meta, vector, window, x0, count)
            window.forget()
            scores.append(score([p.loss for p in points] or [1.0]))
        return {"validation": float(np.mean(scores))}


def whole(group: Group) -> Window:
    """A window of as many frames as a reconstruction of the group has."""
    reference = group.reference
    return reference.window(reference.beginning(0), reference.options.window_frames)


def _is_whole(group: Group, solved: Solved) -> bool:
    return solved.frames == group.reference.options.window_frames


def _usual(window: Window, begin: Any) -> Float[np.ndarray, " n"]:
    found = candidates(window, begin, None)
    return min(found.values(), key=lambda start: start[1])[0]
