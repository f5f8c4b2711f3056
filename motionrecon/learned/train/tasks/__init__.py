"""What learned optimizers are trained on: variants of classical functions, and control windows."""

from __future__ import annotations

from typing import Any, Protocol

from jaxtyping import Float

from motionrecon.learned.train.estimator import Estimator, Rows


class Tasks(Protocol):
    """Antithetic pairs of episodes, moved on a truncation a meta-step. `state` is a pytree of
    arrays of fixed shapes, so that a checkpoint can hold it.
    """

    def start(self, estimator: Estimator) -> Any:
        """The state before the first meta-step."""

    def estimate(
        self, estimator: Estimator, theta: Float[Rows, " D"], state: Any, step: int
    ) -> tuple[Float[Rows, " D"], float, Any]:
        """(meta-gradient, mean meta-loss, state moved on) of meta-step `step`."""

    def validate(self, theta: Float[Rows, " D"]) -> dict[str, float]:
        """Mean meta-losses on tasks that training does not see, by names that begin with
        "validation".
        """
