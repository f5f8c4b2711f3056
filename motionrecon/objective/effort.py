"""Control effort: how far the servo targets leave the kinematic reference."""

import numpy as np
from jaxtyping import Float


class EffortTerm:
    """weight * sum over frames and joints of offset^2.

    Offsets in rad; weight in 1/rad^2, so that the loss has no unit. Its reason: of two controls
    that explain the clip equally well the one that follows the reference is the likelier.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def value(self, knots: Float[np.ndarray, "F+1 nu"]) -> float:
        """Loss of all knots."""
        return float(self.weight * (knots[1:] ** 2).sum())

    def gradient(self, knots: Float[np.ndarray, "F+1 nu"]) -> Float[np.ndarray, "F nu"]:
        """With respect to knots 1..F."""
        return 2 * self.weight * knots[1:]

    def add_curvature(self, hessian: Float[np.ndarray, "F*nu F*nu"]) -> None:
        """Add the term's exact Hessian."""
        hessian.flat[:: len(hessian) + 1] += 2 * self.weight
