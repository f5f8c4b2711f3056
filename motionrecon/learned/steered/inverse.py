"""The preconditioner of steered-gauss-newton: a damped Gauss-Newton inverse, corrected by the
secant pairs taken since its Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve

from motionrecon.learned.steered.policy import Decision
from motionrecon.optimizers.lbfgs import Pair, two_loops


def apply(
    factor: Any, pairs: Sequence[Pair], g: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """B g: the two loops of L-BFGS with the damped Gauss-Newton inverse as their first matrix.
    pairs: oldest first.
    """
    precision = factor[0].dtype
    return two_loops(
        pairs,
        g,
        lambda q: cho_solve(factor, q.astype(precision), check_finite=False).astype(float),
    )


def damped_pair(
    step: Float[np.ndarray, " n"],
    change: Float[np.ndarray, " n"],
    model: Float[np.ndarray, " n"],
    decision: Decision,
) -> Pair | None:
    """Powell's damped pair (Nocedal & Wright, procedure 18.2) with a learned share of the truth.

    change: of the gradient along the step; model: what B^-1 says it is. None where the mixture
    still has too little curvature to keep B positive definite.
    """
    y = decision.secant * change + (1.0 - decision.secant) * model
    return (step, y) if step @ y > 1e-3 * (step @ model) else None
