"""The cache of solved windows: rebuilt exactly, and refused where it is not what it should be."""

import json

import numpy as np
import pytest

from motionrecon import load_clip
from motionrecon.assets import folder
from motionrecon.cli.main import main as command
from motionrecon.errors import ModelError
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.build import build, solved_group
from motionrecon.learned.train.tasks import split
from motionrecon.pipeline import Options

SMALL = Options(
    window_frames=6,
    keep_frames=3,
    grow_frames=4,
    max_evaluations=4,
    grow_evaluations=3,
    threads=1,
    start="grown",
)


@pytest.fixture(scope="module")
def group():
    return solved_group(load_clip(folder() / "walk.npz").until(0.3), "walk", SMALL)


@pytest.fixture(scope="module")
def path(group, tmp_path_factory):
    path = tmp_path_factory.mktemp("cache") / "training-00000.npz"
    files.save(path, group)
    return path


def test_windows_are_rebuilt(group, path):
    """What is stored comes back to the bit; what is computed from it to rounding, since some
    kernels of OpenBLAS round by where in memory an array begins.
    """
    again = files.load(path)
    assert (again.name, again.xml, len(again.windows)) == ("walk", group.xml, len(group.windows))
    assert len(group.windows) > 2
    assert again.reference.options == group.reference.options
    for a, b in zip(group.windows, again.windows, strict=True):
        x = a.x.ravel()
        assert a.loss == b.loss < a.start_loss == b.start_loss
        for window in (group.window(a), again.window(b)):
            assert window.value(x) == pytest.approx(a.loss, rel=1e-12)
        for name in ("qpos", "qvel", "knot", "ahead"):
            np.testing.assert_array_equal(getattr(a.begin, name), getattr(b.begin, name))
        np.testing.assert_array_equal(a.x, b.x)
        assert (a.linearizations, a.evaluations) == (b.linearizations, b.evaluations)
        assert a.evaluations > 0
    first = group.window(group.windows[0]).linearize(group.windows[0].x.ravel())
    second = again.window(again.windows[0]).linearize(again.windows[0].x.ravel())
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9 * np.abs(a).max())


def test_a_window_begins_where_the_one_before_ended(group):
    before, after = group.windows[:2]
    r = group.window(before).rollout(before.x.ravel())
    at = (after.begin.frame - before.begin.frame) * group.reference.substeps
    np.testing.assert_array_equal(r.qpos[at], after.begin.qpos)
    np.testing.assert_array_equal(before.x[SMALL.keep_frames :], after.begin.ahead)


def changed(path, out, change):
    arrays = dict(np.load(path))
    texts = json.loads(arrays["texts"].tobytes())
    change(texts, arrays)
    arrays["texts"] = np.frombuffer(json.dumps(texts).encode(), np.uint8)
    np.savez(out, **arrays)
    return out


CHANGES = {
    "another objective": lambda texts, arrays: texts["options"].update(keypoints=401.0),
    "format 0, expected 1": lambda texts, arrays: texts.update(format=0),
    "not a group": lambda texts, arrays: arrays.pop("window_x"),
    "pickled": lambda texts, arrays: arrays.update(aim=np.array([{}], object)),
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_is_not_a_cache_of_this_objective_is_refused_in_one_line(path, tmp_path, said):
    bad = changed(path, tmp_path / "bad.npz", CHANGES[said])
    with pytest.raises(ModelError, match=said) as error:
        files.load(bad)
    assert "\n" not in str(error.value) and "bad.npz" in str(error.value)


def test_building_goes_on_with_what_is_missing(tmp_path, monkeypatch):
    made = []

    def one(clip, name, options):
        made.append(name)
        raise ModelError("not now")

    monkeypatch.setattr("motionrecon.learned.train.cache.build.solved_group", one)
    (tmp_path / "training-00000.npz").touch()
    build(None, tmp_path, 1, say=lambda line: None)
    assert sorted(made) == sorted(p.stem for p in split.clips(None, "validation"))
    assert [p.name for p in tmp_path.iterdir()] == ["training-00000.npz"]


def test_options_that_windows_have_no_use_for(tmp_path, capsys):
    assert command(["train", "windows", "--out", str(tmp_path), "--sigma", "0.1"]) == 2
    assert "no use for sigma" in capsys.readouterr().err
    assert command(["train", "windows", "--out", str(tmp_path), "--groups", "0"]) == 2
    assert "groups is 0" in capsys.readouterr().err
