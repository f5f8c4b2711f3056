"""Levenberg-Marquardt on small least-squares problems: it converges, counts, and survives what is
not finite.
"""

import numpy as np
import pytest
import scipy.optimize
from problems import (
    AlwaysNan,
    Exponential,
    Level,
    LinearizableTally,
    Quadratic,
    RosenbrockResiduals,
    UnlinearizableBeyond,
    WalledResiduals,
)

from motionrecon import optimizers
from motionrecon.errors import OptimizerError
from motionrecon.optimizers.levenberg_marquardt import LevenbergMarquardt, LevenbergMarquardtOptions

# The default stops where a window of motion is good enough; these problems are solved to the end.
TO_THE_END = LevenbergMarquardtOptions(tolerance=1e-9)
# name -> (problem, start, loss that must be reached)
PROBLEMS = {
    "rosenbrock": (RosenbrockResiduals(), np.full(6, -0.8), 1e-12),
    "singular matrix": (RosenbrockResiduals(6, flat=3), np.full(9, -0.8), 1e-12),
    "one unknown, overflowing": (Exponential(), np.array([-8.0]), 1e-12),
    "start far away": (RosenbrockResiduals(), np.full(6, 30.0), 1e-12),
    "walled": (WalledResiduals(), np.full(6, -0.8), np.inf),
    "matrix not finite beyond a wall": (UnlinearizableBeyond(), np.full(6, -0.8), np.inf),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_it_lowers_the_loss_and_counts(name):
    problem, start, target = PROBLEMS[name]
    tally = LinearizableTally(problem)
    result = optimizers.minimize(tally, start, LevenbergMarquardt(TO_THE_END), 400)
    assert np.isfinite(result.x).all()
    assert result.loss == pytest.approx(problem.value(result.x), rel=1e-12, abs=1e-300)
    assert result.loss <= target and result.loss < 0.6 * problem.value(start)
    assert result.evaluations == tally.calls == len(result.history) < 400
    assert 1 <= result.linearizations < result.evaluations
    assert result.status in ("converged", "stalled", "non-finite")
    assert ("not finite" in result.message) == ("wall" in name or "overflow" in name)


def test_it_needs_at_most_twice_the_linearizations_of_minpack():
    problem, start = RosenbrockResiduals(10), np.full(10, -0.8)
    theirs = scipy.optimize.least_squares(
        lambda x: problem.residuals(x)[0],
        start,
        lambda x: problem.residuals(x)[1],
        method="lm",
        x_scale="jac",
    )
    ours = optimizers.minimize(problem, start, LevenbergMarquardt(TO_THE_END), 1000)
    assert ours.loss < 1e-12 and theirs.cost < 1e-12
    assert ours.linearizations <= 2 * theirs.njev


@pytest.mark.parametrize("problem", [RosenbrockResiduals(), UnlinearizableBeyond()])
def test_the_budget_holds_and_the_best_point_is_kept_wherever_it_ends(problem):
    start = np.full(6, -0.8)
    losses = []
    for budget in range(1, 30):
        tally = LinearizableTally(problem)
        result = optimizers.minimize(tally, start, LevenbergMarquardt(), budget)
        assert tally.calls == result.evaluations <= budget
        assert result.evaluations == budget or result.status != "evaluations spent"
        assert result.loss == problem.value(result.x) <= problem.value(start)
        losses.append(result.loss)
    assert losses == sorted(losses, reverse=True)
    assert (
        losses[1] < losses[0]
    )  # the first trial's point stays though its linearisation is never paid for


def test_a_matrix_that_is_not_finite_shortens_the_step():
    """The wall stops the iterates, not the search: it goes on from where the matrix is finite,
    along the wall.
    """
    problem = UnlinearizableBeyond()
    optimizer = LevenbergMarquardt()
    state = optimizer.init(problem, np.full(6, -0.8))
    shortened = 0
    while optimizer.done(state) is None:
        before = state.x.copy()
        state = optimizer.step(problem, state)
        if np.array_equal(before, state.x) and state.stop is None:
            shortened += 1
            assert "shortened" in state.message
        assert state.x.max() <= problem.wall or state.stop == "converged"
        assert state.best_loss <= state.loss and state.best_loss == problem.value(state.best_x)
    assert shortened > 0


def test_nothing_to_gain_is_converged_at_once():
    result = optimizers.minimize(Level(), np.ones(4), LevenbergMarquardt(), 50)
    assert (result.status, result.evaluations) == ("converged", 1)
    assert np.array_equal(result.x, np.ones(4)) and result.loss == 1.5


def test_an_objective_never_finite_stops_safely():
    class Never(AlwaysNan):
        def linearize(self, x):
            return *self.value_and_grad(x), np.eye(self.n)

    result = optimizers.minimize(Never(), np.ones(10), LevenbergMarquardt(), 20)
    assert (
        result.status == "non-finite" and "not finite" in result.message and result.evaluations == 1
    )
    assert np.array_equal(result.x, np.ones(10)) and result.loss == np.inf


def test_all_trials_not_finite_stalls_at_the_start():
    class Island(RosenbrockResiduals):
        def value(self, x):
            return np.nan

    start = np.full(6, -0.8)
    result = optimizers.minimize(Island(), start, LevenbergMarquardt(), 100)
    assert result.status == "stalled" and np.array_equal(result.x, start)
    assert result.loss == RosenbrockResiduals().value(start)


def test_an_indefinite_matrix_is_damped_until_it_is_not():
    class Indefinite(RosenbrockResiduals):
        def linearize(self, x):
            loss, grad, matrix = super().linearize(x)
            return loss, grad, matrix - 0.5 * np.diag(np.diag(matrix))

    result = optimizers.minimize(Indefinite(), np.full(6, -0.8), LevenbergMarquardt(), 400)
    assert result.loss < 1e-6


def test_wrong_use_is_an_error():
    with pytest.raises(OptimizerError, match="linearize"):
        optimizers.minimize(Quadratic(), np.zeros(10), LevenbergMarquardt(), 10)
    with pytest.raises(OptimizerError, match="shape"):
        optimizers.minimize(RosenbrockResiduals(), np.zeros(3), LevenbergMarquardt(), 10)
    with pytest.raises(OptimizerError, match="finite"):
        optimizers.minimize(RosenbrockResiduals(), np.full(6, np.inf), LevenbergMarquardt(), 10)
    with pytest.raises(OptimizerError, match="lower_by and raise_by"):
        optimizers.make("levenberg-marquardt", raise_by=1.0)
    with pytest.raises(OptimizerError, match="damping"):
        optimizers.make("levenberg-marquardt", damping=-1.0)
