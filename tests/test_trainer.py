"""Meta-training: it resumes exactly, is fixed by its seed, and refuses what does not go on."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from motionrecon.errors import OptimizerError
from motionrecon.learned import algorithm, store
from motionrecon.learned.optimus import OptimusConfig
from motionrecon.learned.train import families, session
from motionrecon.learned.train.options import ClassicalOptions, TrainOptions, WindowOptions
from motionrecon.learned.train.pes import Pes
from motionrecon.learned.train.trainer import Trainer, run
from motionrecon.learned.train.usual import CLASSICAL, MOTION, STARTS, USUAL

SMALL = ClassicalOptions(dimensions=(2,), truncation=3, lengths=(6, 8))
OPTIONS = TrainOptions(
    kind="adafactor-mlp", steps=6, particles=2, validate_every=3, classical=SMALL
)


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def silent(text):
    pass


@pytest.fixture(scope="module")
def subject():
    """One for all: what it has compiled serves every trainer."""
    with jax.enable_x64(True):
        return families.classical(OPTIONS)


@pytest.fixture
def trained(subject):
    """trained(options, folder): a trainer after its run."""

    def train(options, folder, max_seconds=None, say=silent):
        return run(Trainer(subject, Pes(), options), folder, max_seconds, say)

    return train


def curve(folder):
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def same(one, two):
    one, two = ({k: v for k, v in s.items() if k != "seconds"} for s in (one, two))
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), one, two)


def test_it_resumes_exactly(tmp_path, trained):
    said = []
    whole = trained(OPTIONS, tmp_path / "whole", say=said.append)
    assert "left" in said[1] and "weights" in said[-1]
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "checkpoints" / "6")  # back to the checkpoint of step 3
    again = trained(OPTIONS, tmp_path / "again")
    assert whole.count == again.count == 6
    same(whole.state, again.state)
    assert curve(tmp_path / "whole") == curve(tmp_path / "again")
    assert [line["step"] for line in curve(tmp_path / "again")] == [0, 3, 6]
    one, two = (store.load(tmp_path / run / "last")[1] for run in ("whole", "again"))
    jax.tree.map(np.testing.assert_array_equal, one, two)


def test_calls_that_are_cut_short_add_up_to_one(tmp_path, trained, monkeypatch):
    whole = trained(OPTIONS, tmp_path / "whole")

    class EveryLookIsASecond:
        def __init__(self):
            self.looks = 0

        def seconds(self):
            self.looks += 1
            return np.array([self.looks, self.looks], float)

    monkeypatch.setattr("motionrecon.learned.train.trainer._Clock", EveryLookIsASecond)
    said, counts = [], []
    while not counts or counts[-1] < OPTIONS.steps:
        counts.append(trained(OPTIONS, tmp_path / "parts", 2.5, said.append).count)
    assert len(counts) > 3 and counts == sorted(set(counts))
    assert sum("stopped after" in text for text in said) == len(counts) - 1
    again = trained(OPTIONS, tmp_path / "parts")
    same(whole.state, again.state)
    assert curve(tmp_path / "whole") == curve(tmp_path / "parts")


def test_a_checkpoint_of_other_options_is_refused_in_one_line(tmp_path, trained):
    trained(dataclasses.replace(OPTIONS, steps=1), tmp_path)
    for other, named in (
        (dataclasses.replace(OPTIONS, steps=1, sigma=0.5), "sigma is 0.01 there, 0.5 here"),
        (dataclasses.replace(OPTIONS, steps=1, particles=3), "particles is 2 there, 3 here"),
        (dataclasses.replace(OPTIONS, steps=1, kind="optimus"), "kind is adafactor-mlp there"),
    ):
        with pytest.raises(OptimizerError, match=named) as error:
            trained(other, tmp_path)
        assert "\n" not in str(error.value) and "--out" in str(error.value)
    # How often it is looked at and for how long does not make it another training.
    trained(dataclasses.replace(OPTIONS, steps=1, validate_every=7, max_seconds=9.0), tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "1" / "state")
    with pytest.raises(OptimizerError, match="cannot be read"):
        trained(dataclasses.replace(OPTIONS, steps=1), tmp_path)


def test_a_seed_fixes_training(subject):
    one, two = Trainer(subject, Pes(), OPTIONS), Trainer(subject, Pes(), OPTIONS)
    for trainer in (one, two):
        trainer.step()
    np.testing.assert_array_equal(one.theta, two.theta)
    other = session.trainer(dataclasses.replace(OPTIONS, seed=1))
    assert np.any(other.theta != Trainer(subject, Pes(), OPTIONS).theta)


def test_what_is_kept_is_the_average_of_the_weights(subject):
    trainer = Trainer(subject, Pes(), dataclasses.replace(OPTIONS, average=0.6))
    passed = []
    for _ in range(4):
        trainer.step()
        passed.append(np.asarray(trainer.state["theta"]))
    first = np.mean(passed[:2], axis=0)  # 1 - 0.6 is less than a half, and more than a third
    expected = 0.6 * (0.6 * first + 0.4 * passed[2]) + 0.4 * passed[3]
    np.testing.assert_allclose(trainer.theta, expected, rtol=1e-12)


def test_rules_alone_can_be_trained_from_given_weights_and_the_best_are_kept(tmp_path):
    config = OptimusConfig(width=8, layers=1, explore=False)  # half a minute less of compiling
    flat, unravel = ravel_pytree(algorithm.init_theta(config, jax.random.key(0)))
    theta = unravel(flat + 0.02 * jax.random.normal(jax.random.key(1), flat.shape))
    store.save(tmp_path / "start", config, theta)
    options = dataclasses.replace(
        OPTIONS,
        kind="optimus",
        steps=2,
        validate_every=1,
        only_rules=True,
        start=tmp_path / "start",
    )
    run(session.trainer(options), tmp_path, say=silent)
    _, before = store.load(tmp_path / "start")
    _, last = store.load(tmp_path / "last")
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), last, before)
    assert not any(jax.tree.leaves(moved["network"])) and any(moved["rules"].values())
    losses = [line["validation"] for line in curve(tmp_path)]
    _, best = store.load(tmp_path / "best")
    kept = ravel_pytree(best["rules"])[0]
    start_is_best = min(losses) == losses[0]
    assert start_is_best == np.allclose(kept, ravel_pytree(before["rules"])[0], atol=1e-6)
    with pytest.raises(OptimizerError, match="no rules"):
        session.trainer(dataclasses.replace(OPTIONS, only_rules=True))


def test_every_kind_has_its_usual_options():
    assert set(USUAL) == {*CLASSICAL, *MOTION, *STARTS}
    assert all(options.kind == name for name, options in USUAL.items())
    with pytest.raises(OptimizerError, match="unknown kind 'newton'.*steered-gauss-newton"):
        session.train(TrainOptions(kind="newton"))
    with pytest.raises(OptimizerError, match="search is for"):
        session.train(TrainOptions(kind="optimus", search=6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClassicalOptions(truncation=20), "truncation"),
        (lambda: ClassicalOptions(lengths=(30, 20)), "ascending"),
        (lambda: ClassicalOptions(dimensions=()), "dimensions"),
        (lambda: ClassicalOptions(opening=1.5), "opening"),
        (lambda: WindowOptions(truncation=500.0), "truncation <= episode"),
        (lambda: WindowOptions(groups=0), "positive"),
        (lambda: WindowOptions(stages=()), "stages"),
        (lambda: TrainOptions(particles=0), "particles is 0.*positive"),
        (lambda: TrainOptions(sigma=float("nan")), "sigma is nan"),
        (lambda: TrainOptions(seed=-1), "seed is -1"),
        (lambda: TrainOptions(average=1.0), "average is 1.0: expected"),
    ],
)
def test_options_out_of_range_are_refused(make, message):
    with pytest.raises(OptimizerError, match=message):
        make()
