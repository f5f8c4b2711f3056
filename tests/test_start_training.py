"""Training of the law that gives a window's start: exact gradients, resumed to the bit."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

from motionrecon import load_clip
from motionrecon.assets import folder
from motionrecon.cli.main import main as command
from motionrecon.errors import ModelError, OptimizerError
from motionrecon.learned.train import families, unroll
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.build import solved_group
from motionrecon.learned.train.options import StartOptions
from motionrecon.learned.train.session import train, trainer
from motionrecon.learned.train.tasks import starts
from motionrecon.learned.train.usual import USUAL
from motionrecon.pipeline import Options

SMALL = Options(max_evaluations=3, grow_evaluations=2, threads=1, start="grown")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    path = tmp_path_factory.mktemp("cache")
    group = solved_group(load_clip(folder() / "walk.npz").until(0.6), "walk", SMALL)
    for name in ("training-00000.npz", "validation-00000.npz"):
        files.save(path / name, group)
    return path


def options(cache, **changes):
    """The small encoder: JAX compiles it in a second."""
    own = StartOptions(cache=cache, groups=1, encoder="mlp")
    usual = dataclasses.replace(USUAL["optimus-start"], particles=2, starts=own)
    return dataclasses.replace(usual, **changes)


def test_the_gradient_is_that_of_the_mean_log_of_the_loss(cache, monkeypatch):
    monkeypatch.setattr(starts, "_NORM", np.inf)
    monkeypatch.setattr(starts, "_SOFT", 0.0)
    for bound in ("_KNOTS", "_STATES"):
        monkeypatch.setattr(unroll, bound, np.inf)
    with jax.enable_x64(True):
        subject = families.starts(options(cache))
        rng, tasks = np.random.default_rng(0), subject.tasks
        theta = subject.theta0 + 0.005 * rng.standard_normal(subject.theta0.shape)
        state = tasks.start(None)
        gradient, loss, after = tasks.estimate(None, theta, state, 0)
        along = gradient / np.linalg.norm(gradient)
        h = 2e-4 / np.linalg.norm(gradient)
        up, down = (tasks.estimate(None, theta + s * h * along, state, 0)[1] for s in (5, -5))
    assert int(after["fallen"]) == 0 and np.isfinite(loss)
    # the law speaks in single precision, so the difference is taken over some length
    np.testing.assert_allclose((up - down) / (10 * h), np.linalg.norm(gradient), rtol=0.03)


def test_training_goes_on_to_the_bit(cache, tmp_path):
    whole, again = tmp_path / "whole", tmp_path / "again"
    train(options(cache, out=whole, steps=3, validate_every=2), lambda line: None)
    shutil.copytree(whole, again)
    shutil.rmtree(again / "checkpoints" / "3")  # back to that of step 2
    shutil.rmtree(again / "last")
    train(options(cache, out=again, steps=3, validate_every=2), lambda line: None)
    one, two = ((run / "last" / "weights.safetensors").read_bytes() for run in (whole, again))
    assert one == two
    more = options(cache, out=tmp_path / "more", steps=1, start=whole / "last")
    train(more, lambda line: None)
    assert (tmp_path / "more" / "last" / "weights.safetensors").read_bytes() != one


def test_a_network_that_stands_alone_learns_what_the_regulator_says(cache):
    own = StartOptions(
        cache=cache, groups=1, encoder="mlp", regulator=False, imitation=2000, noise=0
    )
    with jax.enable_x64(True):
        run = trainer(options(cache, starts=own, steps=60, learning_rate=3e-3))
        for _ in range(60):
            run.step()
        tasks, before = run.subject.tasks, run.subject.theta0
        # windows and errors that it was not shown
        fresh = [
            np.mean([tasks.estimate(None, theta, {}, 1000 + i)[1] for i in range(12)])
            for theta in (before, run.theta)
        ]
    assert fresh[1] < 0.6 * fresh[0]


def test_imitating_the_regulator_is_for_a_network_without_it(cache):
    with pytest.raises(OptimizerError, match="nothing to learn from it"):
        StartOptions(cache=cache, imitation=5)


def test_draws_are_a_function_of_seed_step_and_place(cache):
    with jax.enable_x64(True):
        tasks = families.starts(options(cache)).tasks
    a, b, c = tasks.draw(3, 1), tasks.draw(3, 1), tasks.draw(4, 1)
    np.testing.assert_array_equal(a.begin.qvel, b.begin.qvel)
    assert not np.array_equal(a.begin.qvel, c.begin.qvel)
    kinds = {len(tasks.draw(step, 0).begin.ahead) > 0 for step in range(20)}
    assert kinds == {True, False}


def test_a_cache_with_too_little_is_one_line(cache, tmp_path, capsys):
    with pytest.raises(ModelError, match="1 training and 1 validation groups, expected at least 2"):
        starts.cached(cache, 2)
    words = ["train", "optimus-start", "--out", str(tmp_path / "run"), "--cache", str(tmp_path)]
    assert command(words) == 2
    assert "0 training and 0 validation groups" in capsys.readouterr().err
    assert command([*words, "--without", "jump"]) == 2
    assert "no use for without" in capsys.readouterr().err
