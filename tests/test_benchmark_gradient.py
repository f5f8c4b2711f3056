"""The benchmark of the gradient writes its table and figures; times are reported, not judged."""

import json
import os

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from motionrecon.cli.main import main
from motionrecon_benchmarks import gradient, states


def test_it_measures_every_kind_and_writes_both_files(tmp_path, capsys):
    options = ["--calls", "30", "--states", "3", "--repeats", "1", "--skip-mjx"]
    assert main(["benchmark", "gradient", "--out", str(tmp_path / "out"), *options]) == 0
    report = json.loads((tmp_path / "out" / "gradient.json").read_text())
    errors = report["error to centred mjd_transitionFD"]
    assert set(errors) == set(states.KINDS) and all(
        e["A"] < 1e-6 and e["B"] < 1e-6 for e in errors.values()
    )
    assert all(e["error"] < 1e-5 for e in report["error to differences of the rollout"].values())
    assert report["endurance"]["calls"] == 30 and report["mjx"] == {}
    text = (tmp_path / "out" / "gradient.md").read_text()
    assert text.strip() in capsys.readouterr().out
    assert "| whole body on the floor | 3 |" in text and "| rollout and gradient |" in text


def test_all_of_it_is_timed_with_one_thread(monkeypatch, tmp_path):
    class Seen(Exception):
        pass

    def look(_):
        raise Seen({p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"})

    # what main asks first
    monkeypatch.setattr(os, "sched_getaffinity", look, raising=False)
    with threadpool_limits(2), pytest.raises(Seen) as seen:
        gradient.main(gradient.Study(out=tmp_path))
    assert seen.value.args == ({1},)
