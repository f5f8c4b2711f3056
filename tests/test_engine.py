"""MuJoCo's warnings leave no MUJOCO_LOG.TXT in the current folder, nor follow a link there."""

import ast
import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest
from synthetic_motion import NAMES, proportions

from motionrecon import children
from motionrecon.body import assemble
from motionrecon.physics.rollout import Simulator

ROOT = Path(__file__).resolve().parents[1]
# MuJoCo's reader of XML warns of the NaN.
WARNS = """<mujoco><worldbody><body name="hand"><freejoint/><geom size=".1"/></body></worldbody>
<keyframe><key time="0" qpos="nan 0 0 1 0 0 0"/><key time=".1" qpos="0 0 0 1 0 0 0"/></keyframe>
</mujoco>"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a link to a file elsewhere in the log's place."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "keys.xml").write_text(WARNS)
    (folder / "MUJOCO_LOG.TXT").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(folder)
    return folder


def run(*words):
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, env=children.environment(), timeout=120)


def test_the_warning_comes_where_nobody_stops_it(here, tmp_path):
    """The tests below rest on it."""
    run("-c", "import mujoco; mujoco.MjModel.from_xml_path('keys.xml')")
    assert "NaN" in (tmp_path / "elsewhere").read_text()


@pytest.mark.parametrize("command", ["inspect", "reconstruct", "batch"])
def test_a_commands_warning_of_the_compiler(here, tmp_path, command):
    out = [] if command == "inspect" else ["--out", str(tmp_path / "out")]
    given = "*.xml" if command == "batch" else "keys.xml"
    done = run("-m", "motionrecon", command, given, *out)
    assert b"keys" in done.stdout + done.stderr
    assert not (tmp_path / "elsewhere").exists()
    assert sorted(p.name for p in here.iterdir()) == ["MUJOCO_LOG.TXT", "keys.xml"]


@pytest.mark.parametrize("bad", [np.nan, 1e300])
def test_a_rollout_that_diverges(here, tmp_path, capfd, bad):
    simulator = Simulator(assemble(proportions(), 70.0, NAMES).model)
    m = simulator.model
    assert simulator.rollout(m.qpos0, np.full(m.nv, bad), np.zeros((2, m.nu))).diverged
    data = mujoco.MjData(m)
    data.qacc_warmstart[:] = data.qfrc_applied[:] = bad
    mujoco.mj_step(m, data)
    assert data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number
    assert not (tmp_path / "elsewhere").exists()
    assert capfd.readouterr() == ("", "")


def test_mujoco_has_one_door():
    """Whichever module comes first, MuJoCo is told before it is used."""
    found = []
    for package in ("motionrecon", "motionrecon_benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text("utf-8")
            names = [
                alias.name
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import)
                for alias in node.names
            ]
            door = "from motionrecon.engine import mujoco" in text
            own = path.name == "engine.py"
            if ("mujoco" in names) != own or ("from mujoco" in text and not door):
                found.append(str(path.relative_to(ROOT)))
    assert not found
