"""A group of the cache: one variation of one clip, and every window of it with its solution."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from motionrecon.objective.window import Window
from motionrecon.windows import Handover, Reference


@dataclasses.dataclass(frozen=True, eq=False)
class Solved:
    """A window of a reference: where it begins, how many control frames it has, and what a
    reconstruction made of it.

    start_loss: of the better of the shifted last solution and zero; x: the solution, rad, its loss;
    linearizations and evaluations that it took, growing included.
    """

    begin: Handover
    frames: int
    start_loss: float
    x: Float[np.ndarray, "frames nu"]
    loss: float
    linearizations: int
    evaluations: int


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """name: of the clip, without its folder. reference: exactly as it was solved. xml: the body's
    model as text.
    """

    name: str
    reference: Reference
    xml: str
    windows: tuple[Solved, ...]

    def window(self, solved: Solved) -> Window:
        """The window's problem, rebuilt."""
        return self.reference.window(solved.begin, solved.frames)
