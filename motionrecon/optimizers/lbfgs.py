"""L-BFGS: the two-loop recursion over the last few secant pairs (Nocedal & Wright, 2006, algorithms
7.4 and 7.5).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from motionrecon.optimizers.base import Problem, start_state
from motionrecon.optimizers.quasi_newton import QuasiNewton, QuasiNewtonOptions, QuasiNewtonState

Pair: TypeAlias = tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]
"""A secant pair: step s and change of the gradient y."""


def two_loops(
    pairs: Sequence[Pair],
    g: Float[np.ndarray, " n"],
    first: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]],
) -> Float[np.ndarray, " n"]:
    """The inverse Hessian's estimate times g: `first` applies what is known without the pairs,
    which are given oldest first.
    """
    q, weights = g.copy(), []
    for s, y in reversed(pairs):
        weights.append((s @ q) / (s @ y))
        q -= weights[-1] * y
    q = first(q)
    for (s, y), weight in zip(pairs, reversed(weights), strict=True):
        q += (weight - (y @ q) / (s @ y)) * s
    return q


@dataclasses.dataclass
class LbfgsState(QuasiNewtonState):
    """`pairs`: the last secant pairs, oldest first."""

    pairs: list[Pair] = dataclasses.field(default_factory=list)


__all__ = ["Lbfgs", "LbfgsState", "QuasiNewtonOptions"]


class Lbfgs(QuasiNewton[LbfgsState]):
    """Memory and time n times the number of pairs. Options: QuasiNewtonOptions."""

    name = "lbfgs"

    def init(self, problem: Problem, x0: Float[np.ndarray, " n"]) -> LbfgsState:
        """The start, with no curvature known."""
        return start_state(problem, x0, LbfgsState)

    def _direction(self, state: LbfgsState) -> Float[np.ndarray, " n"]:
        scale = 1.0
        if state.pairs:
            s, y = state.pairs[-1]
            scale = (s @ y) / (y @ y)
        return -two_loops(state.pairs, state.grad, lambda q: scale * q)

    def _learn(
        self, state: LbfgsState, s: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]
    ) -> None:
        state.pairs.append((s, y))
        del state.pairs[: -self.options.memory]

    def _forget(self, state: LbfgsState) -> None:
        state.pairs.clear()

    def _fresh(self, state: LbfgsState) -> bool:
        return not state.pairs
