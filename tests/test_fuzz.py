"""The fuzzer: that it edits, that it sees what must not happen, and keeps the file. (CI runs it for
two minutes: .ci/run.)"""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np

from motionrecon_benchmarks import fuzz, mutate
from motionrecon_benchmarks.sample_files import WRITERS


def test_every_edit_edits(tmp_path, bundled_clip):
    walk = fuzz.load_clip(bundled_clip("walk"))
    archive = WRITERS["npz"](tmp_path, walk).path.read_bytes()
    table, text = WRITERS["json"](tmp_path, walk).path.read_bytes(), b"a b\nc 1.5\nd e f\n"
    for edit in (
        *((text, ("word", 0.5, w)) for w in mutate.WORDS),
        *((text, ("line", 0.5, how)) for how in mutate.LINES),
        *((archive, ("array", 0.0, i)) for i in range(len(mutate.ARRAYS))),
        *((table, ("value", 0.5, v)) for v in mutate.VALUES),
    ):
        content, what = edit
        assert mutate.edited(content, [what]) != content, what
    assert mutate.edited(text, [("array", 0.5, 0)]) != text  # bytes, where it does not fit


# The memory that a process inherits counts as its own: this one's may be large by now.
_MOMENT = """
import json, pathlib, sys
from motionrecon_benchmarks import fuzz
fuzz._FEWEST = 200  # one in 12 is a clip still
print(json.dumps(fuzz.run_apart("npy", 0.01, 0, pathlib.Path(sys.argv[1]))))
"""


def test_a_format_for_a_moment(tmp_path):
    command = [sys.executable, "-c", _MOMENT, str(tmp_path / "out")]
    result = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert not result["wrong"] and result["examples"] >= 200 and result["clips"] > 0
    assert 20 < result["peak_mib"]


def test_what_must_not_happen_is_found_made_simple_and_kept(tmp_path, monkeypatch):
    def sick(path, options):
        return "clip" if path.read_bytes()[:6] == b"\x93NUMPY" else "KeyError: 'x'"

    monkeypatch.setattr(fuzz, "look", sick)
    result = fuzz.run_here("npy", 30.0, 0, tmp_path / "work")
    assert result["wrong"].startswith("KeyError: 'x'")
    kept = next((tmp_path / "work" / "copy").iterdir())
    assert kept.read_bytes()[:6] != b"\x93NUMPY"
    assert json.loads((tmp_path / "work" / "options.json").read_text())


def test_a_crash_and_the_files_it_came_of(tmp_path, capsys, monkeypatch):
    def die(path, options):
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as m:
        m.setattr(fuzz, "look", die)
        result = fuzz.run_apart("npy", 1.0, 0, tmp_path / "out")
        assert "exit code -9" in result["wrong"] and not result["examples"]
        assert list((tmp_path / "out" / "npy" / "copy").iterdir())
        m.setattr(fuzz, "look", lambda *given: time.sleep(600))
        m.setattr(fuzz, "_PATIENCE_S", 1.0)
        assert fuzz.run_apart("npy", 0.01, 0, tmp_path / "out")["wrong"] == "hangs"
    monkeypatch.setattr(fuzz, "run_apart", lambda *a: result | {"peak_mib": np.nan})
    assert fuzz.main(fuzz.Study(("npy",), minutes=0.1, seed=5, out=tmp_path)) == 1
    assert "seed 5\nnpy: 0 files" in capsys.readouterr().out
