"""The examples run, on less than they take by themselves."""

import importlib.util
from pathlib import Path
from types import ModuleType

import nbclient
import nbformat

from motionrecon import Motion, assets
from motionrecon.batch.configuration import Settings
from motionrecon.pipeline import Options

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
QUICK = Options(max_evaluations=3, threads=1)


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_clip(tmp_path, capsys):
    example("one_clip").main(assets.clip_path("walk"), tmp_path, seconds=0.5, options=QUICK)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"motion.npz", "report.json", "motion.bvh", "motion.csv", "view.html"}
    assert Motion.load(tmp_path).frames == 16
    assert "Left knee:" in capsys.readouterr().out


def test_data_set(tmp_path, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "walk.npz").write_bytes(assets.clip_path("walk").read_bytes())
    settings = Settings(QUICK, seconds=0.5)
    data_set = example("data_set")
    data_set.main(clips, tmp_path / "out", settings)
    assert "0 clips are done, 1 are left." in capsys.readouterr().out
    data_set.main(clips, tmp_path / "out", settings)
    assert "1 clips are done, 0 are left." in capsys.readouterr().out
    assert (tmp_path / "out" / "page.html").is_file()


def test_own_problem():
    losses = example("own_problem").main()
    start = 19.0
    assert losses["bfgs"] < 1e-6 * start
    assert all(loss < start for loss in losses.values())


def test_the_notebook(tmp_path):
    notebook = nbformat.read(EXAMPLES / "first_motion.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # outputs are not kept
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "largest difference of the last state" in printed


def run_less(name: str, folder: Path) -> list[dict]:
    """What a notebook shows, run in a folder on less of the clip."""
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells[1].source = notebook.cells[1].source.replace("SECONDS = None", "SECONDS = 0.7")
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [o for c in notebook.cells for o in c.get("outputs", [])]


def test_the_robot_notebook(tmp_path):
    shown = run_less("robot.ipynb", tmp_path)
    assert any("image/png" in o.get("data", {}) for o in shown)
    printed = "".join(o.get("text", "") for o in shown)
    assert "motion_beyondmimic.csv" in printed
    assert float(printed.rsplit("last state:", 1)[1]) < 1e-9


def test_the_blender_notebook(tmp_path):
    shown = run_less("blender.ipynb", tmp_path)
    printed = "".join(o.get("text", "") for o in shown)
    assert "20 bones" in printed and "motion_mixamo.glb" in printed
    assert 1.5 < float(printed.split(" m tall")[0].rsplit(" ", 1)[1]) < 2.0
    assert any("image/png" in o.get("data", {}) for o in shown)


def test_the_data_set_notebook(tmp_path):
    printed = "".join(o.get("text", "") for o in run_less("data_set.ipynb", tmp_path))
    assert "broken   failed  failed" in printed and "walk     done" in printed
    assert "0 to do, 3 kept" in printed and "motion.bvh" in printed


def test_the_opensim_moments_notebook(tmp_path):
    shown = run_less("opensim_moments.ipynb", tmp_path)
    assert any("image/png" in o.get("data", {}) for o in shown)
    assert "hip_flexion_r_moment" in str(shown)


def test_every_example_is_listed_and_tested():
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    tested = Path(__file__).read_text("utf-8")
    for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")):
        assert f"`{path.name}`" in listed and path.stem in tested
