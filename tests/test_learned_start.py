"""The learned start of a window: its network, its closed loop and that loop's gradient."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from motionrecon import load_clip, windows
from motionrecon.errors import ModelError
from motionrecon.learned import store
from motionrecon.learned.law import network
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.plan import plan
from motionrecon.learned.law.planner import Planner
from motionrecon.learned.law.rollout import Law
from motionrecon.learned.train.unroll import unroll
from motionrecon.pipeline import Options, prepare, reconstruct
from motionrecon.windows import Handover, candidates

FRAMES = 6
ENCODERS = ("transformer", "mlp")


@pytest.fixture(scope="module")
def clip(bundled_clip):
    return load_clip(bundled_clip("walk")).until(0.5)


@pytest.fixture(scope="module")
def reference(clip):
    return prepare(clip, Options(threads=1)).reference


@pytest.fixture(scope="module")
def whole(reference):
    return plan(reference)


def config_of(whole, encoder="transformer", regulator=True, gated=True):
    joints, token = whole.knots.shape[1], whole.tokens.shape[1]
    sizes = (16, 2, 2, 16, 2, FRAMES)
    return LawConfig(encoder, *sizes, regulator, gated, token, 3 * joints + 12, joints)


def spread(config, seed=0):
    """Weights that say something, in double precision."""
    rng, theta = np.random.default_rng(seed), network.init_theta(config, seed)
    return {k: a + 0.02 * rng.standard_normal(a.shape) for k, a in theta.items()}


@pytest.mark.parametrize(("encoder", "gated"), [("transformer", True), ("mlp", False)])
def test_numpy_and_jax_say_the_same(whole, encoder, gated):
    config = config_of(whole, encoder, gated=gated)
    theta, rng = spread(config), np.random.default_rng(1)
    tokens = rng.standard_normal((FRAMES + 3, config.token + config.joints + 1))
    error = rng.standard_normal(config.error)
    with jax.enable_x64(True):
        said = []
        for xp in (np, jnp):
            h = network.encode(theta, config, tokens, xp)
            said.append(np.asarray(network.decide(theta, h[2], h[3], error, xp)))
        by_knot = rng.standard_normal(config.joints)
        h = network.encode(theta, config, tokens, np)
        _, back = jax.vjp(lambda e: network.decide(theta, h[2], h[3], e, jnp), error)
        own = network.decide_back(theta, h[2], h[3], error, by_knot)
        np.testing.assert_allclose(own, back(by_knot)[0], rtol=1e-9)
    np.testing.assert_allclose(*said, rtol=1e-9)
    assert np.abs(said[0]).max() > 1e-3


def test_a_token_far_away_is_heard_by_the_transformer_alone(whole):
    rng, changes = np.random.default_rng(1), {}
    for encoder in ENCODERS:
        config = config_of(whole, encoder)
        theta = spread(config)
        tokens = rng.standard_normal((FRAMES + 3, config.token + config.joints + 1))
        other = tokens.copy()
        other[-1] += 1.0  # beyond the window's end
        a, b = (network.encode(theta, config, t, np)[0] for t in (tokens, other))
        changes[encoder] = np.abs(a - b).max()
    assert changes["transformer"] > 1e-4 and changes["mlp"] == 0.0


@pytest.mark.parametrize("regulator", [True, False])
def test_untrained_the_law_is_what_it_corrects(reference, whole, regulator):
    config = config_of(whole, regulator=regulator)
    at = reference.beginning()
    window = reference.window(at, FRAMES)
    x = Law(config, network.init_theta(config, 0)).start(whole, window, 0, at.ahead).x
    error = np.zeros(config.error)
    error[2] = at.qpos[2] - reference.qpos[0, 2]  # beginning() moves the body to its floor
    r = whole.regulator
    wish = r.push[0] + r.gains[0] @ error if regulator else whole.knots[1]
    np.testing.assert_allclose(x[0], np.clip(wish, -whole.limit, whole.limit), atol=1e-9)


@pytest.mark.parametrize("given", [0, 2])
def test_the_gradient_of_the_closed_loop_is_exact(reference, whole, monkeypatch, given):
    config = config_of(whole)
    law, rng = Law(config, spread(config)), np.random.default_rng(2)
    at = reference.beginning(3)
    begin = Handover(3, at.qpos, at.qvel, at.knot, 0.02 * rng.standard_normal((given, 37)))
    window = reference.window(begin, FRAMES)
    loop = law.start(whole, window, 3, begin.ahead)
    found = unroll(law, window, loop, clipped=False)
    np.testing.assert_array_equal(loop.x[:given], begin.ahead)
    assert not found.pushed[:given].any()
    decide = network.decide

    def loss(push):
        frames = iter(push[given:])
        monkeypatch.setattr(network, "decide", lambda *a: decide(*a) + next(frames))
        x = law.start(whole, window, 3, begin.ahead).x
        return window.value(x.ravel())

    for frame in (given, FRAMES - 1):
        e = np.zeros_like(found.pushed)
        e[frame] = rng.standard_normal(window.nu)
        h = 1e-5
        slope = (loss(h * e) - loss(-h * e)) / (2 * h)
        assert abs(slope) > 1e-2
        # errors are handed to the network in single precision
        np.testing.assert_allclose((found.pushed * e).sum(), slope, rtol=1e-3)


def test_a_motion_that_falls_apart_has_no_gradient(reference, whole):
    config = config_of(whole)
    law, at = Law(config, network.init_theta(config, 0)), reference.beginning()
    window = reference.window(at, FRAMES)
    loop = law.start(whole, window, 0, at.ahead)
    loop.x[:] = np.nan
    assert unroll(law, window, loop) is None


def test_plans_along_a_reference_are_made_piece_by_piece(reference, whole, monkeypatch):
    monkeypatch.setattr("motionrecon.learned.law.planner._FRAMES", 4)
    short = dataclasses.replace(reference.options, window_frames=FRAMES, keep_frames=3)
    reference = dataclasses.replace(reference, options=short)
    planner = Planner(Law(LawConfig(ahead=2), None), reference)
    first = planner.prepare(0)
    assert (first.first, len(first.knots)) == (0, 4 + FRAMES + 2 + 1)
    assert planner.prepare(4) is first
    later = planner.prepare(5)
    assert later is not first and later.first == 5
    np.testing.assert_array_equal(later.qpos[0], reference.qpos[5])
    assert planner.prepare(reference.frames - 1).first <= reference.frames - 1


def test_a_bad_law_does_not_spoil_a_window(reference):
    """It is one candidate of three."""

    class Bad:
        def start(self, window, first, ahead):
            return np.full(window.n, np.nan)

    at = reference.beginning()
    window = reference.window(at, FRAMES)
    today, bad = (candidates(window, at, planner) for planner in (None, Bad()))
    assert bad["feedback"][1] == np.inf
    assert {name: loss for name, (_, loss) in today.items()}.items() <= {
        name: loss for name, (_, loss) in bad.items()
    }.items()


def test_feedback_starts_lower_is_told_and_is_left_where_it_is_poor(clip, monkeypatch):
    options = Options(threads=1, max_evaluations=4, grow_evaluations=3, start="regulator")
    plain = reconstruct(clip, dataclasses.replace(options, start="grown"))
    monkeypatch.setattr(windows, "BELIEVED", np.inf)
    motion = reconstruct(clip, options)
    found, today = motion.report.windows, plain.report.windows
    assert found[0].start == "feedback" and found[0].loss_start < 0.7 * today[0].loss_start
    assert {w.start for w in today} <= {"shifted", "zero"}
    assert any("began with feedback" in line for line in motion.report.findings)
    assert not any("began with" in line for line in plain.report.findings)
    monkeypatch.setattr(windows, "BELIEVED", 0.0)
    np.testing.assert_array_equal(reconstruct(clip, options).qpos, plain.qpos)


def test_the_law_that_ships_starts_a_clip_lower_than_zero(reference):
    """By its name; on the bundled walk, which is a training clip of another length."""
    planner = Planner.of("optimus-start", reference)
    at = reference.beginning()
    window = reference.window(at, min(20, reference.frames))
    losses = {name: loss for name, (_, loss) in candidates(window, at, planner).items()}
    assert losses["feedback"] < 0.5 * losses["zero"]
    with pytest.raises(ModelError, match="optimus-classical: expected the weights of a law"):
        Planner.of("optimus-classical", reference)


def test_the_law_is_for_optimus_and_not_for_its_rivals(clip):
    few = Options(threads=1, max_evaluations=2, grow_evaluations=2)
    for name, learned in (("optimus-motion", True), ("levenberg-marquardt", False)):
        report = reconstruct(clip, dataclasses.replace(few, optimizer=name)).require_report()
        assert any("began with" in line for line in report.findings) == learned


def test_a_trained_law_is_used_from_its_folder(reference, whole, tmp_path):
    config = dataclasses.replace(config_of(whole), frames=20)
    store.save(tmp_path, config, spread(config))
    at = reference.beginning()
    window = reference.window(at, FRAMES)
    law, regulator = Planner.of(str(tmp_path), reference), Planner.of("regulator", reference)
    a, b = (p.start(window, 0, at.ahead) for p in (law, regulator))
    assert np.isfinite(a).all() and np.abs(a - b).max() > 1e-3
    assert Planner.of("grown", reference) is None
    assert Planner.of("auto", reference) is not None
    longer = dataclasses.replace(reference.options, window_frames=30)
    assert Planner.of("auto", dataclasses.replace(reference, options=longer)) is None
    store.save(tmp_path, config_of(whole), spread(config_of(whole)))  # of windows too short
    with pytest.raises(ModelError, match="37 joints and windows of 20 frames"):
        Planner.of(str(tmp_path), reference)
    with pytest.raises(ModelError, match="no weights in"):
        Planner.of("nowhere", reference)


def test_weights_on_disk(tmp_path, whole):
    config = config_of(whole)
    theta = network.init_theta(config, 0)
    store.save(tmp_path, config, theta)
    again, tree = store.load(tmp_path)
    assert again == config
    np.testing.assert_array_equal(
        store.leaves(tree)["layer1/up"], theta["layer1/up"].astype(np.float32)
    )
    other = dataclasses.replace(config, hidden=8)
    store.write_json(tmp_path / "config.json", {"kind": "law", **dataclasses.asdict(other)})
    with pytest.raises(ModelError, match="another configuration"):
        store.load(tmp_path)


@pytest.mark.parametrize("wrong", [{"width": 15}, {"layers": 0}, {"encoder": "gru"}])
def test_sizes_that_make_no_network(wrong):
    with pytest.raises(ModelError):
        LawConfig(**wrong)
