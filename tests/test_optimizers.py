"""Every registered optimizer on every small problem, and the classical ones against scipy."""

import numpy as np
import pytest
import scipy.optimize
from problems import (
    AlwaysNan,
    Constant,
    Exponential,
    Level,
    LinearizableTally,
    NanGradient,
    Quadratic,
    Rosenbrock,
    RosenbrockResiduals,
    Tally,
    UnlinearizableBeyond,
    Walled,
    WalledResiduals,
)

from motionrecon import optimizers
from motionrecon.errors import OptimizerError
from motionrecon.optimizers.base import LeastSquaresProblem, Status, count

# These ask for `linearize`, which most of the problems lack; Levenberg-Marquardt has tests of its
# own besides.
SECOND_ORDER = ["levenberg-marquardt", "steered-gauss-newton"]
GRADIENT_ONLY = [name for name in optimizers.names() if name not in SECOND_ORDER]
LEAST_SQUARES = {
    "rosenbrock": (RosenbrockResiduals(), np.full(6, -0.8)),
    "singular matrix": (RosenbrockResiduals(6, flat=3), np.full(9, -0.8)),
    "overflowing": (Exponential(), np.array([-8.0])),
    "walled": (WalledResiduals(), np.full(6, -0.8)),
    "matrix not finite beyond a wall": (UnlinearizableBeyond(), np.full(6, -0.8)),
    "level": (Level(), np.ones(4)),
}
OPTIONS = {
    "sgd": {"learning_rate": 1e-3},
    "momentum": {"learning_rate": 1e-3},
    "adam": {"learning_rate": 3e-2},
}
# name -> (problem, start, evaluations, share of the start's loss that must be left at most)
PROBLEMS = {
    "quadratic": (Quadratic(), np.zeros(10), 150, 0.8),
    "quadratic-1": (Quadratic(n=1), np.zeros(1), 150, 0.9),
    "rosenbrock": (Rosenbrock(), np.full(6, -0.8), 150, 0.5),
    "walled": (Walled(), np.full(10, -3.0), 150, 0.9),
    "constant": (Constant(), np.zeros(10), 50, 1.0),
    "nan-gradient": (NanGradient(), np.zeros(10), 60, 1.0),
}


@pytest.mark.parametrize("problem_name", PROBLEMS)
@pytest.mark.parametrize("name", GRADIENT_ONLY)
def test_every_optimizer_on_every_problem(name, problem_name):
    problem, start, budget, share = PROBLEMS[problem_name]
    if (
        name == "adafactor-mlp-motion"
    ):  # trained on control windows alone: these steps are small for it
        share = max(share, 0.7)
    tally = Tally(problem)
    result = optimizers.minimize(
        tally, start, optimizers.make(name, **OPTIONS.get(name, {})), budget
    )
    loss0 = problem.value(start)
    assert np.all(np.isfinite(result.x)) and np.isfinite(result.loss)
    assert result.loss <= share * loss0
    assert result.loss == pytest.approx(problem.value(result.x))
    assert result.evaluations == tally.calls <= budget
    assert len(result.history) == result.evaluations
    assert [h[2] for h in result.history] == sorted((h[2] for h in result.history), reverse=True)
    if problem_name == "constant":
        assert result.status == "converged" and result.evaluations == 1


@pytest.mark.parametrize("problem_name", LEAST_SQUARES)
@pytest.mark.parametrize("name", SECOND_ORDER)
def test_every_second_order_optimizer_on_every_least_squares_problem(name, problem_name):
    problem, start = LEAST_SQUARES[problem_name]
    tally = LinearizableTally(problem)
    result = optimizers.minimize(tally, start, optimizers.make(name), 200)
    loss0 = problem.value(start)
    assert np.isfinite(result.x).all() and result.loss == pytest.approx(
        problem.value(result.x), rel=1e-12
    )
    assert result.loss <= (1.0 if problem_name == "level" else 0.6) * loss0
    assert result.evaluations == tally.calls == len(result.history) <= 200
    assert 1 <= result.linearizations <= result.evaluations
    if problem_name == "level":
        assert result.status == "converged"


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_problem_without_curvature_is_refused(name):
    with pytest.raises(OptimizerError, match="linearize"):
        optimizers.minimize(Quadratic(), np.zeros(10), optimizers.make(name), 10)


@pytest.mark.parametrize("name", GRADIENT_ONLY)
def test_an_objective_never_finite_stops_safely(name):
    start = np.ones(10)
    result = optimizers.minimize(AlwaysNan(), start, optimizers.make(name), 20)
    assert result.status == "non-finite" and "not finite" in result.message
    assert np.array_equal(result.x, start) and result.loss == np.inf and result.evaluations == 1


@pytest.mark.parametrize(
    ("name", "method", "options"),
    [("bfgs", "BFGS", {"first_scale": "unit"}), ("lbfgs", "L-BFGS-B", {})],
)
@pytest.mark.parametrize("n", [2, 10, 50])
def test_quasi_newton_reaches_what_scipy_reaches_in_as_many_evaluations(name, method, options, n):
    for problem, start in (
        (Rosenbrock(n), np.full(n, -0.8)),
        (Quadratic(n, condition=1e4), np.ones(n)),
    ):
        limits = {"gtol": 1e-7, "maxiter": 5000} | ({"ftol": 0.0} if name == "lbfgs" else {})
        theirs = scipy.optimize.minimize(
            problem.value_and_grad, start, jac=True, method=method, options=limits
        )
        ours = optimizers.minimize(
            problem, start, optimizers.make(name, **options), 20 * theirs.nfev
        )
        needed = next(h[0] for h in ours.history if h[2] <= max(theirs.fun, 1e-14))
        assert needed <= 1.5 * theirs.nfev + 5  # they are chaotic on ill-conditioned problems
        assert ours.status in ("converged", "stalled")


def test_bfgs_with_a_secant_scale_is_invariant_to_the_scale_of_the_loss():
    losses = []
    for factor in (1.0, 1e-4, 1e4):
        problem = Rosenbrock(8)
        scaled = Tally(problem)
        scaled.value_and_grad = lambda x, p=problem, f=factor: tuple(
            f * v for v in p.value_and_grad(x)
        )
        losses.append(
            optimizers.minimize(scaled, np.full(8, -0.8), optimizers.make("bfgs"), 60).loss / factor
        )
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def test_first_order_follows_the_textbook_rules():
    problem, start = Quadratic(n=3), np.ones(3)
    g0 = problem.value_and_grad(start)[1]
    x1 = start - 0.01 * g0
    g1 = problem.value_and_grad(x1)[1]
    expected = {"sgd": x1 - 0.01 * g1, "momentum": x1 - 0.01 * (0.9 * g0 + g1), "adam": None}
    m, v = 0.1 * g0, 0.001 * g0**2
    y1 = start - 0.01 * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-8)
    h1 = problem.value_and_grad(y1)[1]
    m, v = 0.9 * m + 0.1 * h1, 0.999 * v + 0.001 * h1**2
    expected["adam"] = y1 - 0.01 * (m / (1 - 0.81)) / (np.sqrt(v / (1 - 0.999**2)) + 1e-8)
    for name, x2 in expected.items():
        optimizer = optimizers.make(name, learning_rate=0.01)
        state = optimizer.init(problem, start)
        state = optimizer.step(problem, optimizer.step(problem, state))
        np.testing.assert_allclose(state.x, x2, rtol=1e-10)


def test_the_budget_is_never_exceeded_inside_a_line_search():
    for budget in range(1, 12):
        tally = Tally(Rosenbrock())
        result = optimizers.minimize(tally, np.full(6, -0.8), optimizers.make("bfgs"), budget)
        assert tally.calls == result.evaluations == budget
        assert result.status == "evaluations spent"


def test_counting_of_values_and_linearizations():
    class Linear(Quadratic):
        def linearize(self, x):
            return *self.value_and_grad(x), self.matrix

    counted = count(Linear(), 10)
    counted.value(np.zeros(10))
    counted.value_and_grad(np.ones(10))
    counted.linearize(np.ones(10))
    assert (counted.evaluations, counted.linearizations) == (3, 1)
    assert not isinstance(count(Quadratic(), 10), LeastSquaresProblem)


def test_unknown_names_options_and_starts_are_errors():
    with pytest.raises(OptimizerError, match="unknown optimizer 'newton'.*lbfgs"):
        optimizers.make("newton")
    with pytest.raises(OptimizerError, match="no option step"):
        optimizers.make("bfgs", step=1)
    with pytest.raises(OptimizerError, match="learning_rate"):
        optimizers.make("adam", learning_rate=-1.0)
    with pytest.raises(OptimizerError, match="shape"):
        optimizers.minimize(Quadratic(), np.zeros(3), optimizers.make("bfgs"), 10)
    with pytest.raises(OptimizerError, match="finite start"):
        optimizers.minimize(Quadratic(), np.full(10, np.nan), optimizers.make("bfgs"), 10)
    with pytest.raises(OptimizerError, match="at least 1"):
        optimizers.minimize(Quadratic(), np.zeros(10), optimizers.make("bfgs"), 0)


@pytest.mark.parametrize("name", ["adam", "bfgs", "lbfgs", "levenberg-marquardt"])
def test_asking_whether_it_is_done_changes_nothing(name):
    problem, optimizer = Level(), optimizers.make(name, **OPTIONS.get(name, {}))
    state = optimizer.init(problem, np.ones(4))
    assert optimizer.done(state) is Status.CONVERGED and state.stop is None


def test_a_callback_can_stop():
    result = optimizers.minimize(
        Rosenbrock(),
        np.zeros(6),
        optimizers.make("lbfgs"),
        100,
        callback=lambda state: state.iteration == 3,
    )
    assert result.status == "stopped" and result.iterations == 3
