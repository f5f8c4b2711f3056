"""Smoothness of the controls: the change of the offsets from knot to knot."""

import numpy as np


class SmoothnessTerm:
    """weight * sum over frames and joints of (offset_{f+1} - offset_f)^2 (rad^2); nu joints."""

    def __init__(self, weight: float, nu: int):
        self.weight, self.nu = weight, nu

    def value(self, knots: np.ndarray) -> float:
        return float(self.weight * (np.diff(knots, axis=0) ** 2).sum())

    def gradient(self, knots: np.ndarray) -> np.ndarray:
        change = np.diff(knots, axis=0)
        g = change.copy()
        g[:-1] -= change[1:]
        return 2 * self.weight * g

    def add_curvature(self, hessian: np.ndarray) -> None:
        n, nu = len(hessian), self.nu
        i = np.arange(n)
        hessian[i, i] += 2 * self.weight
        hessian[i[:-nu], i[:-nu]] += 2 * self.weight
        hessian[i[nu:], i[:-nu]] -= 2 * self.weight
        hessian[i[:-nu], i[nu:]] -= 2 * self.weight
