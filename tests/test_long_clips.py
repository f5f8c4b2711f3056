"""Memory that does not grow with the clip, and results without the arrays at every step."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from motionrecon import assets, load_clip, reconstruct
from motionrecon.archive import write_arrays
from motionrecon.errors import MotionError, OptionError, OutputError
from motionrecon.export import write
from motionrecon.export.registry import FORMATS, missing
from motionrecon.motion import Motion, columns, schema
from motionrecon.motion.assemble import resampled
from motionrecon.motion.columns import Column, as_float32, let_go
from motionrecon.motion.gait import gait
from motionrecon.motion.steps import Simulation, kept
from motionrecon.motion.verdict import judge
from motionrecon.pipeline import Options
from motionrecon.view.page import write_page
from motionrecon.view.take import take

QUICK = Options(max_evaluations=3, grow_evaluations=2, threads=1)
OF_STEPS = schema.of_steps(Motion)


@pytest.fixture(scope="module")
def walk():
    return load_clip(assets.clip_path("walk"))


@pytest.fixture(scope="module")
def full(walk):
    return reconstruct(walk, QUICK)


def test_a_column_takes_no_more_memory_than_its_limit(monkeypatch):
    monkeypatch.setattr(columns, "IN_MEMORY", 2**20)
    rows, column = np.random.default_rng(0).standard_normal((1000, 16)), Column()
    tracemalloc.start()
    for k in range(250):  # 32 MB
        column.append(rows + k)
    values = column.array()
    single = as_float32(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2**20 and values.shape == (250_000, 16)
    for k in (0, 7, 249):
        np.testing.assert_array_equal(values[1000 * k : 1000 * (k + 1)], rows + k)
    let_go(values)
    let_go(values[5:9])  # a part of one, too; what is asked for again is read again
    np.testing.assert_array_equal(values[-1000:], rows + 249)
    assert single.dtype == np.float32 and not single.flags.writeable
    np.testing.assert_array_equal(single[-1000:], (rows + 249).astype(np.float32))


@pytest.mark.parametrize("known", [240.0 * np.arange(9), np.sort(np.r_[0, np.geomspace(1, 9e3)])])
def test_values_between_steps_are_those_of_the_whole_at_once(known):
    values = np.random.default_rng(0).standard_normal((len(known), 2, 3))
    times = np.r_[-5.0, np.linspace(0, known[-1], 3001), known[-1] + np.arange(1, 1500.0)]
    got = resampled(times, known, values)
    for a, b in np.ndindex(2, 3):
        np.testing.assert_array_equal(got[:, a, b], np.interp(times, known, values[:, a, b]))


def test_a_short_column_is_an_ordinary_array():
    column = Column()
    column.append(np.ones((2, 3, 4)))
    column.append(np.zeros((0, 3, 4)))
    values = column.array()
    values[0] = 2.0
    let_go(values)
    assert values.shape == (2, 3, 4) and values[0, 0, 0] == 2


def test_a_column_without_values_stays_in_memory(monkeypatch):
    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    column = Column()
    column.append(np.empty((5, 0, 3)))
    assert column.array().shape == (5, 0, 3)


def test_no_room_for_temporary_files_is_said(monkeypatch):
    def full_disk(**more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    monkeypatch.setattr(columns.tempfile, "TemporaryFile", full_disk)
    with pytest.raises(OutputError, match="no room .*No space left.* TMPDIR"):
        Column().append(np.ones(3))


@pytest.mark.parametrize("after", [2.0, 0.4])
def test_on_disk_the_result_is_the_same_and_so_is_what_ctrl_c_leaves(walk, monkeypatch, after):
    def interrupt(share):
        if share > after:
            raise KeyboardInterrupt

    clip = walk.until(0.8)
    here = reconstruct(clip, QUICK, interrupt)
    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    there = reconstruct(clip, QUICK, interrupt)
    assert there.report.status == here.report.status == ("ok" if after > 1 else "interrupted")
    assert not there.simulation_qpos.flags.writeable  # it is on disk
    assert list(here.arrays()) == list(there.arrays())
    for name, values in here.arrays().items():
        np.testing.assert_array_equal(values, there.arrays()[name], err_msg=name)
    assert here.report.verdict == there.report.verdict


def test_an_archive_is_that_of_numpy(full, tmp_path):
    np.savez_compressed(tmp_path / "a.npz", allow_pickle=False, **full.arrays())
    write_arrays(tmp_path / "b.npz", full.arrays(), columns.blocks)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("simulation", ["float32", "none"])
def test_the_option_changes_the_arrays_of_the_steps_alone(walk, simulation):
    clip = walk.until(0.5)
    whole = reconstruct(clip, QUICK)
    small = reconstruct(clip, replace(QUICK, simulation=simulation))
    assert small.report.verdict == whole.report.verdict
    for name, values in whole.arrays().items():
        if name not in OF_STEPS:
            np.testing.assert_array_equal(values, small.arrays()[name])
        elif simulation == "none":
            assert getattr(small, name) is None
        else:
            np.testing.assert_array_equal(values.astype(np.float32), getattr(small, name))


@pytest.mark.parametrize("simulation", ["float32", "none"])
def test_what_is_kept_can_be_loaded_judged_shown_and_exported(full, tmp_path, simulation):
    kept(full, simulation).save(tmp_path / "small")
    full.save(tmp_path / "full")
    size = [(tmp_path / n / "motion.npz").stat().st_size for n in ("full", "small")]
    assert size[1] < 0.65 * size[0]
    small = Motion.load(tmp_path / "small")
    assert small.simulation_qpos is None or small.simulation_qpos.dtype == np.float32
    assert small.qpos.dtype == float
    again = judge(small)
    assert again.kind == judge(full).kind
    # of the frames' forces a little else than of all steps'
    off = again.measures["root_residual_bw"] - judge(full).measures["root_residual_bw"]
    assert abs(off) < (0.1 if simulation == "none" else 1e-5)
    np.testing.assert_allclose(gait(small).speed, gait(full).speed, rtol=0.02)
    write_page([take(small, "small")], tmp_path / "view.html", "walk", "")
    names = [n for n in FORMATS if not missing(n) and n not in ("mp4", "osim", "brax")]
    assert len(write(small, tmp_path / "files", names)) >= len(names)


def test_what_asks_for_steps_says_how_to_have_them(full):
    small = kept(full, "none")
    with pytest.raises(MotionError, match="no simulation_ctrl.*--simulation full"):
        _ = small.steps
    with pytest.raises(MotionError, match="no simulation_qpos.*left out"):
        small.simulated("qpos")
    assert small.forces[0] == 1 / small.fps and full.forces[0] == full.timestep


def test_an_unknown_way_to_keep_them_is_refused():
    wrong: Simulation = "half"  # type: ignore[assignment]
    with pytest.raises(OptionError, match="'half': expected full, float32, none"):
        Options(simulation=wrong)
