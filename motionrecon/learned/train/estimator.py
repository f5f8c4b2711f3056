"""What every estimator of meta-gradients shares: antithetic pairs that go on from truncation to
truncation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Array, Bool, Float

Rows = Array | np.ndarray  # JAX's or numpy's


class Unrolled(NamedTuple):
    """What one truncation of P pairs gave.

    before, after: meta-loss of the + sign less that of the - sign, summed over the truncation and
    divided by its length, of the episode that was under way and of one begun after its end. ended:
    whether it ended; begun: whether another one began, within the truncation. loss: mean meta-loss
    of both signs. episodes: where they stand now.
    """

    before: Float[Rows, " P"]
    after: Float[Rows, " P"]
    ended: Bool[Rows, " P"]
    begun: Bool[Rows, " P"]
    loss: Float[Rows, " P"]
    episodes: Any


class Estimate(NamedTuple):
    """The meta-gradient, the mean meta-loss, and what goes on: the estimator's memory and the
    episodes.
    """

    gradient: Float[Rows, " D"]
    loss: Float[Rows, ""]
    memory: Any
    episodes: Any


# (+ meta-parameters (P, D), - meta-parameters (P, D)) -> what a truncation with them gives
Unroll = Callable[[Rows, Rows], Unrolled]


class Estimator(Protocol):
    """A rule from pairs of truncated unrolls to a gradient; its functions are pure, for arrays of
    numpy or traced by JAX.
    """

    def init(self, pairs: int, size: int) -> Any:
        """The memory before the first truncation of so many pairs, of `size` meta-parameters."""

    def estimate(
        self,
        theta: Float[Rows, " D"],
        memory: Any,
        epsilon: Float[Rows, "P D"],
        sigma: Float[Rows, " D"],
        unroll: Unroll,
    ) -> Estimate:
        """One truncation of every pair at theta +- epsilon, epsilon ~ N(0, sigma^2). Where sigma is
        zero nothing is perturbed and the estimate is zero.
        """
