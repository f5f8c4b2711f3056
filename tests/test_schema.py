"""What a motion's fields declare: shapes hold in real motions, and tables are made from them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of

from motionrecon.errors import MotionError
from motionrecon.motion import Motion, Report, Status, schema, tables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def still():
    body, qpos = synthetic(6, 30.0)
    return motion_of(body, qpos, 30.0)


REPORT = {
    "clip": "walk.npz",
    "status": "degraded",
    "warnings": ["window at frame 10: restarted"],
    "ik": dict.fromkeys(schema.entries(tables.Scores), 1.5),
    "result": dict.fromkeys(schema.entries(tables.Scores), None),
    "force_plates": {
        "left": {
            "rmse_bw": [0.1, 0.2, 0.3],
            "correlation": [0.5, None, 0.9],
            "centre_of_pressure_rmse_mm": None,
            "seconds": 1.25,
        }
    },
    "evaluations": 30,
    "seconds": {
        "startup": 1.0,
        "ik": 2.0,
        "optimise": 3.0,
        "total": 6.0,
        "until_first_iteration": None,
    },
    "realtime_factor": 2.0,
    "frames": 6,
    "mass_kg": 70.0,
    "fallbacks": 0,
    "findings": ["noise about 1.0 mm a coordinate"],
    "noise_mm": 1.0,
    "options": {"optimizer": "bfgs", "seed": 0},
    "windows": [
        {
            "start_frame": 10,
            "frames": 20,
            "kept": 10,
            "status": "restarted",
            "loss_start": None,
            "loss_end": 0.5,
            "evaluations": 30,
            "evaluations_growing": 0,
            "linearizations": 0,
            "linearizations_growing": 0,
            "fallbacks": 0,
            "stopped": "converged",
            "message": "",
            "seconds_growing": 0.25,
            "history": [[1, 0.1, 2.0], [3, 0.2, 0.5]],
        }
    ],
    "versions": {"python": "3.11.7"},
}


def test_every_array_is_declared_with_its_place_in_the_file(still):
    declared = schema.arrays(Motion)
    needed = [a.name for a in declared if not a.entry.optional]
    assert needed == [n for n in still.arrays() if n not in schema.of_steps(Motion)]
    schema.check(still.arrays(), declared, Path("motion.npz"))
    letters = {s.partition("+")[0] for a in declared for s in a.shape if not s.isdigit()}
    assert letters == set(schema.SYMBOLS)
    assert all(a.entry.meaning for a in declared)
    metres = {a.name for a in declared if a.entry.unit.startswith(("m", "N")) and a.shape}
    inside = {a.name for a in declared if "torques" in a.name or "joint_moments" in a.name}
    assert metres - inside == {a.name for a in declared if a.entry.frame == "world"}


def test_a_size_is_that_of_the_first_array_with_the_symbol(still):
    arrays = still.arrays()
    for name, shape, said in (
        ("qvel", (5, 43), r"shape \(T, nv\) with T = 6"),
        ("keypoints", (6, 4, 2), r"shape \(T, K, 3\) with T = 6"),
        ("simulation_qpos", (6, 40), r"shape \(N\+1, nq\) with N = 5, nq = 44"),
        ("simulation_ctrl", (6, 37), r"shape \(N, nu\) with N = 5, nu = 37"),
        ("time", (0,), r"shape \(T,\)"),
    ):
        with pytest.raises(MotionError, match=f"a.npz: '{name}' has .*{said}"):
            schema.check({**arrays, name: np.zeros(shape)}, schema.arrays(Motion), Path("a.npz"))


def test_only_what_may_be_missing_may_be_nan(still):
    for a in schema.arrays(Motion):
        if a.kind == "f" and a.shape and not a.entry.optional:
            values = still.arrays()[a.name].copy()
            values.flat[0] = np.nan
            spoilt = {**still.arrays(), a.name: values}
            if a.entry.nan:
                schema.check(spoilt, schema.arrays(Motion), Path("a.npz"))
            else:
                with pytest.raises(MotionError, match=f"'{a.name}' is not finite at"):
                    schema.check(spoilt, schema.arrays(Motion), Path("a.npz"))


def test_a_report_comes_back_with_its_keys_in_order():
    report = Report.from_json(REPORT)
    assert report.status is Status.DEGRADED and report.windows[0].history[1] == (3, 0.2, 0.5)
    assert report.force_plates["left"].correlation == (0.5, None, 0.9)
    assert json.dumps(report.to_json()) == json.dumps(REPORT)
    assert json.loads(report.text()) == REPORT and "[ 1, 0.1, 2.0 ]" in report.text()
    assert "force_plates" not in replace(report, force_plates=None).to_json()


def test_a_report_of_an_older_version_is_read():
    lacking = {k: v for k, v in REPORT.items() if k not in ("fallbacks", "findings", "versions")}
    lacking["windows"] = [{k: v for k, v in REPORT["windows"][0].items() if k != "history"}]
    report = Report.from_json({**lacking, "verdict_of_a_newer_one": {}})
    assert report.fallbacks == 0 and report.findings == () and report.windows[0].history == ()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"status": "fine"}, r"fine.*\$.status"),
        ({"frames": "six"}, r"int.*\$.frames"),
        ({"windows": [{}]}, r"start_frame.*\$.windows\[0\]"),
        ({"mass_kg": None}, r"float.*\$.mass_kg"),
    ],
)
def test_a_wrong_report_says_which_key(still, tmp_path, change, said):
    still.save(tmp_path)
    (tmp_path / "report.json").write_text(json.dumps({**REPORT, **change}))
    with pytest.raises(MotionError, match=rf"report.json: cannot be read.*{said}") as error:
        Motion.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_motion_prints_as_five_lines(still):
    lines = str(still).splitlines()
    assert len(lines) == 5 and "0.17 s, 6 frames at 30 Hz" in lines[1] and "70.0 kg" in lines[4]
    lines = str(replace(still, report=Report.from_json(REPORT))).splitlines()
    assert len(lines) == 5 and "walk.npz" in lines[0] and "degraded" in lines[1]
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_tables_of_the_documents_are_those_of_the_types(page):
    text = page.read_text(encoding="utf-8")
    assert tables.filled(text) == text, f"run python -m motionrecon.motion.tables {page}"


def test_marked_places_are_filled():
    text = "before\n\n<!-- schema:scores -->\nold\n<!-- /schema:scores -->\n\nafter\n"
    filled = tables.filled(text)
    assert "| `mpjpe_g_mm` | mm |" in filled and "old" not in filled
    assert filled.startswith("before\n") and filled.endswith("\nafter\n")
    assert tables.filled(filled) == filled
    with pytest.raises(KeyError, match="nothing"):
        tables.filled("<!-- schema:nothing -->\n<!-- /schema:nothing -->")
