"""Options out of range: the same line from the command line, the batch and the Python API."""

import re

import numpy as np
import pytest
from batch_data import WALK

from motionrecon import ranges
from motionrecon.cli.main import main
from motionrecon.errors import OptionError
from motionrecon.pipeline import Options

NONSENSE = (np.nan, np.inf, -np.inf, -1.0e300, 3e38, 10**400, "1", True, [])


@pytest.mark.parametrize("field", ranges.RANGES)
def test_no_option_takes_what_is_no_number_of_its_range(field):
    said = re.escape(f"expected {ranges.RANGES[field]}")
    for value in NONSENSE:
        with pytest.raises(OptionError, match=said) as error:
            Options(**{field: value})
        assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_every_number_of_the_options_has_a_range_and_its_default_is_within():
    no_numbers = {"optimizer", "force_filter", "scene", "start", "robot", "tempo", "simulation"}
    numbers = {*Options.__dataclass_fields__} - no_numbers
    assert numbers == set(ranges.RANGES)
    Options(mass_kg=np.float32(70), noise_m=0, floor_m=-100.0, max_evaluations=np.int64(1))


@pytest.mark.parametrize(
    "option, field, value",
    [("--noise", "noise_m", np.inf), ("--mass", "mass_kg", 4.0), ("--floor", "floor_m", np.nan)],
)
def test_the_line_is_the_same_everywhere(tmp_path, capsys, option, field, value):
    with pytest.raises(OptionError) as error:
        Options(**{field: value})
    for command in ("reconstruct", "batch"):
        out = tmp_path / "o"
        assert main([command, str(WALK), "--out", str(out), f"{option}={value}"]) == 2
        assert capsys.readouterr().err == f"error: {error.value}\n" and not out.exists()


def test_what_must_go_together():
    with pytest.raises(OptionError, match="keep_frames 8: expected at most window_frames, 6"):
        Options(window_frames=6, keep_frames=8)
    with pytest.raises(OptionError, match="--filter nan: expected more than 0"):
        Options(force_filter=np.nan)
