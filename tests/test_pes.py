"""Persistent Evolution Strategies on problems whose gradient is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from motionrecon.learned.train.estimator import Unrolled
from motionrecon.learned.train.pes import Pes
from motionrecon.learned.train.tasks import traced


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def gradient(inner, theta, pool, key, sigma, truncation, length):
    """(gradient, pool moved on)."""
    got = traced.gradient(
        inner, lambda t: t, Pes(), theta, pool, key, sigma, truncation, (length, length)
    )
    return np.asarray(got.gradient), traced.Pool(got.episodes, got.memory)


def test_it_is_unbiased_on_a_quadratic():
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
    pool = traced.new_pool(inner, Pes(), jax.random.key(0), 20_000, 1, (length, length))
    estimates = []
    for i in range(2):
        key = jax.random.key(i + 1)
        grad, pool = gradient(inner, theta, pool, key, sigma, truncation, length)
        estimates.append(float(grad[0]))
    assert np.mean(estimates) == pytest.approx(exact, rel=0.05)
    # One truncation alone is not the whole gradient.
    assert abs(estimates[0] - exact) > 0.05 * abs(exact)


def test_it_leaves_alone_what_is_not_perturbed():
    inner = traced.Inner(
        sample=lambda key: jnp.zeros(()),
        start=lambda task: jnp.zeros(()),
        advance=lambda theta, task, state: (state, jnp.sum(theta**2)),
    )
    pool = traced.new_pool(inner, Pes(), jax.random.key(0), 50, 2, (4, 4))
    sigma = jnp.array([0.1, 0.0])
    grad, _ = gradient(inner, jnp.array([1.0, 1.0]), pool, jax.random.key(1), sigma, 2, 4)
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
