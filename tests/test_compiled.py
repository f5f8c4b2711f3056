"""Compiled code on disk: used when it is whole, made anew when it is not, done without when it
cannot be."""

import os
import subprocess
import sys

import pytest

_MODULE = """
import sys
from motionrecon.compiled import kept, njit

@njit(error_model="numpy")
def twice(x):
    return 2 * x

@njit
def four_times(x):
    return twice(twice(x))

print(four_times(int(sys.argv[1])), dict(four_times.stats.cache_hits), kept())
"""


@pytest.fixture
def run(tmp_path):
    """run() is (what the module computes of 3, how often code was loaded, whether it is kept)."""
    module, cache = tmp_path / "kernels.py", tmp_path / "cache"
    module.write_text(_MODULE)

    def _run(**environment):
        done = subprocess.run(
            [sys.executable, module, "3"],
            env=os.environ | {"NUMBA_CACHE_DIR": str(cache)} | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
        value, hits = done.stdout.split()[0], "{}" not in done.stdout
        return value, hits, done.stdout.split()[-1]

    _run.files = lambda: sorted(cache.rglob("*.nb[ic]"))
    return _run


def test_code_is_kept(run):
    assert run() == ("12", False, "True") and len(run.files()) == 4
    assert run() == ("12", True, "True")


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-40] + bytes(b ^ 1 for b in content[-40:]),
        lambda content: b"cos\nsystem\n(S'echo run'\ntR.",
    ],
    ids=["empty", "cut", "flipped", "a pickle that runs"],
)
def test_damaged_code_is_compiled_anew(run, suffix, damage):
    run()
    for file in run.files():
        if file.suffix == suffix:
            file.write_bytes(damage(file.read_bytes()))
    assert run() == ("12", False, "True")
    assert run() == ("12", True, "True")


def test_without_a_place_for_it(run):
    """As with a read-only package and a home that cannot be written."""
    assert run(NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator") == ("12", False, "False")


def test_a_place_that_is_full(run, tmp_path):
    (tmp_path / "kernels.py").write_text(
        "from motionrecon import compiled\n"
        "def full(self, path):\n    raise OSError(28, 'No space left on device')\n"
        "compiled._Files._open_for_write = full\n" + (tmp_path / "kernels.py").read_text()
    )
    assert run() == ("12", False, "False")


def test_it_is_said_once(monkeypatch, capsys):
    from motionrecon import compiled
    from motionrecon.cli import compiling
    from motionrecon.cli.console import Console

    monkeypatch.setattr(compiling, "kernels_are_cold", lambda: False)
    compiling.announce(Console())
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(compiled, "_lost", ["no folder"])
    compiling.announce(Console())
    assert capsys.readouterr().err.count(compiling.UNKEPT) == 1
