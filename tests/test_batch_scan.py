"""Names, folders that appear whole, and the table."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from batch_data import QUICK, write_clip
from rich.console import Console
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

import motionrecon
from motionrecon.batch import Job, Settings, run_job
from motionrecon.batch.configuration import code_version
from motionrecon.batch.folders import sweep, write_folder
from motionrecon.batch.job import read_status
from motionrecon.batch.run import prepare
from motionrecon.batch.scan import find_clips, job_name
from motionrecon.batch.schedulers.base import Event
from motionrecon.batch.schedulers.process import environment
from motionrecon.batch.table import Progress, duration
from motionrecon.cli.main import main
from motionrecon.errors import ClipError, OutputError


def test_names_are_safe_readable_and_different():
    paths = [
        "a/walk.npz",
        "b/walk.npz",
        "walk.npz",
        "walk.trc",
        "..npz",
        " .npz",
        "x" * 300 + ".npz",
        "ä/ö.npz",
    ]
    paths += [
        "a\n<b>.npz",
        os.fsdecode(b"bad\xff.npz"),
        os.fsdecode(b"bad\xfe.npz"),
        "CON.npz",
        "-rf.npz",
    ]
    names = [job_name(p) for p in paths]
    assert len({n.lower() for n in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,80}", n) for n in names)
    assert names[0].startswith("walk-") and names == [job_name(p) for p in paths]


def test_clips_are_found_in_folders_and_by_globs(tmp_path):
    for name in ("b/1.npz", "a/2.NPZ", "a/.hidden.npz", ".git/3.npz", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [p.name for p in find_clips(tmp_path)[1]] == ["2.NPZ", "1.npz"]
    assert [p.name for p in find_clips(str(tmp_path / "*" / "*.npz"))[1]] == ["1.npz"]
    assert [p.name for p in find_clips(str(tmp_path / "**" / "*.txt"))[1]] == ["notes.txt"]
    assert find_clips(str(tmp_path / "b" / "1.npz"))[0] == tmp_path / "b"


def test_settings_survive_json_and_their_hash_tells_them_apart():
    assert Settings.from_json(QUICK.to_json()) == QUICK
    variants = [
        QUICK,
        Settings(),
        Settings(reading={"up": "y"}),
        Settings(export=("bvh",)),
        Settings(seconds=1.0),
    ]
    assert len({s.hash for s in variants}) == len(variants)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    def fail(folder):
        (folder / "half").write_text("x")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_folder(tmp_path / "clip", fail)
    assert not list(tmp_path.iterdir())
    write_folder(tmp_path / "clip", lambda f: (f / "old").write_text("1"))
    with pytest.raises(ValueError, match="stop"):
        write_folder(tmp_path / "clip", fail)
    assert [p.name for p in (tmp_path / "clip").iterdir()] == ["old"]
    write_folder(tmp_path / "clip", lambda f: (f / "new").write_text("2"))
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == [
        "clip",
        os.path.join("clip", "new"),
    ]


def test_sweeping_takes_what_the_dead_left_and_spares_the_living(tmp_path):
    (tmp_path / ".part-dead").mkdir()
    (tmp_path / ".part-dead" / "motion.npz").write_text("half")
    counts = []
    write_folder(
        tmp_path / "clip", lambda f: (counts.append(sweep(tmp_path)), (f / "x").write_text("1"))
    )
    assert counts == [1] and [p.name for p in tmp_path.iterdir()] == ["clip"]
    assert (tmp_path / "clip" / "x").read_text() == "1"


def test_a_kill_between_two_renames_loses_nothing(tmp_path):
    """What was moved out of the way comes back, unless the new one is there."""
    for name in ("walk-1", "run-2"):
        (tmp_path / f".old-{name}" / name).mkdir(parents=True)
        (tmp_path / f".old-{name}" / name / "motion.npz").write_text("old")
    (tmp_path / "run-2").mkdir()
    (tmp_path / "run-2" / "motion.npz").write_text("new")
    assert sweep(tmp_path) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run-2", "walk-1"]
    assert (tmp_path / "walk-1" / "motion.npz").read_text() == "old"
    assert (tmp_path / "run-2" / "motion.npz").read_text() == "new"


def test_what_cannot_be_replaced_stays(tmp_path, monkeypatch):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "x").write_text("old")
    rename = os.rename

    def fail(source, target):
        if Path(source).name.startswith(".part-") and not Path(target).exists():
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path / "clip", lambda f: (f / "x").write_text("new"))
    assert [p.name for p in tmp_path.iterdir()] == ["clip"]
    assert (tmp_path / "clip" / "x").read_text() == "old"


def test_a_full_disk_is_not_the_clips_fault(tmp_path, monkeypatch):
    job = Job(str(write_clip(tmp_path / "walk.npz")), "walk-1", str(tmp_path / "clips"), QUICK)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr("motionrecon.motion.motion.write_arrays", full)
        with pytest.raises(OutputError, match="No space left"):
            run_job(job)
    assert not list((tmp_path / "clips").iterdir()) and read_status(job.folder) is None
    assert run_job(job)["state"] == "done"
    with monkeypatch.context() as m:
        m.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            run_job(job)
    assert read_status(job.folder)["state"] == "done"  # what was there stays


def test_unforeseen_errors_and_memory_are_explained(tmp_path, monkeypatch):
    job = Job(str(write_clip(tmp_path / "walk.npz")), "walk-1", str(tmp_path / "clips"), QUICK)
    for error, kind in ((ZeroDivisionError("oh"), "bug"), (MemoryError(), "memory")):

        def broken(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr("motionrecon.clip.load.load_clip", broken)
        status = run_job(job)
        assert status["error"]["kind"] == kind and read_status(job.folder) == status


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "half"}'])
def test_a_damaged_status_means_do_it_again(tmp_path, content):
    (tmp_path / "status.json").write_text(content)
    assert read_status(tmp_path) is None and read_status(tmp_path / "nowhere") is None


def test_workers_keep_to_one_thread():
    e = environment()
    assert e["OMP_NUM_THREADS"] == e["OPENBLAS_NUM_THREADS"] == e["NUMBA_NUM_THREADS"] == "1"
    assert "intra_op_parallelism_threads=1" in e["XLA_FLAGS"]


def test_the_table_counts_and_says_how_long():
    now = [0.0]
    console = Console(record=True, width=120, force_terminal=False)
    jobs = [Job(f"{i}.npz", f"clip-{i}", "out", QUICK) for i in range(4)]
    before = {"state": "done", "verdict": {"is": "ok"}}
    progress = Progress(4, [before], console, clock=lambda: now[0])
    assert progress.seconds_left is None
    for i in (0, 1):
        progress(Event("started", jobs[i]))
    progress(Event("progress", jobs[0], 0.5))
    now[0] = 30.0
    failed = {
        "state": "failed",
        "verdict": {"is": "failed"},
        "error": {"message": "[red]odd[/nonsense]"},
    }
    progress(Event("finished", jobs[0], status=failed))
    assert progress.per_minute == pytest.approx(2.0) and progress.seconds_left == pytest.approx(
        90.0
    )
    assert progress.line() == "0 done, 1 failed, 1 running of 4; 2.0 clips a minute, 1:30 left"
    console.print(progress.render())
    text = console.export_text()
    assert "clip-1" in text and "[red]odd[/nonsense]" in text and "suspicious" in text
    assert duration(3661) == "1:01:01"


def test_the_derivatives_of_a_cold_and_a_warm_cache_are_one():
    """With fastmath the copies of a helper that the two run round differently: a machine's first
    run differed.
    """
    from motionrecon.physics import kernels

    assert not kernels.transitions.targetoptions.get(
        "fastmath"
    ) and not kernels.adjoint.targetoptions.get("fastmath")


def test_a_saved_motion_has_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    import time

    body, qpos = synthetic(5, 30.0)
    motion = motion_of(body, qpos, 30.0)
    motion.save(tmp_path / "1")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *a: time.gmtime(2e9))
    motion.save(tmp_path / "2")
    assert (
        Path(tmp_path / "1" / "motion.npz").read_bytes()
        == Path(tmp_path / "2" / "motion.npz").read_bytes()
    )


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A data set with a folder that cannot be read, whoever runs the tests."""
    for name in ("walk.npz", "open/run.npz", "below/closed/lost.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return tmp_path


@pytest.mark.parametrize("given", ["", "**/*.npz", "*/*/*.npz", "below/[a-z]*/*", "**/lost.npz"])
def test_a_folder_that_cannot_be_read_is_not_left_out_in_silence(closed, given):
    with pytest.raises(ClipError, match="closed/?: cannot be read .Permission denied."):
        find_clips(str(closed / given))


@pytest.mark.parametrize("given", ["open/*.npz", "*.npz", "*n/*.npz"])
def test_a_glob_that_does_not_look_into_it_goes_on(closed, given):
    assert len(find_clips(str(closed / given))[1]) == 1


@pytest.mark.parametrize(
    "words",
    ["--units parsec", "--up w", "--skeleton octopus", "--fps 3", "--mapping mixama", "--model no"],
)
def test_options_with_which_no_file_can_be_read_touch_nothing(tmp_path, capsys, words):
    write_clip(tmp_path / "data" / "walk.npz")
    command = ["batch", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *words.split()]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert words.split()[0] in said and words.split()[1] in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_clips_that_all_lie_in_the_folder_of_results_are_refused(tmp_path):
    (tmp_path / "walk.npz").write_text("")
    with pytest.raises(ClipError, match="--out"):
        prepare(tmp_path, tmp_path, QUICK)
    assert [p.name for p in tmp_path.iterdir()] == ["walk.npz"]


def test_other_weights_are_other_code(tmp_path, monkeypatch):
    package = tmp_path / "motionrecon"
    weights = package / "learned" / "weights" / "a" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    monkeypatch.setattr(motionrecon, "__file__", str(package / "__init__.py"))
    codes = []
    for content in (b"1", b"2"):
        weights.write_bytes(content)
        codes.append(code_version.__wrapped__())
    assert codes[0] != codes[1]


def test_a_failure_stands_beside_an_earlier_result(tmp_path):
    """A result of other settings, and later of a clip whose drive is away, stays byte for byte."""
    source = write_clip(tmp_path / "data" / "walk.npz")
    [job] = prepare(source.parent, tmp_path / "out", QUICK).todo
    assert run_job(job)["state"] == "done"
    was = {p.name: p.read_bytes() for p in job.folder.iterdir()}
    wrong = replace(QUICK, reading={"fps": 3.0})
    [worse] = prepare(source.parent, tmp_path / "out", wrong).todo
    status = run_job(worse)
    assert status["state"] == "failed" and status["earlier_result_kept"]
    assert {p.name: p.read_bytes() for p in job.folder.iterdir()} == was
    assert prepare(source.parent, tmp_path / "out", wrong).kept == [status]
    assert prepare(source.parent, tmp_path / "out", wrong, retry_failed=True).todo == [worse]

    moved = source.rename(tmp_path / "away")
    source.symlink_to(moved)
    assert [s["state"] for s in prepare(source.parent, tmp_path / "out", QUICK).kept] == ["done"]
    moved.rename(tmp_path / "unmounted")
    [lost] = prepare(source.parent, tmp_path / "out", QUICK).todo
    assert run_job(lost)["error"]["kind"] == "input"
    assert {p.name: p.read_bytes() for p in job.folder.iterdir()} == was
    (tmp_path / "unmounted").rename(moved)
    assert [s["state"] for s in prepare(source.parent, tmp_path / "out", QUICK).kept] == ["done"]
    assert not job.beside.exists()


def test_a_result_that_comes_while_a_failure_is_written_stays(tmp_path):
    target = tmp_path / "clip"
    write_folder(target, lambda f: (f / "result").write_text("1"))
    assert not write_folder(target, lambda f: (f / "status").write_text("2"), lambda there: False)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["clip", "clip/result"]


@pytest.mark.parametrize("what", ["clip", "mapping"])
def test_an_input_that_changes_while_it_is_read_is_done_again(tmp_path, monkeypatch, what):
    source = write_clip(tmp_path / "data" / "walk.npz")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("old")
    settings = replace(QUICK, reading={"mapping": str(mapping)})
    [job] = prepare(source.parent, tmp_path / "out", settings).todo

    def changing(job, progress):
        (source if what == "clip" else mapping).write_text("another")

    monkeypatch.setattr("motionrecon.batch.job._reconstruct", changing)
    status = run_job(job)
    assert status["error"]["kind"] == "input" and "changed while" in status["error"]["message"]
    assert len(prepare(source.parent, tmp_path / "out", settings).todo) == 1


def test_a_job_that_has_locked_its_folder_can_save_a_motion_there(tmp_path):
    motion = motion_of(*synthetic(5, 30.0), 30.0)
    write_folder(tmp_path / "clip", lambda folder: motion.save(folder))
    assert [p.name for p in (tmp_path / "clip").iterdir()] == ["motion.npz"]
