"""Whatever befalls a batch, its outcomes are in the end those of an undisturbed one; a longer run:
python -m motionrecon_benchmarks.batch_model --steps 2000.
"""

import os

import pytest

from motionrecon.batch.run import CLIPS
from motionrecon_benchmarks.batch_model import model


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_full_disks_changed_inputs_and_two_batches_at_once(tmp_path, seed):
    found, expected, errors = model(tmp_path, 40, seed)
    assert found == expected and len(found) >= 1 and not errors
    assert not list((tmp_path / "out" / CLIPS).glob(".part-*"))
