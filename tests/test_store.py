"""Weights on disk: all that ship load and work, and every damage is told in one line."""

import dataclasses

import jax
import numpy as np
import pytest
from problems import RosenbrockResiduals

from motionrecon import optimizers
from motionrecon.errors import ModelError
from motionrecon.learned import algorithm, store
from motionrecon.learned.optimus import OptimusConfig
from motionrecon.learned.steered import policy

LAWS = {"optimus-start"}  # they give starts, and are no optimizers: test_learned_start


def test_every_kind_of_optimizer_that_is_learned_ships_its_weights():
    learned = {name for name in optimizers.names() if optimizers.make(name).learned}
    assert learned == set(store.available()) - LAWS


@pytest.mark.parametrize("name", sorted(set(store.available()) - LAWS))
def test_all_available_weights_load_and_take_a_step(name):
    config, theta = store.load(name)
    assert dataclasses.is_dataclass(config) and theta
    optimizer, problem = optimizers.make(name), RosenbrockResiduals()
    state = optimizer.init(problem, np.full(6, -0.8))
    before = state.loss
    state = optimizer.step(problem, state)
    assert state.iteration == 1 and np.isfinite(state.x).all() and np.isfinite(state.loss)
    assert not np.array_equal(state.x, np.full(6, -0.8)) and state.best_loss <= before


def test_an_alias_loads_what_it_stands_for():
    for alias, name in optimizers.ALIASES.items():
        assert alias not in optimizers.names() and optimizers.resolve(alias) == name
        assert optimizers.make(alias).name == name
        assert store.load(alias)[0] == store.load(name)[0]


def test_weights_come_back_and_their_errors(tmp_path):
    config, folder = OptimusConfig(width=8), tmp_path / "w"
    with jax.enable_x64(True):
        theta = algorithm.init_theta(config, jax.random.key(0))
    store.save(folder, config, theta)
    back, loaded = store.load(folder)
    assert back == config
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a, np.float32), b), theta, loaded
    )
    with pytest.raises(ModelError, match="no weights called 'nothing'.*optimus-classical"):
        store.load("nothing")
    with pytest.raises(ModelError, match="no weights called"):
        store.load("../weights/optimus-classical")
    with pytest.raises(ModelError, match="no weights in"):
        store.load(tmp_path / "nowhere")
    text = (folder / "config.json").read_text()
    damages = {
        text.replace('"width": 8', '"width": 16'): "another configuration",
        text.replace('"width": 8', '"girth": 8'): "config.json is of another version",
        text.replace('"optimus"', '"other"'): "config.json is of another version",
        text.replace('"family": "secant"', '"family": "third"'): "choose secant or paper",
        "{": "config.json is missing or damaged",
        text.replace('"layers": 3', '"layers": 1000000000'): "layers 1 to 100",
        text.replace('"layers": 3', '"layers": "3"'): "config.json is of another version",
        text.replace('"first_radius": 0.1', '"first_radius": NaN'): "first_radius > 0",
        "[" * 100_000: "config.json is missing or damaged",
        "[]": "config.json holds list",
    }
    for damaged, message in damages.items():
        (folder / "config.json").write_text(damaged)
        with pytest.raises(ModelError, match=message):
            store.load(folder)
    (folder / "config.json").write_text(text)
    data = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="damaged"):
        store.load(folder)


def test_weights_of_the_policy_come_back_and_damage_is_told(tmp_path):
    config = policy.PolicyConfig(hidden=2)
    theta = policy.init_theta(config, 1)
    store.save(tmp_path, config, theta)
    back_config, back = store.load(tmp_path)
    assert back_config == config and all(np.array_equal(back[k], theta[k]) for k in theta)
    vector = policy.ravel(back)
    assert np.array_equal(vector, policy.ravel(theta)) and vector.dtype == np.float64
    assert np.array_equal(policy.ravel(policy.unravel(config, vector)), vector)
    store.save(tmp_path, dataclasses.replace(config, hidden=3), theta)
    with pytest.raises(ModelError, match="another configuration"):
        store.load(tmp_path)
    store.save(tmp_path, config, theta | {"bias": np.full(policy.OUTPUTS, np.nan)})
    with pytest.raises(ModelError, match="bias holds values that are not finite"):
        store.load(tmp_path)
    with pytest.raises(ModelError, match="hidden is 0"):
        policy.PolicyConfig(hidden=0)
