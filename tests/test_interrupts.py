"""Ctrl-C leaves what was whole, and pairs that belong together."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon import assets, children
from motionrecon.atomic import write_files_atomically
from motionrecon.cli.main import main
from motionrecon.errors import OutputError
from motionrecon.interrupts import held_back, is_interrupt
from motionrecon.motion import Motion

WALK = str(assets.clip_path("walk"))
SHORT = ["--max-evaluations", "1", "--quiet"]


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_is_held_back_to_the_blocks_end():
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        ctrl_c()
        ctrl_c()
        done.append("all of it")
    assert done and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_hold_nothing_back():
    done = []

    def work():
        with held_back():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def test_ctrl_c_between_two_files_of_a_pair_falls_after_both(tmp_path, monkeypatch):
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *a: (replace(*a), ctrl_c()))
    with pytest.raises(KeyboardInterrupt), write_files_atomically(tmp_path) as part:
        for name in ("motion.npz", "report.json"):
            (part / name).write_text("new")
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert found == {"motion.npz": "new", "report.json": "new"}


@pytest.mark.parametrize("first", [None, "older"])
def test_a_pair_of_which_one_is_a_folder_is_not_replaced_by_half(tmp_path, first):
    (tmp_path / "report.json").mkdir()
    if first:
        (tmp_path / "motion.npz").write_text(first)
    with pytest.raises(OutputError, match="report.json there is a folder"):
        with write_files_atomically(tmp_path) as part:
            for name in ("motion.npz", "report.json"):
                (part / name).write_text("new")
    found = {p.name: p.read_text() for p in tmp_path.iterdir() if p.is_file()}
    assert found == ({"motion.npz": first} if first else {})


def test_what_compiled_code_makes_of_ctrl_c_is_one():
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as e:
            raise SystemError("returned a result with an exception set") from e
    except SystemError as e:
        assert is_interrupt(e)
    assert not is_interrupt(SystemError("another"))


def test_in_compiled_code_it_is_one_line(monkeypatch, capsys):
    def broken(*a, **k):
        raise SystemError("CPUDispatcher") from KeyboardInterrupt()

    monkeypatch.setattr("motionrecon.clip.load.load_clip", broken)
    assert main(["inspect", WALK]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_partial_result_stands_below_a_whole_one(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    motion_of(*synthetic(5, 30.0), 30.0).save(out)
    was = {p.name: p.read_bytes() for p in out.iterdir()}

    import motionrecon.pipeline as pipeline

    windows = pipeline.solve_windows

    def stopped(*arguments):
        yield next(iter(windows(*arguments)))
        raise SystemError("CPUDispatcher") from KeyboardInterrupt()

    monkeypatch.setattr(pipeline, "solve_windows", stopped)
    for _ in range(2):
        assert main(["reconstruct", WALK, "--out", str(out), *SHORT]) == 130
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == was
    assert Motion.load(out / "interrupted").require_report().status == "interrupted"
    # a partial one is no reason to go elsewhere
    assert main(["reconstruct", WALK, "--out", str(out / "interrupted"), *SHORT]) == 130
    assert not (out / "interrupted" / "interrupted").exists()


def test_while_writing_it_is_not_said_that_nothing_is(tmp_path, monkeypatch, capsys):
    def interrupted(*a, **k):
        raise KeyboardInterrupt

    monkeypatch.setattr("motionrecon.export.write", interrupted)
    out = tmp_path / "out"
    words = ["reconstruct", WALK, "--out", str(out), "--export", "trc", *SHORT]
    assert main(words) == 130
    assert capsys.readouterr().err.endswith(f"written; the files in {out} are whole\n")
    assert Motion.load(out).require_report().status == "ok"


def test_ctrl_c_while_importing_is_one_line(tmp_path):
    """A module that interrupts while it is imported stands for a slow one."""
    (tmp_path / "scipy.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    environment = children.environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    command = [
        sys.executable,
        "-m",
        "motionrecon",
        "reconstruct",
        WALK,
        "--out",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "interrupted; nothing written\n")
    assert not Path(tmp_path / "o").exists()
