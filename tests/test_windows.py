"""The windows of a reference: a generator, whole results, nothing simulated twice."""

import dataclasses

import numpy as np
import pytest

from motionrecon import load_clip, optimizers
from motionrecon.optimizers import minimize
from motionrecon.physics.rollout import Simulator
from motionrecon.pipeline import Options, prepare, reconstruct
from motionrecon.windows import Effort, Handover, solve_windows, solving


@pytest.fixture(scope="module")
def clip(bundled_clip):
    return load_clip(bundled_clip("walk")).until(0.9)


@pytest.fixture(scope="module")
def reference(clip):
    return prepare(clip, Options(max_evaluations=3, grow_evaluations=2)).reference


def solve(window, x0, effort):
    optimizer = optimizers.make("levenberg-marquardt")
    return minimize(window, x0, optimizer, effort.evaluations), False


def test_results_hand_over_to_each_other(reference):
    results = list(solve_windows(reference, solve))
    first, last = reference.first, reference.last
    assert (last - first, reference.frames - last) == (27, 8)
    starts = [r.report.start_frame for r in results]
    assert starts == list(range(-first, 27, 10))
    assert results[-1].reached.frame == last
    for before, after in zip(results, results[1:], strict=False):
        np.testing.assert_array_equal(before.reached.qpos, after.piece.qpos[0])
        np.testing.assert_array_equal(before.reached.qvel, after.piece.qvel[0])
    assert sum(len(r.piece.ctrl) for r in results) == 27 * reference.substeps


def test_what_leads_in_is_simulated_but_not_kept(reference):
    first = next(solve_windows(dataclasses.replace(reference, first=3), solve))
    assert first.report.start_frame == -3 and first.reached.frame == first.report.kept == 10
    assert len(first.piece.ctrl) == 7 * reference.substeps


def test_nothing_is_computed_before_it_is_asked_for(reference):
    calls = []

    def counted(window, x0, effort):
        calls.append(window.frames)
        return solve(window, x0, effort)

    results = solve_windows(reference, counted)
    assert not calls
    next(results)
    first = len(calls)
    assert first > 0
    next(results)
    assert len(calls) > first


@pytest.mark.parametrize("optimizer", ["optimus-motion", "levenberg-marquardt", "bfgs"])
def test_no_motion_is_simulated_twice(clip, monkeypatch, optimizer):
    """Not for the starts, the solution, or the floor's forces: every rollout is another one."""
    simulated, rollout = [], Simulator.rollout

    def counted(self, qpos, qvel, ctrl):
        if len(ctrl) > 8:  # not the single frames about which the regulator is linearised
            simulated.append((qpos.tobytes(), qvel.tobytes(), ctrl.tobytes()))
        return rollout(self, qpos, qvel, ctrl)

    monkeypatch.setattr(Simulator, "rollout", counted)
    motion = reconstruct(clip, Options(optimizer=optimizer, max_evaluations=8, grow_evaluations=4))
    assert len(simulated) > 20
    assert len(set(simulated)) == len(simulated)
    # and what is simulated is counted, but for one look at every start
    windows = motion.report.windows
    assert len(simulated) <= motion.report.evaluations + 4 * len(windows)


def test_a_window_without_anything_to_continue_from_begins_anew(reference):
    """A state that falls apart at once: the window starts at the reference, and says so."""
    broken = Handover(
        0,
        reference.qpos[0],
        np.full_like(reference.qvel[0], 1e12),
        np.zeros(reference.simulator.model.nu),
        np.zeros((0, reference.simulator.model.nu)),
    )

    class Broken(type(reference)):
        def beginning(self, frame=0):
            asked.append(frame)
            return broken if len(asked) == 1 else super().beginning(frame)

    asked = []
    fields = {k: getattr(reference, k) for k in reference.__dataclass_fields__} | {"first": 0}
    first = next(solve_windows(Broken(**fields), solve))
    assert first.report.status == "restarted" and first.report.loss_end < np.inf
    np.testing.assert_array_equal(first.piece.qpos[0], reference.beginning().qpos)


def test_a_window_is_left_where_a_jacobian_gains_too_little(reference):
    window = reference.window(reference.beginning(), 8)
    x0 = np.zeros(window.n)
    for name in ("optimus-motion", "levenberg-marquardt"):
        solve = solving(name)
        rough, fine = (solve(window, x0, Effort(40, gain))[0] for gain in (0.3, 1e-4))
        assert rough.linearizations < fine.linearizations and fine.loss < rough.loss
    # those that take no Jacobians go by evaluations alone
    a, b = (solving("bfgs")(window, x0, Effort(10, gain))[0] for gain in (0.3, 1e-4))
    assert a.evaluations == b.evaluations == 10
