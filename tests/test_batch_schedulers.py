"""The same batch by submitit's local executor and by a Ray instance on this machine, for real."""

import dataclasses
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from batch_data import QUICK, write_clip

from motionrecon.batch.run import prepare, run_batch
from motionrecon.batch.schedulers import make
from motionrecon.errors import BatchError
from motionrecon_benchmarks.batch import results


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for name, seed in (("one", 1), ("two", 2)):
        write_clip(root / f"{name}.npz", seed)
    (root / "bad.npz").write_text("not an npz")
    return root


@pytest.fixture(scope="module")
def local(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("local")
    run_batch(prepare(data, out, QUICK), make("local", 1, 100.0, str(out)))
    return out


def check(data, out, local, scheduler):
    statuses = run_batch(prepare(data, out, QUICK), scheduler)
    assert sorted((Path(s["source"]).stem, s["state"]) for s in statuses) == [
        ("bad", "failed"),
        ("one", "done"),
        ("two", "done"),
    ]
    assert results(out) == results(local)
    assert not prepare(data, out, QUICK).todo


def test_submitit(data, local, tmp_path):
    check(data, tmp_path, local, make("slurm", 2, 100.0, str(tmp_path), "local"))


def test_a_preempted_task_is_put_into_the_queue_again(data, tmp_path):
    """As soon as the first clip has an outcome; the local executor then starts the task again, as a
    cluster would.
    """
    if not Path("/proc/self/task").is_dir():
        pytest.skip("finds the task's process in /proc")
    settings = dataclasses.replace(QUICK, seconds=None)
    scheduler = make("slurm", 1, 100.0, str(tmp_path), "local")

    def preempt():
        while not list(tmp_path.glob("clips/*/status.json")):
            time.sleep(0.01)
        controller = scheduler._submitted[
            0
        ].job_id  # of submitit's local executor; the task is its child
        task = int(Path(f"/proc/{controller}/task/{controller}/children").read_text().split()[0])
        os.kill(task, signal.SIGUSR2)  # as SLURM does, by submitit's wish

    threading.Thread(target=preempt, daemon=True).start()
    statuses = run_batch(prepare(data, tmp_path, settings), scheduler)
    assert len(statuses) == 3 and not prepare(data, tmp_path, settings).todo
    said = "".join(p.read_text() for p in (tmp_path / "slurm").glob("*_log.*"))
    assert "preempted" in said and said.count("Starting with") == 2, said


def test_without_slurm_the_user_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BatchError, match="submitit cannot submit here"):
        make("slurm", 2, 100.0, str(tmp_path))


@pytest.mark.parametrize("name", ["slurm", "ray"])
def test_a_scheduler_whose_package_is_missing_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setattr(
        f"motionrecon.batch.schedulers.{name}.{'submitit' if name == 'slurm' else 'ray'}", None
    )
    with pytest.raises(BatchError, match=f"motionrecon.{name}."):
        make(name, 1, 100.0, str(tmp_path))


def test_ray(data, local, tmp_path):
    pytest.importorskip("ray")
    check(data, tmp_path, local, make("ray", 1, 100.0, str(tmp_path)))
