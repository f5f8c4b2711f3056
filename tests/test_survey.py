"""Graduated smoothing: the survey finds the floor of a rippled funnel, and nothing breaks it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from motionrecon.learned.optimus import survey

MIDDLE = 0.3


def _rippled(x):
    return jnp.sum((x - MIDDLE) ** 2 + 0.1 * (1.0 - jnp.cos(40.0 * (x - MIDDLE))))


def _run(function, start, pairs=6, spoil=()):
    """(centre where the survey ends, evaluations it took)."""
    with jax.enable_x64(True):
        centre = jnp.asarray(start)
        rule = jax.jit(survey.advance)
        x, s = survey.begin(
            centre, jnp.array(0.4), jnp.array(0.02), jnp.array(pairs), jax.random.key(0)
        )
        count = 0
        while bool(s.active):
            loss, grad = jax.value_and_grad(function)(x)
            sound = count not in spoil
            x, s = rule(
                s,
                loss if sound else jnp.nan,
                grad if sound else grad * jnp.nan,
                sound,
                jax.random.key(count + 1),
            )
            count += 1
            assert count < 10_000
        return np.asarray(x), count


@pytest.mark.parametrize("n", [1, 10, 30])
def test_a_survey_crosses_ripples_that_stop_a_descent(n):
    start = np.full(n, -0.9)
    x, count = _run(_rippled, start)
    assert count == 2 * 6 * survey.ROUNDS
    assert np.abs(x - MIDDLE).mean() < 0.15 * np.abs(start - MIDDLE).mean()
    # The start lies in a ripple of its own: its gradient does not point to the middle by itself.
    grads = [jax.grad(_rippled)(jnp.full(n, v))[0] for v in np.linspace(-0.9, -0.7, 9)]
    assert min(grads) < 0 < max(grads)


def test_probes_that_are_not_finite_count_as_level():
    x, count = _run(_rippled, np.full(5, -0.9), spoil={0, 3, 10, 11, 40})
    assert count == 2 * 6 * survey.ROUNDS and np.all(np.isfinite(x))
    assert np.abs(x - MIDDLE).mean() < 0.4


def test_a_level_landscape_leaves_the_centre_where_it_is():
    start = np.array([0.5, -0.5])
    x, _ = _run(lambda x: 0.0 * x[0] + 2.0, start)
    np.testing.assert_array_equal(x, start)
