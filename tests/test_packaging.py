"""What a wheel would hold, read from pyproject.toml; `make wheel` builds one and uses it alone."""

import tomllib
from pathlib import Path

import pytest

from motionrecon import __version__

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "motionrecon"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DATA = PROJECT["tool"]["setuptools"]["package-data"]["motionrecon"]


def files() -> set[Path]:
    """Every file of the package that is no leftover of running it."""
    found = (p.relative_to(PACKAGE) for p in PACKAGE.rglob("*") if p.is_file())
    return {p for p in found if "__pycache__" not in p.parts}


def test_every_file_that_is_not_python_is_package_data():
    matched = {p.relative_to(PACKAGE) for pattern in DATA for p in PACKAGE.glob(pattern)}
    assert {p for p in files() if p.suffix != ".py"} == {p for p in matched if p.suffix != ".py"}


@pytest.mark.parametrize("pattern", DATA)
def test_no_pattern_of_the_package_data_is_idle(pattern):
    assert any(PACKAGE.glob(pattern))


def test_every_folder_of_python_is_a_package():
    """`namespaces = false`: what has no __init__.py would be left out."""
    folders = {p.parent for p in files() if p.suffix == ".py"}
    assert all((PACKAGE / f / "__init__.py").is_file() for f in folders)


def test_one_version_everywhere():
    assert PROJECT["project"]["version"] == __version__
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_no_file_of_the_package_is_a_link_out_of_it():
    assert not [p for p in PACKAGE.rglob("*") if p.is_symlink()]
