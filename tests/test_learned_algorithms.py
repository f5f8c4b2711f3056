"""Optimus and Adafactor-MLP as pure functions, as optimizers and as an optax transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from motionrecon import optimizers
from motionrecon.learned import algorithm
from motionrecon.learned.adafactor import AdafactorMlpConfig
from motionrecon.learned.as_optax import as_optax
from motionrecon.learned.optimizer import Learned, LearnedOptions
from motionrecon.learned.optimus import OptimusConfig
from motionrecon.learned.train.tasks import variants

CONFIGS = (
    OptimusConfig(width=8, heads=2, layers=1),
    OptimusConfig(width=8, columns=8, layers=1, linear_attention=True),
    OptimusConfig(width=8, layers=1, family="paper"),
    AdafactorMlpConfig(),
)


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def perturbed(config, size=0.1):
    """Meta-parameters away from their zeros, so that every head does something."""
    flat, unravel = ravel_pytree(algorithm.init_theta(config, jax.random.key(0)))
    return unravel(flat + size * jax.random.normal(jax.random.key(1), flat.shape))


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_relabelling_the_parameters_relabels_the_steps(config):
    problem = variants.problem("rastrigin", 6, seed=0)
    order = np.array([3, 1, 5, 0, 2, 4])
    theta, points = perturbed(config), []
    update = jax.jit(lambda s, x, f, g: algorithm.update(config, theta, s, x, f, g))
    for take in (np.arange(6), order):
        x, state = jnp.asarray(problem.start[take]), algorithm.init(config, 6)
        for _ in range(6):
            whole = np.empty(6)
            whole[take] = x
            loss, grad = problem.value_and_grad(whole)
            step, state = update(state, x, loss, grad[take])
            x = x + step
        points.append(np.asarray(x))
    np.testing.assert_allclose(
        points[0][order], points[1], rtol=1e-3, atol=1e-4
    )  # the network computes in float32


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_scale_of_the_loss_changes_nothing(config):
    theta, ends = perturbed(config, 0.02), []
    # Powers of two and few steps: what differs is dependence on the scale, not rounding grown
    # large.
    for factor in (1.0, 2.0**-10, 2.0**10):
        p = variants.problem("sum-squares", 5, seed=0)
        p = variants.FunctionProblem(variants.rescaled(p.variant, 1.0, factor))
        optimizer = Learned("t", config, theta, LearnedOptions())
        ends.append(optimizers.minimize(p, p.start, optimizer, 8).loss / factor)
    np.testing.assert_allclose(ends, ends[0], rtol=1e-2)


@pytest.mark.parametrize("columns", [None, 8])
def test_exploration_leaves_the_first_basin_and_local_work_stops_in_it(columns):
    config = OptimusConfig(width=8, columns=columns, layers=1)
    theta = algorithm.init_theta(config, jax.random.key(0))
    p = variants.problem("rastrigin", 2, seed=0)
    results = {}
    for explore in (False, True):
        options = LearnedOptions(explore=explore, gradient_tolerance=1e-6)
        results[explore] = optimizers.minimize(
            p, p.start, Learned("t", config, theta, options), 300
        )
    assert results[False].status == "converged" and results[False].evaluations < 60
    assert results[True].evaluations == 300 and results[True].loss < 0.9 * results[False].loss
    options = LearnedOptions()
    again = optimizers.minimize(p, p.start, Learned("t", config, theta, options), 300)
    np.testing.assert_array_equal(again.x, results[True].x)  # the hops are drawn from a fixed key


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_one_unknown_nan_and_constants_never_give_a_point_that_is_not_finite(config):
    theta = perturbed(config, 0.02)
    update = jax.jit(lambda s, x, f, g: algorithm.update(config, theta, s, x, f, g))
    losses = {
        "constant": lambda x, k: (1.0, 0.0 * x),
        "nan sometimes": lambda x, k: (x @ x if k % 3 else np.nan, 2 * x if k % 4 else np.inf * x),
        "one": lambda x, k: (x @ x, 2 * x),
    }
    for name, rule in losses.items():
        x, state = (
            np.ones(1 if name == "one" else 3),
            algorithm.init(config, 1 if name == "one" else 3),
        )
        for k in range(1, 25):
            loss, grad = rule(x, k)
            step, state = update(state, x, jnp.asarray(loss), jnp.asarray(grad))
            x = x + np.asarray(step)
            assert np.all(np.isfinite(x)), (name, k)


def test_as_an_optax_transformation():
    p = variants.problem("sphere", 6, seed=0)
    config = CONFIGS[0]
    rule = as_optax(config, algorithm.init_theta(config, jax.random.key(0)))
    params = {"a": jnp.asarray(p.start[:2]), "b": jnp.asarray(p.start[2:]).reshape(2, 2)}
    state, start = rule.init(params), p.value(p.start)
    for _ in range(25):
        flat, unravel = ravel_pytree(params)
        loss, grad = p.value_and_grad(np.asarray(flat))
        updates, state = rule.update(unravel(jnp.asarray(grad)), state, params, value=loss)
        params = optax.apply_updates(params, updates)
    assert p.value(np.asarray(ravel_pytree(params)[0])) < 1e-6 * start
