"""Where a run of steered-gauss-newton stands."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from motionrecon.learned.steered.policy import Decision
from motionrecon.optimizers.base import LinearizedState
from motionrecon.optimizers.lbfgs import Pair


@dataclasses.dataclass
class SteeredState(LinearizedState):
    """factor: Cholesky factor of the last Jacobian's matrix, damped, None where it must be made
    anew; damping: multiple of its diagonal; pairs [(s, y)] since; age: accepted steps since; renew:
    whether to take a new one before the next step.

    loss_at_jacobian: where the last Jacobian was taken; slow: Jacobians in a row that gained
    little; rejections: in a row; last_step (n,): the last accepted one; first_loss: at the start;
    decision: the policy's last.
    """

    factor: Any = None
    damping: float = 0.1
    pairs: list[Pair] = dataclasses.field(default_factory=list)
    age: int = 0
    renew: bool = False
    loss_at_jacobian: float = 0.0
    slow: int = 0
    rejections: int = 0
    last_step: np.ndarray | None = None
    first_loss: float = 0.0
    decision: Decision | None = None
