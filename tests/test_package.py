import subprocess
import sys

import pytest


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("jax", "mujoco", "numba", "scipy")
    code = f"import sys, motionrecon; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


def test_public_names():
    import motionrecon
    from motionrecon.clip.load import Clip, load_clip

    assert motionrecon.load_clip is load_clip and motionrecon.Clip is Clip
    with pytest.raises(AttributeError):
        motionrecon.nothing  # noqa: B018


def test_reconstruct_is_the_pipeline_s_function():
    import motionrecon.pipeline
    from motionrecon import reconstruct

    assert reconstruct is motionrecon.pipeline.reconstruct
