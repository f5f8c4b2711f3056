"""The main job, end to end, on a bundled clip."""

import json

import numpy as np
import pytest

from motionrecon.cli import main


def test_walk_end_to_end(tmp_path):
    from pathlib import Path

    clip = Path(__file__).parents[1] / "assets" / "clips" / "walk.npz"
    assert main([str(clip), "--out", str(tmp_path), "--max-evaluations", "30"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    with np.load(tmp_path / "motion.npz") as z:
        T = len(z["time"])
        assert z["qpos"].shape[0] == z["torques"].shape[0] == z["contact_force"].shape[0] == T
        assert all(np.isfinite(z[k]).all() for k in ("qpos", "qvel", "ctrl", "torques", "keypoints", "contact_force"))
    assert report["status"] == "ok"
    assert report["result"]["mpjpe_g_mm"] < 40
    assert all(w["loss_end"] <= w["loss_start"] for w in report["windows"])


@pytest.mark.parametrize("name", ["missing.npz", "text.npz"])
def test_bad_input_exits_2_and_writes_nothing(tmp_path, name, capsys):
    (tmp_path / "text.npz").write_text("not an npz")
    out = tmp_path / "out"
    assert main([str(tmp_path / name), "--out", str(out)]) == 2
    assert name in capsys.readouterr().err
    assert not out.exists()
