"""The parts of Optimus: features and preconditioners."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from motionrecon.learned.optimus import features, preconditioner


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def test_features_against_plain_numpy():
    rng = np.random.default_rng(0)
    theta = {
        "m": jnp.array([0.01, -0.02, 0.03]),
        "rms": jnp.array(0.02),
        "v": jnp.array([0.0, 0.01, -0.01]),
    }
    acc, (m, r, v) = (
        features.zero_accumulators(5),
        (np.zeros((5, 3)), np.zeros(5), np.zeros((5, 3))),
    )
    beta = lambda b, t: 1 - (1 - np.array(b)) * np.exp(10 * np.array(t))  # noqa: E731
    bm, br, bv = (
        beta([0.9, 0.99, 0.999], [0.01, -0.02, 0.03]),
        beta(0.999, 0.02),
        beta([0.9, 0.99, 0.999], [0, 0.01, -0.01]),
    )
    for _ in range(3):
        g, p = rng.normal(size=5), rng.normal(size=5)
        acc = features.accumulate(theta, acc, jnp.asarray(g))
        for i in range(5):
            m[i], r[i] = bm * m[i] + (1 - bm) * g[i], br * r[i] + (1 - br) * g[i] ** 2
            v[i] = bv * v[i] + (1 - bv) * (g[i] ** 2 + 1e-30)
    rows = []
    for i in range(5):
        row = [g[i], p[i], *m[i], r[i], *(m[i] / np.sqrt(r[i] + 1e-6)), 1 / np.sqrt(r[i] + 1e-6)]
        row += [
            *(g[i] / np.sqrt(v[i] + 1e-9)),
            *v[i],
            *v[i],
            *(1 / np.sqrt(v[i] + 1e-8)),
            *(1 / np.sqrt(v[i] + 1e-8)),
        ]
        rows.append([*row, *(m[i] / np.sqrt(v[i] + 1e-6))])
    raw = np.array(rows)
    expected = raw / np.sqrt(1e-5 + np.mean(raw**2, axis=0))
    got = features.parameter_features(acc, jnp.asarray(g), jnp.asarray(p))
    assert got.shape == (5, 28)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    assert features.time_features(jnp.array(3)).shape == (11,)
    np.testing.assert_allclose(features.time_features(jnp.array(30))[3], 0.0, atol=1e-12)


def test_preconditioner_forms_agree_and_keep_their_trace():
    n, rng = 6, np.random.default_rng(0)
    dense, thin = preconditioner.identity(n, None), preconditioner.identity(n, 16)
    for _ in range(5):
        u = rng.normal(size=(3, n))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        gamma = jnp.asarray(rng.uniform(size=3))
        dense = preconditioner.add_rank_one(dense, jnp.asarray(u), gamma, jnp.array(0.1))
        thin = preconditioner.add_rank_one(thin, jnp.asarray(u), gamma, jnp.array(0.0))
        again = preconditioner.add_rank_one(thin, jnp.asarray(u), gamma, jnp.array(0.1))
        trace = float(jnp.sum(again.diagonal) + jnp.sum(again.columns**2))
        assert trace == pytest.approx(n) and float(jnp.trace(dense.matrix)) == pytest.approx(n)
        assert np.linalg.eigvalsh(dense.matrix).min() > 0 and np.all(thin.diagonal > 0)
    plain, thin = preconditioner.identity(n, None), preconditioner.identity(n, 16)
    for _ in range(5):  # rank-one terms alone: equal as long as the columns last
        u = rng.normal(size=(3, n)) / 3
        plain = preconditioner.add_rank_one(plain, jnp.asarray(u), jnp.ones(3), jnp.array(0.0))
        thin = preconditioner.add_rank_one(thin, jnp.asarray(u), jnp.ones(3), jnp.array(0.0))
        g = jnp.asarray(rng.normal(size=n))
        np.testing.assert_allclose(
            preconditioner.apply(plain, g), preconditioner.apply(thin, g), rtol=1e-9
        )


def secant_pairs(n, count, rng):
    hessian = np.diag(np.arange(1.0, n + 1))
    steps = rng.normal(size=(count, n))
    return [(jnp.asarray(s), jnp.asarray(hessian @ s)) for s in steps]


def test_secant_pairs_are_the_textbook_update_with_a_moving_scale():
    n = 5
    pairs = secant_pairs(n, 4, np.random.default_rng(1))
    dense, thin = preconditioner.identity(n, None), preconditioner.identity(n, 8)
    for k, (s, y) in enumerate(pairs):
        dense = preconditioner.add_secant(dense, s, y, jnp.array(True))
        thin = preconditioner.add_secant(thin, s, y, jnp.array(True))
        h = np.eye(n) * float(
            s @ y / (y @ y)
        )  # BFGS over all pairs so far, from the newest pair's scale
        for p, q in pairs[: k + 1]:
            left = np.eye(n) - np.outer(p, q) / float(p @ q)
            h = left @ h @ left.T + np.outer(p, p) / float(p @ q)
        np.testing.assert_allclose(dense.matrix, h, rtol=1e-9, atol=1e-12)
        g = jnp.arange(1.0, n + 1)
        np.testing.assert_allclose(preconditioner.apply(dense, g), h @ g, rtol=1e-9)
        np.testing.assert_allclose(preconditioner.apply(thin, g), h @ g, rtol=1e-9)
    unused = preconditioner.add_secant(dense, jnp.ones(n), -jnp.ones(n), jnp.array(False))
    np.testing.assert_allclose(unused.matrix, dense.matrix)


def test_davidons_update_keeps_the_secant_and_definiteness():
    n = 5
    dense, differs = preconditioner.identity(n, None), 0.0
    for k, (s, y) in enumerate(secant_pairs(n, 8, np.random.default_rng(2))):
        bs = jnp.linalg.solve(dense.matrix, s) if k else jnp.zeros(n)
        plain = preconditioner.add_secant(dense, s, y, jnp.array(True))
        dense = preconditioner.add_secant(dense, s, y, jnp.array(True), bs, 1.0)
        differs = max(differs, float(jnp.abs(plain.matrix - dense.matrix).max()))
        np.testing.assert_allclose(dense.matrix @ y, s, rtol=1e-7, atol=1e-9)
        if k:
            assert np.linalg.eigvalsh(dense.matrix).min() > 0
    assert differs > 1e-3


def test_factorised_pairs_are_limited_memory_bfgs():
    rng = np.random.default_rng(0)
    n, m = 9, 4
    a = rng.normal(size=(n, n))
    a = a @ a.T + np.eye(n)
    b = preconditioner.identity(n, m)
    b = preconditioner.add_rank_one(
        b, jnp.asarray(rng.normal(size=(2, n))), jnp.array([0.3, 0.2]), jnp.zeros(())
    )
    pairs = []
    for k in range(7):
        s = rng.normal(size=n)
        b = preconditioner.add_secant(b, jnp.asarray(s), jnp.asarray(a @ s), jnp.asarray(k != 2))
        pairs += [(s, a @ s)] if k != 2 else []
        columns = np.asarray(b.columns)
        h = float(b.scale) * (np.diag(b.diagonal) + columns.T @ columns)
        for s_, y_ in pairs[-m:]:
            v = np.eye(n) - np.outer(s_, y_) / (s_ @ y_)
            h = v @ h @ v.T + np.outer(s_, s_) / (s_ @ y_)
        g = rng.normal(size=n)
        np.testing.assert_allclose(
            preconditioner.apply(b, jnp.asarray(g)), h @ g, rtol=1e-9, atol=1e-12
        )
