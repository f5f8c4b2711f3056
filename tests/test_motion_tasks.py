"""Windows as meta-training tasks, and the learned optimizers that are trained on them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from motionrecon import assets, load_clip, optimizers
from motionrecon.errors import ClipError, ModelError, OptimizerError
from motionrecon.learned import motion_policy, motion_start, motion_weights
from motionrecon.learned.train import motion_split
from motionrecon.learned.train.motion_cost import Costed
from motionrecon.learned.train.motion_search import losses, search
from motionrecon.learned.train.motion_tasks import (
    TaskSource,
    Variation,
    draw_variation,
    mirrored,
    of_clips,
    vary,
)
from motionrecon.learned.train.motion_train import MotionTrainer, MotionTrainOptions, train
from motionrecon.optimizers.base import Result
from motionrecon.optimizers.fallback import minimize_or_fall_back
from motionrecon.optimizers.optimus_motion import OptimusMotion, OptimusMotionOptions
from motionrecon.pipeline import Options
from motionrecon_benchmarks.motion import main as benchmark

CLIPS = assets.folder()
CONFIG = motion_policy.PolicyConfig(hidden=2)
# Small windows: the tests are about the bookkeeping, not about the motion.
SMALL = Options(window_frames=6, keep_frames=3, grow_frames=2)


@pytest.fixture(scope="module")
def source():
    return TaskSource([CLIPS / "walk.npz", CLIPS / "roll.npz"], seed=3, options=SMALL)


@pytest.fixture(scope="module")
def window_tasks():
    return next(of_clips([CLIPS / "jump.npz"], SMALL, seconds=0.8))


def policy(seed: int = 0) -> np.ndarray:
    return motion_policy.ravel(motion_policy.init_theta(CONFIG, seed))


def make(vector: np.ndarray) -> OptimusMotion:
    return OptimusMotion(
        "optimus-motion", motion_policy.unravel(CONFIG, vector), OptimusMotionOptions()
    )


def test_the_split_is_by_motion_and_leaves_nothing_out():
    parts = [motion_split.clips(None, part) for part in ("training", "validation")]
    assert sorted(parts[0] + parts[1]) == motion_split.clips(None, "all") and all(parts)
    assert motion_split.validates(Path("deepmimic_pybullet__jump.npz")) == motion_split.validates(
        Path("jump.npz")
    )
    assert motion_split.validates(Path("unknown_7.npz")) == motion_split.validates(
        Path("source__unknown_7.npz")
    )
    assert "jump" in motion_split.kinds(CLIPS / "jump.npz") and "floor" in motion_split.kinds(
        CLIPS / "roll.npz"
    )
    assert motion_split.kinds(CLIPS / "walk.npz") == frozenset()
    assert CLIPS / "roll.npz" not in motion_split.clips(None, "all", without="floor")
    with pytest.raises(ClipError, match="unknown kind"):
        motion_split.clips(None, "all", without="swim")
    with pytest.raises(ClipError, match="no clips"):
        motion_split.clips(CLIPS.parent, "all")


def test_a_mirror_image_mirrored_is_the_clip():
    clip = load_clip(CLIPS / "cartwheel.npz")
    once = mirrored(clip)
    l, r = clip.index("l_wrist"), clip.index("r_wrist")
    np.testing.assert_array_equal(once.keypoints[:, l] * [1, -1, 1], clip.keypoints[:, r])
    np.testing.assert_array_equal(mirrored(once).keypoints, clip.keypoints)


def test_variations_do_what_they_say():
    clip, rng = load_clip(CLIPS / "walk.npz"), np.random.default_rng(0)
    v = Variation(noise_m=0.02, missing=0.2, speed=1.2, start=0.2, seconds=0.8)
    part = vary(clip, v, rng)
    assert (
        part.fps == pytest.approx(1.2 * clip.fps)
        and len(part.keypoints) == round(0.8 * clip.fps) + 1
    )
    gone = np.isnan(part.keypoints).any(-1)
    assert gone.mean() == pytest.approx(0.2, abs=0.05) and (part.confidence[gone] == 0).all()
    off = part.keypoints - clip.keypoints[int(0.2 * clip.fps) :][: len(part.keypoints)]
    assert np.nanstd(off) == pytest.approx(0.02, rel=0.1)
    for _ in range(20):
        v = draw_variation(clip, rng)
        assert (
            20 <= clip.fps * v.speed <= 250
            and v.start + v.seconds <= max(clip.duration, v.seconds) + 1e-9
        )


def test_tasks_are_a_function_of_the_seed(source):
    again = TaskSource([CLIPS / "walk.npz", CLIPS / "roll.npz"], seed=3, options=SMALL).group(1)
    first = source.group(1)
    assert [t.stage for t in first] == [t.stage for t in again] and len(first) > 10
    for a, b in zip(first[:4], again[:4], strict=True):
        np.testing.assert_array_equal(a.x0, b.x0)
        assert a.window.value(a.x0) == b.window.value(b.x0)
        a.window.forget(), b.window.forget()
    assert {"cold", "whole", "growing"} <= {t.stage for t in first}


def test_a_synthetic_window_can_be_solved_almost_to_zero(source):
    tasks = [t for i in range(4) for t in source.group(i) if t.stage == "synthetic"]
    assert tasks
    task = tasks[0]
    result = optimizers.minimize(task.window, task.x0, optimizers.make("levenberg-marquardt"), 100)
    assert result.loss < 0.05 * task.window.value(task.x0)


def test_single_precision_curvature_is_the_same_curvature(window_tasks):
    window, x0 = window_tasks[0].window, window_tasks[0].x0
    loss, grad, hessian = window.linearize(x0)
    single = window.linearize_single(x0)
    assert single[0] == loss and single[2].dtype == np.float32
    np.testing.assert_allclose(single[1], grad, rtol=1e-4, atol=1e-4 * np.abs(grad).max())
    np.testing.assert_allclose(single[2], hessian, rtol=0, atol=1e-5 * np.abs(hessian).max())


def test_the_clock_charges_what_is_asked(window_tasks):
    window, x0 = window_tasks[0].window, window_tasks[0].x0
    count, clock = Costed(window, "evaluations"), Costed(window, "milliseconds")
    for problem in (count, clock):
        problem.value(x0)
        problem.value_and_grad(x0)
        problem.linearize(x0 + 0.01)
    assert count.spent == 2 and len(count.take()) == 3 and count.take() == []
    assert clock.spent > 0 and clock.best == min(window.value(x0), window.value(x0 + 0.01))
    with pytest.raises(OptimizerError, match="clock"):
        Costed(window, "hours")


def test_training_resumes_exactly(tmp_path, source):
    o = MotionTrainOptions(
        steps=5,
        particles=2,
        truncation=8.0,
        episode=24.0,
        groups=2,
        validate_every=2,
        validation_tasks=2,
        seed=1,
    )
    whole = train(
        MotionTrainer(make, policy(), source, o), tmp_path / "whole", say=lambda *a, **k: None
    )
    for _ in range(7):  # a call that may not last ends after a checkpoint; the next goes on
        part = train(
            MotionTrainer(make, policy(), source, o),
            tmp_path / "parts",
            0.0,
            say=lambda *a, **k: None,
        )
        if part.count < o.steps:
            part.step()
            part.save(tmp_path / "parts" / "checkpoint.npz", 0.0)
    assert part.count == whole.count == 5
    np.testing.assert_array_equal(part.theta, whole.theta)
    assert not np.array_equal(whole.theta, policy()) and np.isfinite(whole.theta).all()
    with pytest.raises(OptimizerError, match="another configuration"):
        MotionTrainer(make, policy()[:-1], source, o).load(tmp_path / "whole" / "checkpoint.npz")


def test_training_options_out_of_range_are_refused():
    with pytest.raises(OptimizerError, match="truncation"):
        MotionTrainOptions(truncation=500.0)
    with pytest.raises(OptimizerError, match="positive"):
        MotionTrainOptions(particles=0)


@pytest.mark.parametrize("name", ["optimus-motion", "optimus-motion-plain", "adafactor-mlp-motion"])
def test_shipped_weights_lower_the_loss_of_windows(window_tasks, name):
    some = (next(t for t in window_tasks if t.window.frames < 6), window_tasks[0])
    for task in some[
        : 1 if name == "optimus-motion-plain" else 2
    ]:  # which compiles for seconds a length
        result = optimizers.minimize(task.window, task.x0, optimizers.make(name), 20)
        assert result.loss < task.window.value(task.x0) and result.evaluations <= 20
        assert result.loss == task.window.value(result.x)


@pytest.mark.parametrize("seed", range(4))
def test_no_policy_however_bad_returns_worse_than_the_start(window_tasks, seed):
    wild = 0.5 * np.random.default_rng(seed).standard_normal(policy().shape)
    for task in window_tasks[:3]:
        result = optimizers.minimize(task.window, task.x0, make(wild), 25)
        assert np.isfinite(result.x).all() and result.loss <= task.window.value(task.x0)


class Blind(OptimusMotion):
    """A learned optimizer that goes nowhere."""

    def step(self, problem, state):
        problem.value(state.x)
        state.stop = "stalled"
        return state


def test_a_window_where_it_fails_falls_back_to_levenberg_marquardt(window_tasks):
    task = window_tasks[0]
    blind = Blind("blind", motion_policy.init_theta(CONFIG), OptimusMotionOptions())
    result, fell = minimize_or_fall_back(task.window, task.x0, blind, 30)
    alone = optimizers.minimize(task.window, task.x0, optimizers.make("levenberg-marquardt"), 30)
    assert fell and isinstance(result, Result) and "levenberg-marquardt took over" in result.message
    assert result.loss == alone.loss and result.evaluations == alone.evaluations + 2
    assert (
        len(result.history) == result.evaluations
        and result.linearizations == alone.linearizations + 1
    )
    losses = [h[2] for h in result.history]
    assert losses == sorted(losses, reverse=True)
    good = minimize_or_fall_back(task.window, task.x0, optimizers.make("levenberg-marquardt"), 30)
    assert good[1] is False and good[0].loss == alone.loss


def test_the_start_of_the_plain_form_fits_any_grid(tmp_path):
    start = motion_start.Start(("a", "b"), np.array([0.1, -0.2]), np.array([0.05, 0.0, 0.1]))
    motion_start.save(tmp_path, start)
    back = motion_start.load(tmp_path)
    assert back.names == start.names and np.array_equal(back.joints, start.joints)
    s = motion_start.scale(start, (5, ("b", "new", "a")), 15)
    assert s.shape == (15,) and np.mean(s**2) == pytest.approx(1) and (s > 0).all()
    assert s.reshape(5, 3)[0, 2] / s.reshape(5, 3)[0, 0] == pytest.approx(np.exp(10 * 0.3))
    assert np.array_equal(motion_start.scale(start, None, 4), np.ones(4))
    (tmp_path / "start.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged"):
        motion_start.load(tmp_path)


def test_weights_of_the_policy_come_back_and_damage_is_told(tmp_path):
    theta = motion_policy.init_theta(CONFIG, 1)
    motion_weights.save(tmp_path, CONFIG, theta)
    config, back = motion_weights.load(tmp_path)
    assert config == CONFIG and all(np.array_equal(back[k], theta[k]) for k in theta)
    vector = motion_policy.ravel(theta)
    assert np.array_equal(motion_policy.ravel(motion_policy.unravel(CONFIG, vector)), vector)
    motion_weights.save(tmp_path, dataclasses.replace(CONFIG, hidden=3), theta)
    with pytest.raises(ModelError, match="another configuration"):
        motion_weights.load(tmp_path)
    motion_weights.save(tmp_path, CONFIG, theta | {"bias": np.full(motion_policy.OUTPUTS, np.nan)})
    with pytest.raises(ModelError, match="not finite"):
        motion_weights.load(tmp_path)
    with pytest.raises(ModelError, match="missing"):
        motion_weights.load(tmp_path / "nowhere")


def test_the_search_keeps_only_what_pays(window_tasks):
    bad = policy()
    where = list(motion_policy.shapes(CONFIG)).index("start")
    at = sum(int(np.prod(s)) for s in list(motion_policy.shapes(CONFIG).values())[:where])
    bad[at] = np.log(1e5) / motion_policy.GAIN  # a first damping so high that hardly a step is made
    tasks = [t for t in window_tasks if t.stage != "synthetic"][:3]
    better = search(make, bad, [at], (-1.5, 1.5), tasks, episode=30.0, say=lambda text: None)
    assert better[at] == pytest.approx(bad[at] - 1.5)
    assert (
        losses(make(better), tasks, "milliseconds", 30.0).mean()
        < losses(make(bad), tasks, "milliseconds", 30.0).mean()
    )


def test_the_benchmark_compares_on_windows_and_clips(tmp_path, capsys):
    arguments = [
        str(CLIPS),
        "--seconds",
        "0.4",
        "--kind",
        "jump",
        "--every",
        "2",
        "--max-evaluations",
        "3",
    ]
    arguments += [
        "--out",
        str(tmp_path),
        "--optimizers",
        "adam@0.01",
        "optimus-motion",
        "--whole",
        "bfgs",
        "optimus-motion",
    ]
    assert (
        benchmark(
            [
                *arguments,
                "--curvature",
                "levenberg-marquardt",
                "levenberg-marquardt+single",
                "optimus-motion",
            ]
        )
        == 0
    )
    text = (tmp_path / "motion.md").read_text()
    assert (
        all(f"## {part}" in text for part in ("evaluations", "seconds", "clips"))
        and "lower than bfgs" in text
    )
    rows = json.loads((tmp_path / "seconds.json").read_text())
    assert rows and all(r["optimus-motion"]["jacobians"] >= 1 for r in rows)
    assert (tmp_path / "motion_evaluations.png").stat().st_size > 0
