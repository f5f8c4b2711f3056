"""Small problems for the optimizer tests, in plain numpy."""

from __future__ import annotations

import numpy as np


class Quadratic:
    """0.5 (x - c)' A (x - c) with eigenvalues from 1 to `condition`; minimum 0 at c."""

    def __init__(self, n=10, condition=30.0, seed=0):
        rng = np.random.default_rng(seed)
        q, _ = np.linalg.qr(rng.normal(size=(n, n)))
        self.n, self.matrix, self.centre = (
            n,
            q @ np.diag(np.geomspace(1.0, condition, n)) @ q.T,
            rng.normal(size=n),
        )

    def value_and_grad(self, x):
        d = x - self.centre
        return 0.5 * d @ self.matrix @ d, self.matrix @ d

    def value(self, x):
        return self.value_and_grad(x)[0]


class Rosenbrock(Quadratic):
    """The valley, minimum 0 at ones."""

    def __init__(self, n=6):
        self.n = n

    def value_and_grad(self, x):
        a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
        grad = np.zeros(self.n)
        grad[:-1] += -400.0 * a * x[:-1] - 2.0 * b
        grad[1:] += 200.0 * a
        return float(100.0 * a @ a + b @ b), grad


class Walled(Quadratic):
    """A quadratic that is NaN beyond a wall close to the start, on the far side of the minimum."""

    def value_and_grad(self, x):
        if x[0] > self.centre[0] + 0.05:
            return np.nan, np.full(self.n, np.nan)
        return super().value_and_grad(x)


class Constant(Quadratic):
    """No slope anywhere."""

    def value_and_grad(self, x):
        return 3.0, np.zeros(self.n)


class AlwaysNan(Quadratic):
    def value_and_grad(self, x):
        return np.nan, np.full(self.n, np.nan)


class NanGradient(Quadratic):
    """Finite loss, one gradient entry not finite, once away from the start at zero."""

    def value_and_grad(self, x):
        loss, grad = super().value_and_grad(x)
        if np.abs(x).max() > 1e-3:
            grad = grad.copy()
            grad[-1] = np.inf
        return loss, grad


class LeastSquares:
    """0.5 |r(x)|^2 of `residuals(x) -> (r (m,), Jacobian (m, n))`, with its Gauss-Newton matrix."""

    def value_and_grad(self, x):
        return self.linearize(x)[:2]

    def value(self, x):
        return self.linearize(x)[0]

    def linearize(self, x):
        r, J = self.residuals(x)
        with np.errstate(over="ignore", invalid="ignore"):
            return 0.5 * float(r @ r), J.T @ r, J.T @ J


class RosenbrockResiduals(LeastSquares):
    """The valley as residuals; minimum 0 at ones. `flat` more unknowns change nothing: a singular
    matrix.
    """

    def __init__(self, n=6, flat=0):
        self.n, self.flat = n + flat, flat

    def residuals(self, x):
        n = self.n - self.flat
        J = np.zeros((2 * n - 2, self.n))
        i = np.arange(n - 1)
        J[i, i], J[i, i + 1], J[n - 1 + i, i] = -20.0 * x[: n - 1], 10.0, -1.0
        return np.concatenate([10.0 * (x[1:n] - x[: n - 1] ** 2), 1.0 - x[: n - 1]]), J


class Exponential(LeastSquares):
    """One unknown, exp(x) = 7: a step too long overflows."""

    n = 1

    def residuals(self, x):
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.exp(x)
            return e - 7.0, e[:, None]


class WalledResiduals(RosenbrockResiduals):
    """NaN where any unknown is beyond `wall`, which cuts off the minimum."""

    wall = 0.6

    def residuals(self, x):
        r, J = super().residuals(x)
        return (r, J) if x.max() <= self.wall else (np.full_like(r, np.nan), J)


class UnlinearizableBeyond(RosenbrockResiduals):
    """The loss is finite everywhere, the Gauss-Newton matrix only below `wall`."""

    wall = 0.6

    def linearize(self, x):
        loss, grad, matrix = super().linearize(x)
        return loss, grad, matrix if x.max() <= self.wall else np.full_like(matrix, np.inf)

    def value(self, x):
        return super().linearize(x)[0]


class Level(LeastSquares):
    """Residuals that nothing moves."""

    n = 4

    def residuals(self, x):
        return np.ones(3), np.zeros((3, self.n))


class Tally:
    """Counts the calls that reach the problem itself, apart from the optimizers' own wrapper."""

    def __init__(self, problem):
        self.problem, self.n, self.calls = problem, problem.n, 0

    def value_and_grad(self, x):
        assert np.all(np.isfinite(x)), "an optimizer asked for a point that is not finite"
        self.calls += 1
        return self.problem.value_and_grad(x)

    def value(self, x):
        assert np.all(np.isfinite(x)), "an optimizer asked for a point that is not finite"
        self.calls += 1
        return self.problem.value(x)


class LinearizableTally(Tally):
    def linearize(self, x):
        assert np.all(np.isfinite(x)), "an optimizer asked for a point that is not finite"
        self.calls += 1
        return self.problem.linearize(x)
