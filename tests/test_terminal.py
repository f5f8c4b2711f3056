"""What reaches a terminal: nothing that it would obey; and where it goes when it cannot."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from motionrecon.terminal import say, say_text, visible

ROOT = Path(__file__).resolve().parents[1]
EVIL = "a\x1b]0;owned\x07\r\n\x9b31m\u202e\x7f.npz"


def motionrecon(*words, **options):
    """The command in a process of its own; bytes."""
    command = [sys.executable, "-m", "motionrecon", *map(os.fsencode, words)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | options
    return subprocess.run(command, **options)


def harmless(told: bytes) -> bool:
    return all(c.isprintable() or c == "\n" for c in told.decode())


def test_what_a_terminal_obeys_is_shown():
    assert visible("plain, Ümlaut, 膝") == "plain, Ümlaut, 膝"
    shown = visible(EVIL + "\udcff")
    assert shown.isprintable() and shown.startswith("a\\x1b]0;owned\\x07\\r\\n\\x9b31m\\u202e")
    assert shown.endswith("\\udcff")


def test_a_line_stays_one_and_a_text_keeps_its_own(capsys):
    say("one\ntwo")
    say_text("one\n\ttwo\x1b")
    assert capsys.readouterr().out == "one\\ntwo\none\n\ttwo\\x1b\n"


def test_nothing_else_prints():
    """But the parsers that run apart, whose replies are no words."""
    found = []
    for package in ("motionrecon", "motionrecon_benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                printed = isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
                stream = isinstance(node, ast.Attribute) and ast.unparse(node) in (
                    "sys.stdout",
                    "sys.stderr",
                )
                if (printed or stream) and path.name != "terminal.py":
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


@pytest.mark.parametrize("command", ["inspect", "reconstruct", "export", "view"])
def test_a_files_name_in_an_error(command, tmp_path):
    done = motionrecon(command, tmp_path / EVIL)
    assert done.returncode == 2 and harmless(done.stderr) and done.stderr.count(b"\n") == 1


def test_a_files_name_and_contents_in_what_is_found(tmp_path, bundled_clip):
    with np.load(bundled_clip("walk")) as clip:
        arrays = dict(clip)
    extra = np.concatenate([arrays["keypoints"], arrays["keypoints"][:, :1]], axis=1)
    names = [*arrays["keypoint_names"], "\x1b[31mred\n"]
    np.savez(tmp_path / EVIL, **arrays | {"keypoints": extra, "keypoint_names": names})
    for options in ((), ("--quiet",), ("--json",)):
        done = motionrecon("inspect", tmp_path / EVIL, *options)
        assert done.returncode == 0 and harmless(done.stdout + done.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize(
    "words",
    [("--help",), ("inspect", "--help"), ("inspect", "CLIP"), ("inspect", "CLIP", "--json")],
)
def test_a_full_standard_output_is_one_line(words, bundled_clip):
    words = [bundled_clip("walk") if w == "CLIP" else w for w in words]
    with open("/dev/full", "wb") as full:
        done = motionrecon(*words, stdout=full)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"standard output: cannot be written (No space" in done.stderr


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_standard_stream_changes_nothing(closed, bundled_clip):
    script = f'exec "$@" {closed}>&-'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "motionrecon"]
    done = subprocess.run(
        [*command, "inspect", bundled_clip("walk")], capture_output=True, timeout=120
    )
    assert done.returncode == 0 and not done.stderr
    assert bool(done.stdout) == (closed == "2")


def test_a_terminal_without_the_letters(tmp_path):
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = motionrecon("inspect", tmp_path / "Käthe.npz", env=ascii_only)
    assert done.returncode == 2 and b"K\\xe4the.npz" in done.stderr and b"Traceb" not in done.stderr
    assert motionrecon("inspect", "--help", env=ascii_only).returncode == 0
