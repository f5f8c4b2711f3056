"""Whatever a path may name besides a good file: one line of ours, no wait, no memory."""

import os
import subprocess
import sys

import numpy as np
import pytest

from motionrecon import plain_yaml
from motionrecon.batch.configuration import Settings
from motionrecon.batch.job import run_job
from motionrecon.batch.scan import find_clips, jobs_of
from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError
from motionrecon.inputs import open_input, read_input
from motionrecon.io.mapping import load_mapping
from motionrecon.pipeline import Options

MIB_1024 = 1024 * 1024  # KiB
# of a file, and of a mapping for a good clip: what is said, and the memory of the whole process
_CHILD = """
import sys
from motionrecon.clip.inspection import describe
from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError
try:
    describe(load_clip(sys.argv[1], mapping=sys.argv[2] if len(sys.argv) > 2 else None))
except ClipError as error:
    print(error)
from motionrecon_benchmarks.damaged import own_peak_kib
print(own_peak_kib())
"""


def _run(*words):
    """(the lines said, KiB of the process) of reading in a process of its own."""
    command = [sys.executable, "-c", _CHILD, *map(str, words)]
    child = subprocess.run(command, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    *said, peak = child.stdout.splitlines()
    return said, int(peak)


@pytest.fixture(params=["a FIFO", "a device", "a folder"])
def irregular(request, tmp_path):
    path = tmp_path / "odd.npz"
    if request.param == "a FIFO":
        os.mkfifo(path)
    elif request.param == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path, request.param


def test_only_regular_files_are_opened(irregular):
    path, what = irregular
    for act in (
        lambda: open_input(path, ClipError),
        lambda: read_input(path, ClipError, 100),
        lambda: load_mapping(path),
    ):
        with pytest.raises(ClipError, match=f"odd.npz: this is {what}; expected a regular file"):
            act()


def test_a_fifo_is_no_clip_and_no_model(tmp_path, bundled_clip):
    for name in ("x.npz", "x.trc", "x.c3d", "x.csv", "x.json", "x.xml", "x.bvh"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(ClipError, match=rf"{name}: this is a FIFO"):
            load_clip(tmp_path / name)
    with pytest.raises(ClipError, match="x.xml: this is a FIFO"):
        load_clip(bundled_clip("walk"), model=tmp_path / "x.xml")


def test_a_file_that_grows_is_read_no_further_than_its_limit(tmp_path):
    path = tmp_path / "grows"
    path.write_bytes(bytes(100))
    assert read_input(path, ClipError, 100) == bytes(100)
    with pytest.raises(ClipError, match="grows: .*expected at most"):
        read_input(path, ClipError, 99)
    if os.path.exists("/proc/self/maps"):  # regular by its own word, and empty
        with pytest.raises(ClipError, match="maps: .*expected at most"):
            read_input("/proc/self/maps", ClipError, 10)


def test_yaml_aliases_are_refused():
    assert plain_yaml.load_yaml("a: '*'\nb: 2 * 3") == {"a": "*", "b": "2 * 3"}
    with pytest.raises(ValueError, match="line 2: aliases"):
        plain_yaml.load_yaml("a: &x [1]\nb: *x")


def _zeros(path):
    """290 MiB of uint8 in 300 kB: as numbers they would take eight times as much."""
    path = path.with_suffix(".npz")
    np.savez_compressed(path, keypoints=np.zeros((140 * 2**20 // 51, 17, 3), np.uint8), fps=30)
    return (path,)


def _json(path):
    path = path.with_suffix(".json")
    path.write_text("[" + ",".join(["[[],[1]]"] * 5_000_000) + "]")
    return (path,)


def _aliases(path):
    path, clip = path.with_suffix(".yaml"), path.with_suffix(".csv")
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 9)}]" for i in range(9)]
    path.write_text("\n".join(rows) + "\nsides: *a8\nkeypoints: {neck: *a8}\n")
    clip.write_text("a_x,a_y,a_z,b_x,b_y,b_z,c_x,c_y,c_z\n" + "1,2,3,1,2,3,1,2,3\n" * 9)
    return clip, path


def _short_lines(path):
    """A line of two letters takes a string of fifty bytes."""
    path = path.with_suffix(".trc")
    path.write_bytes(b"ab\n" * (40 * 2**20))
    return (path,)


def _blanks(path):
    """Two bytes a frame, which become 300 numbers."""
    path = path.with_suffix(".csv")
    names = ",".join(f"m{i}_{a}" for i in range(100) for a in "xyz")
    path.write_text(names + "\n" + "1\n" * 200_000)
    return (path,)


def _many_joints(path):
    path = path.with_suffix(".bvh")
    joints = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(1500))
    head = f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n{joints}}}\nMOTION\n"
    path.write_text(head + "Frames: 1\nFrame Time: 0.01\n" + "1\n" * 200_000)
    return (path,)


@pytest.mark.parametrize("make", [_zeros, _json, _aliases, _short_lines, _blanks, _many_joints])
def test_small_files_take_no_great_memory(make, tmp_path):
    said, held = _run(*make(tmp_path / "big"))
    assert len(said) == 1 and "big." in said[0]
    assert held < MIB_1024


def test_a_long_clip_takes_no_great_memory(tmp_path, bundled_clip):
    """The floor's estimate took 25 KiB a frame, 800 MiB of these."""
    walk = load_clip(bundled_clip("walk"))
    keypoints = np.tile(walk.keypoints, (800, 1, 1)).astype(np.float32)
    np.savez(tmp_path / "long.npz", keypoints=keypoints, keypoint_names=walk.names, fps=30)
    said, held = _run(tmp_path / "long.npz")
    assert not said and held < 0.4 * MIB_1024


def test_a_batch_does_not_wait_for_a_fifo(tmp_path):
    """It is refused as a clip, like a damaged one, and not opened to be told from others."""
    os.mkfifo(tmp_path / "x.npz")
    settings = Settings(Options(), {}, None, ())
    (job,) = jobs_of(*find_clips(tmp_path), tmp_path / "out", settings)
    status = run_job(job)
    assert status["error"]["kind"] == "input" and "FIFO" in status["error"]["message"]
    assert status["input"]["sha256"] is None
