"""What the policy of steered-gauss-newton sees of its run: twelve numbers without units."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from motionrecon.learned.steered.state import SteeredState

TINY = 1e-300


def features(
    state: SteeredState,
    loss: float,
    promised: float,
    step: Float[np.ndarray, " n"],
    accepted: bool,
) -> Float[np.ndarray, " 12"]:
    """Features of a trial `step` with `loss` at its end, from the state before it is kept or not.

    promised: decrease of the loss that the quadratic model expected. In order: ratio of actual to
    promised decrease; size of either over the loss, by decades; steps since the Jacobian; damping,
    by decades; angle to the last step and length over its; iterations; loss over the first, by
    decades; rejections in a row; gain since the Jacobian; one.
    """
    drop = state.loss - loss
    finite = np.isfinite(loss)
    ratio = np.clip(drop / (promised + TINY), -1.0, 1.5) if finite else -1.0
    cosine, relative = _beside_the_last(state, step)
    gained = 1.0 - min(loss, state.loss) / (state.loss_at_jacobian + TINY)
    return np.array(
        [
            ratio,
            _decades(max(drop, 0.0), state.loss) if finite else -1.0,
            _decades(promised, state.loss),
            np.log1p(state.age + accepted) / np.log(4.0),
            np.log10(state.damping) / 2.0,
            cosine,
            np.tanh(relative),
            np.log1p(state.iteration) / 3.0,
            np.log10((state.loss + TINY) / (state.first_loss + TINY)) / 2.0 + 0.5,
            min(state.rejections, 3) / 2.0,
            gained,
            1.0,
        ]
    )


def _decades(a: float, whole: float) -> float:
    """From -1 where a is a millionth of the whole to 1 where it is all of it."""
    return np.log10(np.clip(a / (whole + TINY), 1e-6, 1.0)) / 3.0 + 1.0


def _beside_the_last(state: SteeredState, step: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """(cosine of the angle to the last accepted step, decades between their lengths)."""
    if state.last_step is None:
        return 0.0, 0.0
    here, last = np.linalg.norm(step), np.linalg.norm(state.last_step)
    return step @ state.last_step / (here * last + TINY), np.log10((here + TINY) / (last + TINY))
