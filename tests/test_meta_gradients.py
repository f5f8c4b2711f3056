"""Meta-gradients on problems where they are known: evolution strategies, persistent and with noise
reused, and the descent differentiated.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from motionrecon.learned import algorithm
from motionrecon.learned.adafactor import AdafactorMlpConfig
from motionrecon.learned.optimus import OptimusConfig
from motionrecon.learned.train.estimator import Unrolled
from motionrecon.learned.train.nres import Nres
from motionrecon.learned.train.pes import Pes
from motionrecon.learned.train.tasks import traced
from motionrecon.learned.train.tasks.descents import Meta, descend, differentiate, score


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def gradient(inner, estimator, theta, pool, key, sigma, truncation, length):
    """(gradient, pool moved on)."""
    got = traced.gradient(
        inner, lambda t: t, estimator, theta, pool, key, sigma, truncation, (length, length)
    )
    return np.asarray(got.gradient), traced.Pool(got.episodes, got.memory)


@pytest.mark.parametrize("estimator", [Pes(), Nres()], ids=["pes", "nres"])
def test_it_is_unbiased_on_a_quadratic(estimator):
    """x' = x - theta x on f = x^2 / 2 is too easy to be right by luck: the loss of T steps is a
    polynomial in theta.
    """
    inner = traced.Inner(
        sample=lambda key: jnp.ones(()),
        start=lambda task: jnp.array(1.0),
        advance=lambda theta, task, x: (
            x + theta[0] - 0.5 * x,
            0.5 * (x + theta[0] - 0.5 * x) ** 2,
        ),
    )
    length, truncation, sigma, theta = 4, 2, jnp.array([0.1]), jnp.array([0.3])

    def total(t):
        x, losses = jnp.array(1.0), 0.0
        for _ in range(length):
            x, loss = inner.advance(t, None, x)
            losses = losses + loss
        return losses / length

    # Quadratic in theta: Gaussian smoothing leaves its gradient as it is.
    exact = float(jax.grad(total)(theta)[0])
    pool = traced.new_pool(inner, estimator, jax.random.key(0), 20_000, 1, (length, length))
    estimates = []
    for i in range(2):
        key = jax.random.key(i + 1)
        grad, pool = gradient(inner, estimator, theta, pool, key, sigma, truncation, length)
        estimates.append(float(grad[0]))
    assert np.mean(estimates) == pytest.approx(exact, rel=0.05)
    # One truncation alone is not the whole gradient.
    assert abs(estimates[0] - exact) > 0.05 * abs(exact)


@pytest.mark.parametrize("estimator", [Pes(), Nres()], ids=["pes", "nres"])
def test_it_leaves_alone_what_is_not_perturbed(estimator):
    inner = traced.Inner(
        sample=lambda key: jnp.zeros(()),
        start=lambda task: jnp.zeros(()),
        advance=lambda theta, task, state: (state, jnp.sum(theta**2)),
    )
    pool = traced.new_pool(inner, estimator, jax.random.key(0), 50, 2, (4, 4))
    sigma = jnp.array([0.1, 0.0])
    grad, _ = gradient(
        inner, estimator, jnp.array([1.0, 1.0]), pool, jax.random.key(1), sigma, 2, 4
    )
    assert grad[0] > 0.5 and grad[1] == 0.0


def test_memory_follows_the_episodes_and_outliers_are_clipped():
    epsilon = np.array([[1.0], [2.0], [3.0]])
    got = Unrolled(
        before=np.array([1.0, 50.0, 1.0]),
        after=np.array([0.0, 0.0, 2.0]),
        ended=np.array([False, True, True]),
        begun=np.array([False, False, True]),
        loss=np.array([1.0, 2.0, 3.0]),
        episodes="moved",
    )
    asked = []

    def unroll(up, down):
        asked.append((np.asarray(up), np.asarray(down)))
        return got

    out = Pes(clip_pair=4.0).estimate(
        np.array([10.0]), np.ones((3, 1)), epsilon, np.array([0.5]), unroll
    )
    np.testing.assert_allclose(asked[0][0], 10.0 + epsilon)
    np.testing.assert_allclose(asked[0][1], 10.0 - epsilon)
    # The memory goes on, is emptied, or begins with what the next episode has seen.
    np.testing.assert_allclose(out.memory, [[2.0], [0.0], [3.0]])
    by_hand = [2.0 * 1.0, 3.0 * 4.0, 4.0 * 1.0 + 3.0 * 2.0]
    np.testing.assert_allclose(out.gradient, np.mean(by_hand) / (2 * 0.5**2))
    assert out.loss == 2.0 and out.episodes == "moved"


def test_noise_is_reused_until_the_episode_ends():
    epsilon, asked = np.array([[1.0], [2.0]]), []
    got = Unrolled(
        before=np.array([1.0, 50.0]),
        after=np.zeros(2),
        ended=np.array([False, True]),
        begun=np.array([False, False]),
        loss=np.array([1.0, 2.0]),
        episodes="moved",
    )

    def unroll(up, down):
        asked.append(np.asarray(up))
        return got

    nres, theta, sigma = Nres(clip_pair=4.0), np.array([10.0]), np.array([0.5])
    out = nres.estimate(theta, np.array([[0.0], [3.0]]), epsilon, sigma, unroll)
    np.testing.assert_allclose(asked[0], [[11.0], [13.0]])
    np.testing.assert_allclose(out.memory, [[1.0], [0.0]])
    np.testing.assert_allclose(out.gradient, np.mean([1.0 * 1.0, 3.0 * 4.0]) / (2 * 0.5**2))


def test_episodes_last_whole_truncations():
    keys = jax.random.split(jax.random.key(0), 200)
    drawn = {int(traced.draw_length(k, (30, 60), 10)) for k in keys}
    assert drawn == {30, 40, 50, 60}


class _Quartic:
    """A narrow valley that bends, in place of a control window."""

    n = 6

    def __init__(self):
        self.stiff = 10.0 ** np.linspace(0.0, 1.5, self.n)

    def value_and_grad(self, x):
        loss = float(0.5 * np.sum(self.stiff * x**2) + 0.25 * np.sum(x**4)) + 0.1
        return loss, self.stiff * x + x**3


@pytest.mark.parametrize(
    "config",
    [
        AdafactorMlpConfig(),
        OptimusConfig(width=4, layers=1, explore=False, first_radius=0.1),
        OptimusConfig(width=4, layers=1, columns=3, explore=False, first_radius=0.1),
    ],
    ids=["adafactor-mlp", "optimus", "factorised"],
)
def test_a_descent_is_differentiated(config):
    problem, rng = _Quartic(), np.random.default_rng(2)
    x0, count = rng.standard_normal(problem.n), 4

    def tree(seed):
        theta = algorithm.init_theta(config, jax.random.key(seed)), jnp.zeros(problem.n)
        return jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), theta)

    _, unravel = ravel_pytree(tree(0))

    def parts(v):
        theta, log = unravel(v)
        return theta, jnp.exp(log)

    meta = Meta(config, parts)
    # Fresh heads are zero: a little off, so that every layer counts. Fresh networks may climb.
    for seed in range(10):
        vector = ravel_pytree(tree(seed))[0]
        vector = vector + 0.01 * rng.standard_normal(len(vector))
        points = descend(meta, vector, problem, x0, count)
        if points[-1].loss < points[0].loss:
            break

    def scored(v):
        return score([p.loss for p in descend(meta, v, problem, x0, count)])

    assert len(points) == count and points[-1].loss < points[0].loss
    found = differentiate(meta, vector, problem, points, count, most=np.inf)
    for _ in range(3):
        way = rng.standard_normal(len(vector)) * 1e-3
        by_hand = (scored(vector + way * 0.1) - scored(vector - way * 0.1)) / 0.2
        assert found @ way == pytest.approx(by_hand, rel=0.03, abs=2e-6)
    # Cut in pieces the rest of the way is not seen.
    cut = differentiate(meta, vector, problem, points, 1, most=np.inf)
    assert np.linalg.norm(cut - found) > 0.01 * np.linalg.norm(found)
    small = differentiate(meta, vector, problem, points, count, most=1e-3)
    assert np.linalg.norm(small) == pytest.approx(1e-3)
