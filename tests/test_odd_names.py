"""Folders and clips whose names are bytes that are not UTF-8, which Linux allows."""

import numpy as np
import pytest
import synthetic_motion

from motionrecon.export import write
from motionrecon.plain_paths import plain_paths
from motionrecon.view.page import write_page
from motionrecon.view.take import take

ODD = "ka\udce4the"  # Käthe in Latin-1


@pytest.fixture(scope="module")
def motion():
    body, qpos = synthetic_motion.motion(12, 30.0)
    return synthetic_motion.motion_of(body, np.asarray(qpos), 30.0)


@pytest.mark.parametrize("name", ["c3d", "usd", "bvh"])
def test_exports(name, motion, tmp_path):
    if name == "usd":
        pytest.importorskip("pxr")
    (file,) = write(motion, tmp_path / ODD, name)
    assert file.parent.name == ODD and file.stat().st_size > 100
    assert list(file.parent.iterdir()) == [file]


def test_a_page(motion, tmp_path):
    path = write_page([take(motion, ODD)], tmp_path / ODD / "view.html", ODD, ODD)
    assert "ka\\udce4the" in path.read_text("utf-8")


def test_plain_paths(tmp_path):
    (tmp_path / ODD).mkdir()
    (tmp_path / ODD / "x.txt").write_text("here")
    with plain_paths([tmp_path, tmp_path / ODD / "x.txt"]) as (plain, linked):
        assert plain == str(tmp_path) and linked.encode().endswith(b".txt")
        with open(linked) as file:
            assert file.read() == "here"
    with pytest.raises(FileNotFoundError):
        open(linked)
