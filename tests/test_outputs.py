"""No output lands on an input, and what is asked of --out is checked before the work."""

import os
import shutil
from dataclasses import replace

import pytest
from batch_data import WALK
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of
from test_verdict_checks import report

from motionrecon.cli.main import main

QUICK = ["--max-evaluations", "1", "--quiet"]


@pytest.fixture
def take(tmp_path, monkeypatch):
    """A saved motion, with a clip under its name in a format it could be exported to."""
    monkeypatch.chdir(tmp_path)
    motion_of(*synthetic(5, 30.0), 30.0).save("take")
    shutil.copy(WALK, "take/motion.trc")  # refused before it is read: what it holds is no matter
    return tmp_path / "take"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize(
    "words",
    [
        ["take/motion.trc", "--out", "take", "--export", "trc"],
        ["take/motion.npz", "--out", "take"],
        ["take/../take/motion.npz", "--out", "take"],
        ["linked.npz", "--out", "take"],
        [WALK, "--out", "take", "--reference", "take/motion.npz"],
        [WALK, "--out", "take", "--mapping", "take/motion.npz"],
        [WALK, "--out", "take", "--page", "--model", "take/view.html"],
        ["take", "--out", "take"],
    ],
)
def test_a_result_does_not_replace_what_is_read(take, capsys, words):
    os.symlink("take/motion.npz", "linked.npz")
    (take / "view.html").write_text("a model")
    was = contents(take)
    assert main(["reconstruct", *map(str, words), *QUICK]) == 2
    said = capsys.readouterr().err
    assert "would be replaced by take/" in said and "--out" in said and said.count("\n") == 1
    assert contents(take) == was


def test_a_motion_is_not_exported_or_compared_onto_itself(take, capsys):
    was = contents(take)
    assert main(["export", "take", "--formats", "npz,mjcf", "--quiet"]) == 0
    assert {k: v for k, v in contents(take).items() if k != "motion.xml"} == was
    os.rename("take/motion.npz", "take/motion_locomujoco.npz")
    words = ["take/motion_locomujoco.npz", "--formats", "locomujoco"]
    assert main(["export", *words]) == 2
    assert "would be replaced" in capsys.readouterr().err
    os.makedirs("cmp/adam")
    os.rename("take/motion_locomujoco.npz", "cmp/adam/motion.npz")
    assert main(["compare", "cmp/adam/motion.npz", "--with", "adam", "--out", "cmp"]) == 2
    assert "would be replaced" in capsys.readouterr().err


def test_a_page_is_written_beside_its_motion_again_and_again(take):
    for _ in range(2):
        assert main(["view", "take", "--quiet"]) == 0
    assert (take / "view.html").is_file()


def test_clips_of_one_name_do_not_share_the_usual_folder(take, capsys):
    """The folder holds a result of b/take.npz."""
    motion = motion_of(*synthetic(5, 30.0), 30.0)
    replace(motion, report=report(clip="b/take.npz")).save("out/take")
    os.makedirs("a")
    shutil.copy(WALK, "a/take.npz")
    was = contents(take.parent / "out" / "take")
    assert main(["reconstruct", "a/take.npz", *QUICK]) == 2
    assert "holds the result of b/take.npz" in capsys.readouterr().err
    assert contents(take.parent / "out" / "take") == was


@pytest.mark.parametrize(
    "out, says",
    [
        (["--out", ""], "--out is empty"),
        (["--out="], "--out is empty"),
        (["--out", "x" * 300], "too long"),
        (["--out", "a\0b"], "zero byte"),
    ],
)
@pytest.mark.parametrize("command", ["reconstruct", "batch"])
def test_an_out_that_is_no_place_is_one_line(tmp_path, monkeypatch, capsys, command, out, says):
    monkeypatch.chdir(tmp_path)
    assert main([command, str(WALK), *out]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not list(tmp_path.iterdir())


def test_an_empty_out_in_a_file_of_options_is_refused_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "options.yaml").write_text('out: ""\n')
    assert main(["reconstruct", str(WALK), "--config", "options.yaml"]) == 2
    assert "--out is empty" in capsys.readouterr().err
