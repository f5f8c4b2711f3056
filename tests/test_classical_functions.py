"""The classical functions: their minima, their gradients, their variants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from motionrecon.learned.train.tasks import variants
from motionrecon.learned.train.tasks.functions import FUNCTIONS
from motionrecon.learned.train.tasks.variants import problem, rescaled

KNOWN = {  # published values at given points, natural coordinates
    "ackley": ([1.0, 1.0], 3.6253849384403627),
    "griewank": ([np.pi, 0.0], 2.0 + np.pi**2 / 4000),
    "rastrigin": ([0.5, 1.0], 21.25),
    "levy": ([1.0, 5.0], 1.0),
    "rosenbrock": ([0.0, 0.0, 0.0], 2.0),
    "trid": ([1.0, 1.0], -1.0),
    "zakharov": ([1.0, 1.0], 2.0 + 2.25 + 5.0625),
    "dixon-price": ([1.0, 1.0], 2.0),
    "powell": ([3.0, -1.0, 0.0, 1.0], 215.0),
    "perm": ([1.0, 1.0], (12 * 0.5) ** 2 + (12 * 0.75) ** 2),
    "styblinski-tang": ([0.0, 1.0], -5.0),
    "michalewicz": ([2.20290552, 1.57079633], -1.8013034),
    "schwefel": ([0.0, 0.0], 837.9657745448674),
    "salomon": ([0.0, 0.5], 2.05),
    "alpine": ([np.pi / 2, 0.0], 1.1 * np.pi / 2),
    "sum-of-powers": ([0.5, -0.5], 0.375),
}


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def test_there_are_twenty():
    assert len(FUNCTIONS) == 20


@pytest.mark.parametrize("name", KNOWN)
def test_published_values(name):
    point, value = KNOWN[name]
    assert float(FUNCTIONS[name].formula(jnp.array(point), 0.5)) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 100])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_minimum_is_where_it_is_said_to_be(name, n):
    f = FUNCTIONS[name]
    point = jnp.asarray(f.point(n), dtype=jnp.float64)
    value, low, high = float(f.formula(point, 0.5)), f.low(n), f.high(n)
    assert value == pytest.approx(f.minimum(n), abs=1e-6 * max(1.0, abs(f.minimum(n))))
    assert np.all(point >= low) and np.all(point <= high)
    rng = np.random.default_rng(0)
    far = rng.uniform(low, high, size=(200, n))
    near = np.asarray(point) + 1e-2 * (high - low) * rng.normal(size=(200, n))
    values = jax.vmap(lambda w: f.formula(w, 0.5))(jnp.asarray(np.concatenate([far, near])))
    assert np.all(values >= f.minimum(n) - 1e-6 * max(1.0, abs(f.minimum(n))))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_variants_have_gap_zero_at_their_shift_and_exact_gradients(name):
    p = problem(name, 4, seed=3)
    loss, grad = p.value_and_grad(np.asarray(p.variant.shift))
    assert abs(loss) < 1e-6 and np.all(np.isfinite(grad))
    loss, grad = p.value_and_grad(p.start)
    step = 1e-6 * np.random.default_rng(0).normal(size=4)
    centred = p.value(p.start + step) - p.value(p.start - step)
    assert centred == pytest.approx(2 * grad @ step, rel=1e-4, abs=1e-12 * abs(loss))
    batched = variants.gap_and_grad(p.variant, jnp.asarray(p.start))
    assert float(batched[0]) == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(batched[1], grad, rtol=1e-6, atol=1e-9 * np.abs(grad).max())


def test_batched_gradients_do_not_leak_nan_between_functions():
    keys = jax.random.split(jax.random.key(0), 64)
    drawn = jax.vmap(lambda k: variants.draw(k, 3, jnp.arange(20), scale_spread=1.0))(keys)
    at_minimum = jax.vmap(variants.gap_and_grad)(drawn, drawn.shift)
    assert np.all(np.isfinite(at_minimum[1]))


def test_rescaled_variants_are_the_same_problem():
    p = problem("levy", 3, seed=1)
    q = variants.FunctionProblem(rescaled(p.variant, 10.0, 1e3))
    x = p.start + 0.1
    assert q.value(10.0 * x) == pytest.approx(1e3 * p.value(x))
    np.testing.assert_allclose(q.value_and_grad(10.0 * x)[1], 100.0 * p.value_and_grad(x)[1])
