"""The learned optimizers: features, equivariance, preconditioners, PES, weights, resume."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from motionrecon import optimizers
from motionrecon.errors import ModelError
from motionrecon.learned import learned
from motionrecon.learned import weights_io as weights
from motionrecon.learned.adafactor.adafactor_mlp import AdafactorMlpConfig
from motionrecon.learned.optimus import features, preconditioner
from motionrecon.learned.optimus.optimus import OptimusConfig
from motionrecon.learned.train import functions, pes
from motionrecon.learned.train.train import Trainer, TrainOptions, train
from motionrecon.optimizers.learned import as_optax

CONFIGS = (
    OptimusConfig(width=8, heads=2),
    OptimusConfig(width=8, columns=8, linear_attention=True),
    OptimusConfig(width=8, family="paper"),
    AdafactorMlpConfig(),
)


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def perturbed(config, size=0.1):
    """Meta-parameters away from their zeros, so that every head does something."""
    flat, unravel = ravel_pytree(learned.init_theta(config, jax.random.key(0)))
    return unravel(flat + size * jax.random.normal(jax.random.key(1), flat.shape))


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


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_relabelling_the_parameters_relabels_the_steps(config):
    problem = functions.problem("rastrigin", 6, seed=0)
    order = np.array([3, 1, 5, 0, 2, 4])
    theta, points = perturbed(config), []
    update = jax.jit(lambda s, x, f, g: learned.update(config, theta, s, x, f, g))
    for take in (np.arange(6), order):
        x, state = jnp.asarray(problem.start[take]), learned.init(config, 6)
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


def test_pes_is_unbiased_on_a_quadratic():
    """x' = x - theta x on f = x^2 / 2 is too easy to be right by luck: the loss of T steps is a
    polynomial in theta.
    """
    inner = pes.Inner(
        sample=lambda key: jnp.ones(()),
        start=lambda task: jnp.array(1.0),
        advance=lambda theta, task, x: (
            x + theta[0] - 0.5 * x,
            0.5 * (x + theta[0] - 0.5 * x) ** 2,
        ),
    )
    length, truncation, sigma, theta = 4, 2, 0.1, jnp.array([0.3])

    def total(t):
        x, losses = jnp.array(1.0), 0.0
        for _ in range(length):
            x, loss = inner.advance(t, None, x)
            losses = losses + loss
        return losses / length

    exact = float(
        jax.grad(total)(theta)[0]
    )  # quadratic in theta: Gaussian smoothing leaves its gradient as it is
    options = {"sigma": sigma, "truncation": truncation, "lengths": (length, length)}
    count = 20_000
    particles = jax.vmap(lambda k: pes.new_particle(inner, k, 1, (length, length)))(
        jax.random.split(jax.random.key(0), count)
    )
    estimates = []
    for i in range(2):
        grad, _, particles = pes.gradient(
            inner, lambda t: t, theta, particles, jax.random.key(i + 1), **options
        )
        estimates.append(float(grad[0]))
    assert np.mean(estimates) == pytest.approx(exact, rel=0.05)
    assert abs(estimates[0] - exact) > 0.05 * abs(
        exact
    )  # one truncation alone is not the whole gradient


def test_training_resumes_exactly(tmp_path):
    config = AdafactorMlpConfig()
    options = TrainOptions(
        steps=6, dimensions=(2,), particles=2, truncation=3, lengths=(6, 8), validate_every=3
    )
    quiet = lambda *a, **k: None  # noqa: E731
    whole = train(config, options, tmp_path, say=quiet)
    shutil.rmtree(tmp_path / "checkpoints" / "6")  # back to the checkpoint of step 3
    again = train(config, options, tmp_path, say=quiet)
    assert int(again.state["step"]) == 6
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)),
        whole.state,
        again.state,
    )
    assert [json.loads(line)["step"] for line in open(tmp_path / "curve.jsonl")] == [0, 3, 6, 3, 6]


def test_a_seed_fixes_training():
    options = TrainOptions(steps=3, dimensions=(2,), particles=2, truncation=3, lengths=(6, 8))
    one, two = (Trainer(AdafactorMlpConfig(), options) for _ in range(2))
    two._steps = one._steps  # compiled once
    for trainer in (one, two):
        trainer.step()
    np.testing.assert_array_equal(one.state["theta"], two.state["theta"])
    other = Trainer(AdafactorMlpConfig(), dataclasses.replace(options, seed=1))
    assert np.any(np.asarray(other.state["theta"]) != np.asarray(one.state["theta"]))


def test_weights_round_trip_and_their_errors(tmp_path):
    config = OptimusConfig(width=8)
    theta = learned.init_theta(config, jax.random.key(0))
    weights.save(tmp_path / "w", config, theta)
    back, loaded = weights.load("w", tmp_path / "w")
    assert back == config
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a, np.float32), b), theta, loaded
    )
    with pytest.raises(ModelError, match="no weights called 'nothing'"):
        weights.load("nothing")
    text = (tmp_path / "w" / "config.json").read_text()
    (tmp_path / "w" / "config.json").write_text(text.replace('"width": 8', '"width": 16'))
    with pytest.raises(ModelError, match="another configuration"):
        weights.load("w", tmp_path / "w")
    (tmp_path / "w" / "config.json").write_text("{")
    with pytest.raises(ModelError, match="config.json"):
        weights.load("w", tmp_path / "w")
    (tmp_path / "w" / "config.json").write_text(text)
    data = (tmp_path / "w" / "weights.safetensors").read_bytes()
    (tmp_path / "w" / "weights.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="damaged"):
        weights.load("w", tmp_path / "w")


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_scale_of_the_loss_changes_nothing(config):
    theta, ends = perturbed(config, 0.02), []
    # Powers of two and few steps: what differs is dependence on the scale, not rounding grown
    # large.
    for factor in (1.0, 2.0**-10, 2.0**10):
        p = functions.problem("sum-squares", 5, seed=0)
        p = functions.FunctionProblem(functions.rescaled(p.variant, 1.0, factor))
        optimizer = optimizers.learned.Learned(
            "t", config, theta, optimizers.learned.LearnedOptions()
        )
        ends.append(optimizers.minimize(p, p.start, optimizer, 8).loss / factor)
    np.testing.assert_allclose(ends, ends[0], rtol=1e-2)


@pytest.mark.parametrize("columns", [None, 8])
def test_exploration_leaves_the_first_basin_and_local_work_stops_in_it(columns):
    config = OptimusConfig(width=8, columns=columns)
    theta = learned.init_theta(config, jax.random.key(0))
    p = functions.problem("rastrigin", 2, seed=0)
    results = {}
    for explore in (False, True):
        options = optimizers.learned.LearnedOptions(explore=explore, gradient_tolerance=1e-6)
        results[explore] = optimizers.minimize(
            p, p.start, optimizers.learned.Learned("t", config, theta, options), 300
        )
    assert results[False].status == "converged" and results[False].evaluations < 60
    assert results[True].evaluations == 300 and results[True].loss < 0.9 * results[False].loss
    options = optimizers.learned.LearnedOptions()
    again = optimizers.minimize(
        p, p.start, optimizers.learned.Learned("t", config, theta, options), 300
    )
    np.testing.assert_array_equal(again.x, results[True].x)  # the hops are drawn from a fixed key


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_one_unknown_nan_and_constants_never_give_a_point_that_is_not_finite(config):
    theta = perturbed(config, 0.02)
    update = jax.jit(lambda s, x, f, g: learned.update(config, theta, s, x, f, g))
    losses = {
        "constant": lambda x, k: (1.0, 0.0 * x),
        "nan sometimes": lambda x, k: (x @ x if k % 3 else np.nan, 2 * x if k % 4 else np.inf * x),
        "one": lambda x, k: (x @ x, 2 * x),
    }
    for name, rule in losses.items():
        x, state = (
            np.ones(1 if name == "one" else 3),
            learned.init(config, 1 if name == "one" else 3),
        )
        for k in range(1, 25):
            loss, grad = rule(x, k)
            step, state = update(state, x, jnp.asarray(loss), jnp.asarray(grad))
            x = x + np.asarray(step)
            assert np.all(np.isfinite(x)), (name, k)


def test_as_an_optax_transformation():
    p = functions.problem("sphere", 6, seed=0)
    config = CONFIGS[0]
    rule = as_optax(config, learned.init_theta(config, jax.random.key(0)))
    params = {"a": jnp.asarray(p.start[:2]), "b": jnp.asarray(p.start[2:]).reshape(2, 2)}
    state, start = rule.init(params), p.value(p.start)
    for _ in range(25):
        flat, unravel = ravel_pytree(params)
        loss, grad = p.value_and_grad(np.asarray(flat))
        updates, state = rule.update(unravel(jnp.asarray(grad)), state, params, value=loss)
        params = optax.apply_updates(params, updates)
    assert p.value(np.asarray(ravel_pytree(params)[0])) < 1e-6 * start


def test_pes_leaves_alone_what_is_not_perturbed():
    inner = pes.Inner(
        sample=lambda key: jnp.zeros(()),
        start=lambda task: jnp.zeros(()),
        advance=lambda theta, task, state: (state, jnp.sum(theta**2)),
    )
    options = {"sigma": jnp.array([0.1, 0.0]), "truncation": 2, "lengths": (4, 4)}
    particles = jax.vmap(lambda k: pes.new_particle(inner, k, 2, (4, 4)))(
        jax.random.split(jax.random.key(0), 50)
    )
    grad, _, _ = pes.gradient(
        inner, lambda t: t, jnp.array([1.0, 1.0]), particles, jax.random.key(1), **options
    )
    assert grad[0] > 0.5 and grad[1] == 0.0


def test_rules_alone_can_be_trained_from_given_weights_and_the_best_are_kept(tmp_path):
    config = OptimusConfig(width=8)
    theta = perturbed(config, 0.02)
    options = TrainOptions(
        steps=2,
        dimensions=(2,),
        particles=2,
        truncation=3,
        lengths=(6, 8),
        validate_every=1,
        only_rules=True,
    )
    trainer = train(config, options, tmp_path, say=lambda *a, **k: None, theta=theta)
    moved = jax.tree.map(
        lambda a, b: bool(np.any(np.asarray(a) != np.asarray(b))), trainer.theta, theta
    )
    assert not any(jax.tree.leaves(moved["network"])) and any(moved["rules"].values())
    lines = [json.loads(line)["validation"] for line in open(tmp_path / "curve.jsonl")]
    _, best = weights.load("best", tmp_path / "best")
    start_is_best = min(lines) == lines[0]
    kept = ravel_pytree(best["rules"])[0]
    assert start_is_best == np.allclose(kept, ravel_pytree(theta["rules"])[0], atol=1e-6)


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
