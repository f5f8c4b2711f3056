#!/usr/bin/env python3
"""The package's optimizers on a problem of your own: a curved valley in 20 unknowns."""

import numpy as np

from motionrecon import optimizers


class Rosenbrock:
    """f(x) = sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2; the least value is 0, at x = 1."""

    n = 20

    def value(self, x: np.ndarray) -> float:
        """f(x)."""
        return self.value_and_grad(x)[0]

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """f(x) and its gradient."""
        bend, pull = x[1:] - x[:-1] ** 2, 1 - x[:-1]
        gradient = np.zeros(self.n)
        gradient[:-1] = -400 * bend * x[:-1] - 2 * pull
        gradient[1:] += 200 * bend
        return float(100 * bend @ bend + pull @ pull), gradient


def main(evaluations: int = 200) -> dict[str, float]:
    problem, losses = Rosenbrock(), {}
    for name in ("bfgs", "lbfgs", "adam", "optimus-classical"):
        # A valley needs no search for other ones, which Optimus does by itself.
        options = {"explore": False} if name.startswith("optimus") else {}
        optimizer = optimizers.make(name, **options)
        result = optimizers.minimize(problem, np.zeros(problem.n), optimizer, evaluations)
        losses[name] = result.loss
        print(f"{name:>17}: {result.loss:.3g} after {result.evaluations} evaluations")
    return losses


if __name__ == "__main__":
    main()
