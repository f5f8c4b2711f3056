"""Control effort: how far the servo targets leave the kinematic reference."""

import numpy as np


class EffortTerm:
    """weight * sum over frames and joints of offset^2 (rad^2)."""

    def __init__(self, weight: float):
        self.weight = weight

    def value(self, knots: np.ndarray) -> float:
        return float(self.weight * (knots[1:] ** 2).sum())

    def gradient(self, knots: np.ndarray) -> np.ndarray:
        return 2 * self.weight * knots[1:]

    def add_curvature(self, hessian: np.ndarray) -> None:
        hessian.flat[:: len(hessian) + 1] += 2 * self.weight
