"""The study of what needs no force plate: its signs on motions that are known, its table."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_verdict_checks import FPS, N, T, report, s, standing, synthetic

from motionrecon.cli.main import main
from motionrecon.motion.verdict import clip_of, judge
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.physics.rollout import Simulator
from motionrecon.physics.settle import settled
from motionrecon_benchmarks.plausibility import extra_switches, sunk_mm, table


@pytest.fixture(scope="module")
def body():
    return synthetic(2, FPS)[0]


def judged(motion):
    return replace(motion, report=replace(motion.report, verdict=judge(motion)))


def carried(body, deeper_m: float):
    """Somebody who stands on both feet, carried by the weight, deeper in the floor than at rest."""
    motion = standing(body)
    weight = 9.81 * body.mass_kg
    simulator, still = Simulator(body.model), np.zeros(body.model.nv)
    rest = settled(simulator, motion.qpos[0], still, motion.ctrl[0], weight)
    qpos = np.repeat(rest[None], T, axis=0) - [0, 0, deeper_m, *np.zeros(body.model.nq - 3)]
    force = np.zeros((T, 2, 3))
    force[..., 2] = 0.5 * weight
    return replace(motion, qpos=qpos, contact_force=force)


def test_only_what_is_deeper_than_at_rest_is_sunk(body):
    assert sunk_mm(carried(body, 0.0)) < 0.05
    assert sunk_mm(carried(body, 0.006)) == pytest.approx(6.0, abs=0.1)
    assert sunk_mm(standing(body)) == 0.0  # nothing carries it


def test_switches_beyond_those_of_the_input(body):
    """The left foot is lifted twice by force, never by its keypoints."""
    lifted = ((s % 0.7) > 0.2) & ((s % 0.7) < 0.5)
    feet = np.stack([np.where(lifted, 0.0, 0.5), np.full(N, 0.5)], axis=1)
    motion = standing(body, feet=feet)
    evidence = Evidence(motion, motion.report, clip_of(motion))
    assert extra_switches(evidence) == pytest.approx(2.0)


def test_the_table_says_what_was_missed():
    row = {"clip": "a", "kind": "walk", "verdict": "ok", "reasons": []}
    text = table([{**row, "foot_peak_bw": 1.2, "mpjpe_g_mm": 9.0}, {**row, "foot_peak_bw": 1.5}])
    lines = text.splitlines()
    peak = next(line for line in lines if "peak of a foot, walks" in line and "1.6" in line)
    near = next(line for line in lines if "MPJPE-G, walks" in line)
    assert "1.50" in peak and "MISSED" not in peak
    assert "9.00" in near and near.endswith("MISSED |")
    assert "2 ok" in next(line for line in lines if "median of 2" in line)


def test_finished_results_are_measured(body, tmp_path, capsys):
    """One of them without its report: a line each."""
    motion = judged(standing(body, report=report()))
    steps = np.repeat(motion.qpos[:1], N + 1, axis=0)
    motion = replace(
        motion,
        simulation_qpos=steps,
        simulation_qvel=np.zeros((N + 1, body.model.nv)),
        simulation_ctrl=np.zeros((N, body.model.nu)),
    )
    motion.save(tmp_path / "results" / "good")
    replace(motion, report=None).save(tmp_path / "results" / "lost")
    out = tmp_path / "out"
    words = ["benchmark", "plausibility", str(tmp_path / "results"), "--out", str(out)]
    assert main(words) == 0
    good, lost = json.loads((out / "plausibility.json").read_text())
    assert (good["clip"], good["verdict"], good["air_share"]) == ("good", "ok", 0.0)
    assert (lost["clip"], lost["verdict"]) == ("lost", "error")
    assert "| good | other |" in (out / "plausibility.md").read_text()


@pytest.mark.parametrize(
    "words, says",
    [(["absent"], "absent"), ([".", "--seconds", "0"], "--seconds 0"), ([], None)],
)
def test_what_cannot_be_measured_is_one_line(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if says is None:
        words, says = [str(tmp_path)], "no clip in this folder"
    assert main(["benchmark", "plausibility", *words]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1 and not list(tmp_path.iterdir())
