"""The same batch by submitit's local executor and by a Ray instance on this machine, for real."""

from pathlib import Path

import pytest
from batch_data import QUICK, write_clip

from motionrecon.batch.run import prepare, run_batch
from motionrecon.batch.scan import find_clips, jobs_of
from motionrecon.batch.schedulers import make
from motionrecon.benchmarks.batch import results


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
        ("bad", "failed"), ("one", "done"), ("two", "done")]  # fmt: skip
    assert results(out) == results(local)
    assert not prepare(data, out, QUICK).todo


def test_submitit(data, local, tmp_path):
    pytest.importorskip("submitit")
    check(data, tmp_path, local, make("slurm", 2, 100.0, str(tmp_path), "local"))


def test_a_share_that_is_cut_off_goes_on_with_what_is_left(data, local):
    """What submitit does at preemption: checkpoint, then the submission it returns."""
    pytest.importorskip("submitit")
    from motionrecon.batch.schedulers.slurm import Share

    jobs = jobs_of(*find_clips(data), local / "clips", QUICK)
    share = Share(jobs, 1, 100.0)
    (jobs[1].folder / "status.json").rename(local / "aside")
    try:
        assert share.checkpoint().function.jobs == [jobs[1]]
    finally:
        (local / "aside").rename(jobs[1].folder / "status.json")
    assert share() == 0


def test_ray(data, local, tmp_path):
    pytest.importorskip("ray")
    check(data, tmp_path, local, make("ray", 1, 100.0, str(tmp_path)))
