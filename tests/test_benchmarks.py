"""What the benchmark's verdicts rest on, with curves that are known."""

import json
from dataclasses import is_dataclass
from importlib import import_module

import numpy as np
import pytest

from motionrecon.batch.configuration import Settings
from motionrecon.cli.main import main
from motionrecon.learned.train.tasks.functions import FUNCTIONS
from motionrecon.pipeline import Options
from motionrecon_benchmarks import STUDIES, batch, classical


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_a_class_of_options(name):
    study = import_module(f"motionrecon_benchmarks.{name}").Study
    assert isinstance(study, type) and is_dataclass(study)


def test_verdicts_of_known_curves():
    shape = (len(FUNCTIONS), 3, 100)
    slow = np.broadcast_to(np.geomspace(1.0, 1e-4, 100), shape)
    quick = np.broadcast_to(np.geomspace(1.0, 1e-40, 100).clip(classical.FLOOR), shape)
    never = np.ones(shape)
    ours, other, third = classical.LEARNED[:3]
    curves = {ours: quick, other: never, third: slow, "sgd": never, "adam": slow, "bfgs": slow}
    row = classical.compare(curves, (10, 100))[0]
    assert row["best_first_order"] == "adam"
    assert (
        row[ours]["times_fewer_steps"] == 100 / 11
    )  # 1e-4 is 10 of 99 intervals down the quick curve
    assert row[other]["times_fewer_steps"] == 0 and row[third]["times_fewer_steps"] == 1
    assert (
        row[ours]["bfgs"] == [1, 1]
        and row[other]["bfgs"] == [-1, -1]
        and row[third]["bfgs"] == [0, 0]
    )
    assert "| 10: 20 / 0 / 0, 100: 20 / 0 / 0 |" in classical.table(
        5, classical.compare(curves, (10, 100))
    )


def test_of_equal_ends_the_fewest_steps_count():
    early, late = np.full((2, 10), 1e-14), np.full((2, 10), 1e-14)
    late[:, :5] = 1.0
    assert classical._fastest(np.stack([late, early])) == 1


def test_learning_curves_tell_when_the_baselines_end_is_reached(tmp_path, capsys):
    for name, losses in {
        "base": [0.0, -1.0, -2.0],
        "quick": [-0.5, -2.5, -3.0],
        "poor": [0.0, -0.1, -0.2],
    }.items():
        (tmp_path / name).mkdir()
        lines = [
            json.dumps({"step": 10 * k, "cpu_seconds": 2.0 * k, "validation": v})
            for k, v in enumerate(losses)
        ]
        (tmp_path / name / "curve.jsonl").write_text("\n".join(lines) + "\n")
    runs = [str(tmp_path / name) for name in ("base", "quick", "poor")]
    assert main(["benchmark", "learning", *runs, "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "learning.md").read_text()
    assert (
        "| quick | 20 | 4 | -0.500 | -3.000 | 10, 2 |" in text
        and "| poor" in text
        and "never |" in text
    )
    assert (tmp_path / "out" / "learning.png").stat().st_size > 1000
    words = ["benchmark", "learning", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "curve.jsonl" in capsys.readouterr().err


def test_verdicts_of_a_batch_count_clips_that_were_refused(bundled_clip, tmp_path, monkeypatch):
    names = (
        "worst_half_second_mm",
        "unexplained_s",
        "unexplained_share",
        "torque_limit_s",
        "torque_limit_share",
    )
    refused = {"name": "b-2", "state": "failed", "verdict": {"is": "failed", "reasons": ["legs"]}}
    done = {
        "name": "a-1",
        "state": "done",
        "verdict": {"is": "ok", "reasons": []},
        "measures": {**dict.fromkeys(names, 0.5), "unexplained_s": None},
    }
    monkeypatch.setattr(batch, "run", lambda *_: ([done, refused], 1.0))
    found = batch.trust([bundled_clip("walk")], tmp_path, Settings(Options(), seconds=0.2))
    for part in found.values():
        assert (part["clips"], part["ok"]) == (2, 1)
        assert part["measures"] == {**dict.fromkeys(names, 0.5), "unexplained_s": None}
