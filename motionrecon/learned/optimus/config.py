"""The architecture of an Optimus."""

from __future__ import annotations

import dataclasses
import math

from motionrecon.errors import ModelError
from motionrecon.learned.optimus.network import Network

# Far beyond any that was trained (16 and 3): every layer is built before the weights are looked at.
_WIDEST, _DEEPEST = 4096, 100


@dataclasses.dataclass(frozen=True)
class OptimusConfig:
    """family: "secant" or "paper". columns: None for the dense preconditioner, else m >= layers of
    the factorised one.

    width, heads, layers: of the Transformer, width a multiple of heads. linear_attention: time n in
    place of n^2. first_radius: length of the first step in units of x times sqrt(n), > 0: a tenth
    of a domain's half-width is a good guess. explore: hop on when a descent has converged (secant
    family).
    """

    family: str = "secant"
    columns: int | None = None
    width: int = 16
    heads: int = 2
    layers: int = 3
    linear_attention: bool = True
    first_radius: float = 0.1
    explore: bool = True

    def __post_init__(self) -> None:
        if self.family not in ("secant", "paper"):
            raise ModelError(f"family is {self.family!r}: choose secant or paper")
        if (
            not 1 <= self.width <= _WIDEST
            or self.heads < 1
            or self.width % self.heads
            or not 1 <= self.layers <= _DEEPEST
            or not 0 < self.first_radius < math.inf
        ):
            raise ModelError(
                f"width must be a multiple of heads and at most {_WIDEST}, layers 1 to {_DEEPEST}, "
                f"first_radius > 0: got {self}"
            )
        if self.columns is not None and self.columns < self.layers:
            raise ModelError(f"columns must be at least layers ({self.layers}): got {self.columns}")

    @property
    def network(self) -> Network:
        """The Transformer of these sizes."""
        return Network(self.width, self.heads, self.layers, self.linear_attention)

    @property
    def secant(self) -> bool:
        """Whether secant pairs are taken in; the paper's form has none."""
        return self.family == "secant"

    @property
    def explores(self) -> bool:
        """Whether it leaves basins where it has converged."""
        return self.explore and self.secant
