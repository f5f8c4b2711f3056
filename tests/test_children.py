"""Processes that are started here run no code of the folder they are started in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_data import QUICK

from motionrecon import children
from motionrecon.batch.run import prepare, run_batch
from motionrecon.batch.schedulers import make
from motionrecon.errors import ClipError
from motionrecon.io import isolated

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """The current folder holds modules of well-known names, which say so where they are run."""
    sprung = tmp_path / "sprung"
    code = f"open({str(sprung)!r}, 'a').write(__name__)"
    for name in ("numba", "ezc3d", "numpy", "json", "motionrecon/__init__"):
        file = tmp_path / "here" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    monkeypatch.chdir(tmp_path / "here")
    return sprung


@pytest.mark.parametrize("given", [None, "", ".", os.pathsep, f"here{os.pathsep}"])
def test_workers_and_parsers_do_not_import_the_current_folder(trap, tmp_path, monkeypatch, given):
    if given is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", given)
    (tmp_path / "damaged.c3d").write_bytes(bytes(1024))
    with pytest.raises(ClipError):
        isolated.run(tmp_path / "damaged.c3d", "c3d_child.py", tmp_path / "damaged.c3d")
    if given is None:  # once: a batch takes seconds
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "bad.npz").write_bytes(b"")
        out = tmp_path / "out"
        [status] = run_batch(prepare(tmp_path / "data", out, QUICK), make("local", 1, 60.0, "out"))
        assert status["error"]["kind"] == "input"
    assert not trap.exists()


def test_absolute_folders_of_the_path_are_kept(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path), "below"]))
    command = [sys.executable, "-c", "import mine, motionrecon; print(motionrecon.__file__)"]
    done = subprocess.run(command, env=children.environment(), capture_output=True, text=True)
    assert done.stdout.strip() == str(ROOT / "motionrecon" / "__init__.py")
