"""Smoothness of the controls: the change of the offsets from knot to knot."""

import numpy as np
from jaxtyping import Float


class SmoothnessTerm:
    """weight * sum over frames and joints of (offset_{f+1} - offset_f)^2; nu joints.

    Offsets in rad; weight in 1/rad^2, so that the loss has no unit. Its reason: muscles do not
    jerk, and noise of the clip does.
    """

    def __init__(self, weight: float, nu: int) -> None:
        self.weight, self.nu = weight, nu

    def value(self, knots: Float[np.ndarray, "F+1 nu"]) -> float:
        """Loss of all knots."""
        return float(self.weight * (np.diff(knots, axis=0) ** 2).sum())

    def gradient(self, knots: Float[np.ndarray, "F+1 nu"]) -> Float[np.ndarray, "F nu"]:
        """With respect to knots 1..F."""
        change = np.diff(knots, axis=0)
        g = change.copy()
        g[:-1] -= change[1:]
        return 2 * self.weight * g

    def add_curvature(self, hessian: Float[np.ndarray, "F*nu F*nu"]) -> None:
        """Add the term's exact Hessian."""
        n, nu = len(hessian), self.nu
        i = np.arange(n)
        hessian[i, i] += 2 * self.weight
        hessian[i[:-nu], i[:-nu]] += 2 * self.weight
        hessian[i[nu:], i[:-nu]] -= 2 * self.weight
        hessian[i[:-nu], i[nu:]] -= 2 * self.weight
