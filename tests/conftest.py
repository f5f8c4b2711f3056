"""Where the tests find motion: the bundled clips always, the development clips where they are."""

import signal
import sys
from pathlib import Path

import pytest

from motionrecon import assets

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    """The folder of development clips (../shared/data/clips), or the test is skipped."""
    folder = ROOT.parent / "shared" / "data" / "clips"
    if not any(folder.glob("*.npz")):
        pytest.skip("the development clips are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def bundled_clip():
    """bundled_clip("walk") is the path of a clip that comes with the package."""
    return assets.clip_path


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard():
    """A shell starts what runs in the background with SIGINT ignored; tests of Ctrl-C need it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def compiled_code_is_let_go():
    """What JAX has compiled for one file serves no other; kept, it grows to gigabytes."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
