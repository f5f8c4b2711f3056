"""Windows as meta-training tasks, and the learned optimizers that are trained on them."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from motionrecon import load_clip, optimizers
from motionrecon.assets import folder
from motionrecon.cli.main import main as command
from motionrecon.errors import ClipError, ModelError, OptimizerError
from motionrecon.learned import store
from motionrecon.learned.start import scales
from motionrecon.learned.steered import policy
from motionrecon.learned.steered.gauss_newton import SteeredGaussNewton
from motionrecon.learned.train.options import WindowOptions
from motionrecon.learned.train.pes import Pes
from motionrecon.learned.train.search import losses, search
from motionrecon.learned.train.tasks import split
from motionrecon.learned.train.tasks.control import ControlTasks
from motionrecon.learned.train.tasks.cost import Costed
from motionrecon.learned.train.tasks.variation import (
    Variation,
    draw_variation,
    mirrored,
    vary,
)
from motionrecon.learned.train.tasks.windows import TaskSource, of_clips
from motionrecon.learned.train.trainer import Subject, Trainer, run
from motionrecon.learned.train.usual import USUAL
from motionrecon.optimizers.base import Result
from motionrecon.optimizers.fallback import minimize_or_fall_back
from motionrecon.pipeline import Options

# Small windows: the tests are about the bookkeeping, not about the motion.
CLIPS = folder()
CONFIG = policy.PolicyConfig(hidden=2)
SMALL = Options(window_frames=6, keep_frames=3, grow_frames=2)


@pytest.fixture(scope="module")
def source():
    return TaskSource([CLIPS / "walk.npz", CLIPS / "roll.npz"], seed=3, options=SMALL)


@pytest.fixture(scope="module")
def window_tasks():
    return next(of_clips([CLIPS / "jump.npz"], SMALL, seconds=0.8))


def untrained(seed: int = 0) -> np.ndarray:
    return policy.ravel(policy.init_theta(CONFIG, seed))


def make(vector: np.ndarray) -> SteeredGaussNewton:
    return SteeredGaussNewton("steered-gauss-newton", policy.unravel(CONFIG, vector))


def test_the_split_is_by_motion_and_leaves_nothing_out():
    parts = [split.clips(None, part) for part in ("training", "validation")]
    assert sorted(parts[0] + parts[1]) == split.clips(None, "all") and all(parts)
    assert split.validates(Path("deepmimic_pybullet__jump.npz")) == split.validates(
        Path("jump.npz")
    )
    assert split.validates(Path("unknown_7.npz")) == split.validates(Path("source__unknown_7.npz"))
    assert "jump" in split.kinds(CLIPS / "jump.npz") and "floor" in split.kinds(CLIPS / "roll.npz")
    assert split.kinds(CLIPS / "walk.npz") == frozenset()
    assert CLIPS / "roll.npz" not in split.clips(None, "all", without="floor")
    with pytest.raises(ClipError, match="unknown kind"):
        split.clips(None, "all", without="swim")
    with pytest.raises(ClipError, match="no clips"):
        split.clips(CLIPS.parent, "all")


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
    larger = vary(clip, Variation(size=1.1, reversed=True), rng)
    np.testing.assert_allclose(larger.keypoints[::-1], 1.1 * clip.keypoints)
    # Froude's number v^2 / (g l) is that of the clip, which is what a like gait needs
    speeds = [np.diff(c.keypoints[:, 0], axis=0) * c.fps for c in (clip, larger)]
    ratio = (speeds[1] ** 2).sum() / (speeds[0] ** 2).sum()
    assert ratio == pytest.approx(1.1)
    for _ in range(20):
        v = draw_variation(clip, rng)
        assert (
            20 <= clip.fps * v.speed / v.size**0.5 <= 250
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


def control_trainer(source, options, theta0=None):
    theta0 = untrained() if theta0 is None else theta0
    save = lambda folder, v: store.save(folder, CONFIG, policy.unravel(CONFIG, v))  # noqa: E731
    tasks = ControlTasks(make, np.full(len(theta0), options.sigma), source, options)
    return Trainer(Subject(theta0, tasks, save), Pes(options.clip_pair), options)


def test_training_resumes_exactly(tmp_path, source):
    windows = WindowOptions(truncation=8.0, episode=24.0, groups=2, validation_tasks=2)
    o = dataclasses.replace(
        USUAL["steered-gauss-newton"],
        steps=5,
        particles=2,
        validate_every=2,
        seed=1,
        windows=windows,
    )
    with jax.enable_x64(True):
        whole = run(control_trainer(source, o), tmp_path / "whole", say=lambda text: None)
        shutil.copytree(tmp_path / "whole", tmp_path / "again")
        shutil.rmtree(tmp_path / "again" / "checkpoints" / "5")
        # Back at step 4 nothing has run: the runs are replayed from their past.
        again = run(control_trainer(source, o), tmp_path / "again", say=lambda text: None)
        # Runs that were kept from step to step, as without any checkpoint, are the same too.
        stepped = control_trainer(source, o)
        for _ in range(5):
            stepped.step()
    assert again.count == whole.count == 5
    np.testing.assert_array_equal(again.theta, whole.theta)
    np.testing.assert_array_equal(stepped.theta, whole.theta)
    for one, two in zip(again.state["tasks"].episodes, whole.state["tasks"].episodes, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(whole.theta, untrained()) and np.isfinite(whole.theta).all()
    back, theta = store.load(tmp_path / "again" / "last")
    assert back == CONFIG and np.array_equal(policy.ravel(theta), whole.theta)


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
    wild = 0.5 * np.random.default_rng(seed).standard_normal(untrained().shape)
    for task in window_tasks[:3]:
        result = optimizers.minimize(task.window, task.x0, make(wild), 25)
        assert np.isfinite(result.x).all() and result.loss <= task.window.value(task.x0)


class Blind(SteeredGaussNewton):
    """A learned optimizer that goes nowhere."""

    def step(self, problem, state):
        problem.value(state.x)
        state.stop = "stalled"
        return state


def test_a_window_where_it_fails_falls_back_to_levenberg_marquardt(window_tasks):
    task = window_tasks[0]
    blind = Blind("blind", policy.init_theta(CONFIG))
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
    start = scales.Start(("a", "b"), np.array([0.1, -0.2]), np.array([0.05, 0.0, 0.1]))
    scales.save(tmp_path, start)
    back = scales.load(tmp_path)
    assert back.names == start.names and np.array_equal(back.joints, start.joints)
    s = scales.scale(start, (5, ("b", "new", "a")), 15)
    assert s.shape == (15,) and np.mean(s**2) == pytest.approx(1) and (s > 0).all()
    assert s.reshape(5, 3)[0, 2] / s.reshape(5, 3)[0, 0] == pytest.approx(np.exp(10 * 0.3))
    assert np.array_equal(scales.scale(start, None, 4), np.ones(4))
    (tmp_path / "start.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged"):
        scales.load(tmp_path)


def test_the_search_keeps_only_what_pays(window_tasks):
    bad = untrained()
    where = list(policy.shapes(CONFIG)).index("start")
    at = sum(int(np.prod(s)) for s in list(policy.shapes(CONFIG).values())[:where])
    bad[at] = np.log(1e5) / policy.GAIN  # a first damping so high that hardly a step is made
    tasks = [t for t in window_tasks if t.stage != "synthetic"][:3]
    better = search(make, bad, [at], (-1.5, 1.5), tasks, episode=30.0, say=lambda text: None)
    assert better[at] == pytest.approx(bad[at] - 1.5)
    assert (
        losses(make(better), tasks, "milliseconds", 30.0).mean()
        < losses(make(bad), tasks, "milliseconds", 30.0).mean()
    )


def test_the_benchmark_compares_on_windows_and_clips(tmp_path):
    words = ["benchmark", "motion", str(CLIPS), "--out", str(tmp_path)]
    words += ["--seconds", "0.4", "--kind", "jump", "--every", "2", "--max-evaluations", "3"]
    words += ["--optimizers", "adam@0.01", "steered-gauss-newton"]
    words += ["--whole", "bfgs", "steered-gauss-newton", "--curvature", "levenberg-marquardt"]
    assert command([*words, "levenberg-marquardt+single", "steered-gauss-newton"]) == 0
    text = (tmp_path / "motion.md").read_text()
    assert (
        all(f"## {part}" in text for part in ("evaluations", "seconds", "clips"))
        and "lower than bfgs" in text
    )
    rows = json.loads((tmp_path / "seconds.json").read_text())
    assert rows and all(r["steered-gauss-newton"]["jacobians"] >= 1 for r in rows)
    assert (tmp_path / "motion_evaluations.png").stat().st_size > 0
