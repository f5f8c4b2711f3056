"""Whole batches by local workers: what is done, what is explained, and what killing leaves."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_data import QUICK, write_clip

from motionrecon.batch.run import prepare, run_batch
from motionrecon.batch.schedulers import make
from motionrecon.batch.schedulers.process import WorkerProcess, environment
from motionrecon.batch.summary import write_summary
from motionrecon.cli.main import main
from motionrecon.errors import BatchError, ClipError
from motionrecon_benchmarks.batch import results

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two good clips of one stem, one with an odd name, and three bad files."""
    root = tmp_path_factory.mktemp("data")
    write_clip(root / "a" / "walk.npz", 1)
    write_clip(root / "b" / "walk.npz", 2)
    write_clip(root / "gr\u00fc\u00dfe <b>&\n'1'.npz")
    (root / "text.npz").write_text("not an npz")
    (root / "empty.npz").write_bytes(b"")
    (root / "cut.npz").write_bytes((root / "a" / "walk.npz").read_bytes()[:3000])
    (root / "notes.txt").write_text("no clip")
    return root


def run(
    given,
    out,
    listen=lambda event: None,
    scheduler="local",
    workers=2,
    timeout_s=100.0,
    settings=QUICK,
    **options,
):
    return run_batch(
        prepare(given, out, settings),
        make(scheduler, workers, timeout_s, str(out), **options),
        listen,
    )


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    statuses = run(data, out)
    return out, statuses


def test_good_clips_are_done_and_bad_ones_explained(undisturbed, data):
    out, statuses = undisturbed
    done = [s for s in statuses if s["state"] == "done"]
    failed = {Path(s["source"]).name: s for s in statuses if s["state"] == "failed"}
    assert len(done) == 3 and len({s["name"] for s in done}) == 3
    assert set(failed) == {"text.npz", "empty.npz", "cut.npz"}
    for name, s in failed.items():
        assert (
            s["error"]["kind"] == "input"
            and name in s["error"]["message"]
            and s["verdict"]["is"] == "failed"
        )
    for s in statuses:
        folder = out / "clips" / s["name"]
        assert json.loads((folder / "status.json").read_text()) == s
        assert (folder / "motion.npz").exists() == (s["state"] == "done")
    assert {"mpjpe_g_mm", "penetration_mm"} <= {
        k.removeprefix("result_") for k in done[0]["metrics"]
    }
    assert (
        done[0]["evaluations"] > 0
        and done[0]["seconds"]["job"] > 0
        and len(done[0]["configuration"]) == 16
    )
    assert not [p for p in (out / "clips").iterdir() if p.name.startswith(".")]


def test_the_verdict_of_a_clip_is_the_one_in_its_report(undisturbed):
    out, statuses = undisturbed
    for s in statuses:
        if s["state"] == "done":
            report = json.loads((out / "clips" / s["name"] / "report.json").read_text())
            verdict = report["verdict"]
            assert s["verdict"] == {"is": verdict["verdict"], "reasons": verdict["reasons"]}
            assert verdict["measures"].items() <= s["measures"].items()


def test_what_is_done_is_skipped(undisturbed, data):
    out, statuses = undisturbed
    again = prepare(data, out, QUICK)
    assert not again.todo and sorted(s["name"] for s in again.kept) == [s["name"] for s in statuses]
    assert len(prepare(data, out, QUICK, retry_failed=True).todo) == 3
    assert len(prepare(data, out, dataclasses.replace(QUICK, seconds=0.4)).todo) == 6


def test_a_clip_whose_content_changed_is_done_again(undisturbed, data):
    out, _ = undisturbed
    clip = data / "a" / "walk.npz"
    was = clip.read_bytes()
    os.utime(clip, (1, 1))
    assert not prepare(data, out, QUICK).todo  # only its time
    try:
        write_clip(clip, 3)
        assert [Path(j.source) for j in prepare(data, out, QUICK).todo] == [clip]
    finally:
        clip.write_bytes(was)


def test_the_page_and_the_tables(undisturbed, tmp_path):
    out, statuses = undisturbed
    paths = write_summary(statuses, out)
    page = (out / "page.html").read_text()
    assert (
        "<svg" in page
        and "prefers-color-scheme:dark" in page
        and "http" not in page.replace("http-equiv", "")
    )
    assert (
        "<b>&" not in page and "&lt;b&gt;&amp;" in page
    )  # a file's name is text, whatever it holds
    assert "the file cannot be read or used: 3" in page and page.count("class=clip>") == 3
    rows = list(csv.DictReader(open(out / "dataset.csv", newline="", encoding="utf-8")))
    assert [r["name"] for r in rows] == [s["name"] for s in statuses]
    assert sum(r["result_mpjpe_g_mm"] != "" for r in rows) == 3
    if any(p.suffix == ".parquet" for p in paths):
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(out / "dataset.parquet").num_rows == 6
    write_summary([], tmp_path)
    assert "0 clips" in (tmp_path / "page.html").read_text()


def test_a_worker_that_dies_twice_fails_its_clip_only(data, tmp_path):
    """The victim's worker is killed at each of its starts, another clip's once: that one gets its
    second chance.
    """
    scheduler = make("local", 1, 100.0, str(tmp_path))
    starts = []

    def shoot(event):
        if event.kind == "started":
            starts.append(event.job.source)
            often = {"a": 2, "b": 1}.get(Path(event.job.source).parent.name, 0)
            if starts.count(event.job.source) <= often:
                os.kill(scheduler.pids()[0], signal.SIGKILL)

    todo = prepare(str(data / "[ab]" / "*.npz"), tmp_path, QUICK)
    statuses = {Path(s["source"]).parent.name: s for s in run_batch(todo, scheduler, shoot)}
    assert statuses["b"]["state"] == "done"
    assert (
        statuses["a"]["error"]["kind"] == "killed"
        and "signal 9" in statuses["a"]["error"]["message"]
    )
    assert sorted(p.name for p in (tmp_path / "clips").iterdir()) == sorted(
        s["name"] for s in statuses.values()
    )


def test_a_worker_that_hangs_is_replaced(data, tmp_path):
    scheduler = make("local", 1, 3.0, str(tmp_path))

    def stop(event):
        if event.kind == "started" and Path(event.job.source).parent.name == "a":
            os.kill(scheduler.pids()[0], signal.SIGSTOP)

    todo = prepare(str(data / "[ab]" / "*.npz"), tmp_path, QUICK)
    statuses = {Path(s["source"]).parent.name: s for s in run_batch(todo, scheduler, stop)}
    assert (
        statuses["a"]["error"]["kind"] == "timeout"
        and "--timeout" in statuses["a"]["error"]["message"]
    )
    assert statuses["b"]["state"] == "done"


def test_killed_and_resumed_gives_the_same_bytes(undisturbed, data, tmp_path):
    """kill -9 of the whole run at its first finished clip; workers end with it, nothing half
    written is taken for done.
    """
    script = (
        "from batch_data import QUICK; from motionrecon.batch.run import *\n"
        "from motionrecon.batch.schedulers import make\n"
        f"plan = prepare({str(data)!r}, Path({str(tmp_path)!r}), QUICK)\n"
        f"run_batch(plan, make('local', 1, 100.0, {str(tmp_path)!r}))"
    )
    path = {**environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    process = subprocess.Popen([sys.executable, "-c", script], env=path, start_new_session=True)
    deadline = time.monotonic() + 120
    while (
        not list(tmp_path.glob("clips/[!.]*/motion.npz"))
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = prepare(data, tmp_path, QUICK)
    assert 0 < len(left.todo) < 6
    statuses = run_batch(left, make("local", 2, 100.0, str(tmp_path)))
    assert len(statuses) == 6
    assert results(tmp_path) == results(undisturbed[0])


def test_the_command_line(data, tmp_path, capsys):
    arguments = [
        str(data / "a"),
        "--out",
        str(tmp_path),
        "--seconds",
        "0.3",
        "--max-evaluations",
        "1",
        "--workers",
        "1",
    ]
    assert main(["batch", *arguments, "--export", "trc,mjcf"]) == 0
    assert "1 clips to do" in capsys.readouterr().out
    [folder] = (tmp_path / "clips").iterdir()
    assert {p.name for p in folder.iterdir()} == {
        "motion.npz",
        "report.json",
        "status.json",
        "motion.trc",
        "motion.xml",
    }
    assert main(["batch", *arguments, "--export", "trc,mjcf", "--dry-run"]) == 0
    assert "0 clips to do, 1 done before" in capsys.readouterr().out
    assert main(["batch", *arguments, "--export", "trc,mjcf", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [s["name"] for s in report["clips"]] == [folder.name]
    assert sum(report[verdict] for verdict in ("ok", "suspicious", "failed")) == 1
    assert str(tmp_path / "page.html") in report["paths"]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["nowhere", "--out", "out"], "nowhere"),
        (["DATA", "--out", "out", "--export", "fbx"], "fbx"),
        (["DATA", "--out", "out", "--optimizer", "newton"], "newton"),
        (["DATA", "--out", "out", "--workers", "0"], "--workers"),
        (["DATA", "--out", "out", "--seconds", "0"], "--seconds"),
        (["DATA", "--out", "FILE/out"], "--out"),
        (["DATA", "--out", "out", "--scheduler", "slurm", "--slurm", "partition"], "KEY=VALUE"),
    ],
)
def test_what_the_user_can_mend_is_one_line(data, tmp_path, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    given = [
        a.replace("DATA", str(data)).replace("FILE", str(tmp_path / "file")) for a in arguments
    ]
    assert main(["batch", *given]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_a_folder_without_clips_and_an_unknown_scheduler_are_refused(tmp_path):
    with pytest.raises(ClipError, match="no clip"):
        prepare(tmp_path, tmp_path / "out", QUICK)
    with pytest.raises(BatchError, match="choose one of"):
        make("cron", 1, 1.0, "out")


def test_workers_that_cannot_start_stop_the_batch(data, tmp_path, monkeypatch):
    monkeypatch.setattr("motionrecon.batch.schedulers.process.sys.executable", "/bin/false")
    with pytest.raises(BatchError, match="no worker can start"):
        run(data, tmp_path)


def test_a_worker_that_stops_before_it_is_ready_is_not_waited_for(data, tmp_path, monkeypatch):
    monkeypatch.setattr("motionrecon.batch.schedulers.local._START_S", 0.1)
    started = WorkerProcess.__init__

    def stopped(self, events):
        started(self, events)
        os.kill(self.pid, signal.SIGSTOP)

    monkeypatch.setattr(WorkerProcess, "__init__", stopped)
    with pytest.raises(BatchError, match="no worker can start: nothing heard"):
        run(data, tmp_path, timeout_s=0.1)
