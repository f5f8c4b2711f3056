"""The main job, end to end, on bundled clips."""

import json

import mujoco
import numpy as np
import pytest

from motionrecon import assets, load_clip, reconstruct
from motionrecon.cli.main import main
from motionrecon.clip.resample import to_rate
from motionrecon.errors import ClipError, OptimizerError, OutputError
from motionrecon.motion import Motion
from motionrecon.pipeline import Options
from motionrecon_benchmarks.reconstruct import spoil

CLIPS = assets.folder()
QUICK = Options(max_evaluations=20)


@pytest.fixture(scope="module")
def walk():
    return load_clip(CLIPS / "walk.npz")


@pytest.fixture(scope="module")
def motion(walk):
    return reconstruct(walk, QUICK)


def test_walk_by_the_command_line(tmp_path):
    assert (
        main(
            [
                "reconstruct",
                str(CLIPS / "walk.npz"),
                "--out",
                str(tmp_path),
                "--max-evaluations",
                "20",
            ]
        )
        == 0
    )
    report = json.loads((tmp_path / "report.json").read_text())
    with np.load(tmp_path / "motion.npz", allow_pickle=False) as z:
        T = len(z["time"])
        assert z["qpos"].shape[0] == z["torques"].shape[0] == z["contact_force"].shape[0] == T == 39
        assert all(
            np.isfinite(z[k]).all()
            for k in ("qpos", "qvel", "ctrl", "torques", "keypoints", "contact_force")
        )
    assert report["status"] == "ok"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["motion.npz", "report.json"]


def test_walk_is_close_and_stays_above_the_floor(motion):
    result = motion.report.result
    assert result.mpjpe_g_mm < 15
    assert result.penetration_mm < 4
    assert all(w.loss_end <= w.loss_start for w in motion.report.windows)


def replays(motion: Motion) -> None:
    """The model as text, the first state and the controls give every state, in plain MuJoCo."""
    model = mujoco.MjModel.from_xml_string(motion.mjcf)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = motion.simulation_qpos[0], motion.simulation_qvel[0]
    for u, expected in zip(motion.simulation_ctrl, motion.simulation_qpos[1:], strict=True):
        data.ctrl[:] = u
        mujoco.mj_step(model, data)
        np.testing.assert_allclose(data.qpos, expected, atol=1e-6)
    assert motion.timestep == model.opt.timestep


def test_the_last_frames_are_as_good_as_the_others(walk):
    """Also where the clip ends between two control frames."""
    fine = to_rate(walk, 100.0).until(0.86)  # at 33.3 Hz: 28.67 control frames
    motion = reconstruct(fine, QUICK)
    distance = np.linalg.norm(motion.keypoints - motion.input_keypoints, axis=2).mean(axis=1)
    assert distance[-3:].max() < 1.5 * distance.max(initial=0, where=np.arange(len(distance)) < 80)
    steps = len(motion.simulation_ctrl)
    assert (steps - 1) * motion.timestep < motion.time[-1] <= steps * motion.timestep + 1e-9


def test_controls_replay_to_the_states_in_plain_mujoco(motion):
    replays(motion)


def test_forces_of_the_floor_carry_the_body(motion):
    """Newton: over the whole motion the mean floor force is weight plus change of momentum."""
    model = mujoco.MjModel.from_xml_string(motion.mjcf)
    data = mujoco.MjData(model)
    momentum = []
    for q, v in ((motion.simulation_qpos[i], motion.simulation_qvel[i]) for i in (0, -1)):
        data.qpos[:], data.qvel[:] = q, v
        mujoco.mj_forward(model, data)
        mujoco.mj_subtreeVel(model, data)
        momentum.append(model.body_subtreemass[0] * data.subtree_linvel[0])
    seconds = len(motion.simulation_ctrl) * motion.timestep
    expected = (momentum[1] - momentum[0]) / seconds - model.body_subtreemass[0] * model.opt.gravity
    force = (motion.simulation_contact_force.sum(1) + motion.simulation_contact_force_other).mean(0)
    np.testing.assert_allclose(force, expected, atol=0.01 * model.body_subtreemass[0] * 9.81)
    loaded = motion.contact_force[..., 2] > 50
    assert np.isfinite(motion.centre_of_pressure[loaded]).all(-1).mean() > 0.9


def test_a_reference_is_laid_on_the_clip_s_own_floor(walk):
    """Scored against itself a clip scores as it does alone, however high its floor."""
    raised = walk.replace(keypoints=walk.keypoints + [0, 0, 0.03])
    alone, scored = reconstruct(raised, QUICK), reconstruct(raised, QUICK, reference=raised)
    ours, theirs = alone.report.result, scored.report.result
    assert theirs.mpjpe_g_mm == pytest.approx(ours.mpjpe_g_mm, abs=0.01)


def test_a_reference_scores_and_does_not_steer(walk):
    noisy = spoil(walk, 0.02, 0.1, seed=3)
    scored, alone = reconstruct(noisy, QUICK, reference=walk), reconstruct(noisy, QUICK)
    np.testing.assert_array_equal(scored.qpos, alone.qpos)
    report = scored.report
    assert report.input.mpjpe_g_mm == pytest.approx(
        20 * np.sqrt(8 / np.pi), rel=0.1
    )  # mean length of the noise
    assert report.result.mpjpe_g_mm < 0.8 * report.input.mpjpe_g_mm
    assert alone.report.result.mpjpe_g_mm != report.result.mpjpe_g_mm and alone.report.input is None


def test_a_reference_of_another_length_is_refused(walk):
    with pytest.raises(ClipError, match="lasts"):
        reconstruct(walk, QUICK, reference=walk.until(0.5))


def test_ctrl_c_leaves_what_is_finished(walk):
    def interrupt(share):
        if share > 0.4:
            raise KeyboardInterrupt

    motion = reconstruct(walk, QUICK, interrupt)
    assert motion.report.status == "interrupted"
    assert 10 < motion.report.frames == len(motion.qpos) < len(walk.keypoints)
    replays(motion)  # to the state after the last window that was finished


def test_ctrl_c_before_the_first_window_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "motionrecon.optimizers.fallback.minimize",
        lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    assert main(["reconstruct", str(CLIPS / "walk.npz"), "--out", str(tmp_path / "out")]) == 130
    assert "nothing written" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "optimizer", ["levenberg-marquardt", "lbfgs", "bfgs", "adam", "momentum", "sgd"]
)
def test_every_classical_optimizer_drives_it(walk, optimizer):
    motion = reconstruct(
        walk.until(0.5), Options(optimizer=optimizer, max_evaluations=5, grow_evaluations=2)
    )
    assert motion.report.status == "ok"
    assert all(w.loss_end <= w.loss_start for w in motion.report.windows)


def test_an_unknown_optimizer_is_refused_before_the_work(walk):
    with pytest.raises(OptimizerError, match="choose one of"):
        reconstruct(walk, Options(optimizer="newton"))


@pytest.mark.parametrize("name", ["missing.npz", "text.npz"])
def test_bad_input_exits_2_and_writes_nothing(tmp_path, name, capsys):
    (tmp_path / "text.npz").write_text("not an npz")
    out = tmp_path / "out"
    assert main(["reconstruct", str(tmp_path / name), "--out", str(out)]) == 2
    assert name in capsys.readouterr().err
    assert not out.exists()


def test_an_output_that_cannot_be_written_exits_2(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert (
        main(["reconstruct", str(CLIPS / "walk.npz"), "--out", str(tmp_path / "file" / "out")]) == 2
    )
    assert "--out" in capsys.readouterr().err


def test_a_failed_write_leaves_nothing_half_written(motion, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        motion.save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_benchmark_reports_clips_that_fail(tmp_path, capsys):
    (tmp_path / "bad.npz").write_text("not an npz")
    arguments = [
        str(tmp_path / "bad.npz"),
        str(CLIPS / "walk.npz"),
        "--seconds",
        "0.5",
        "--max-evaluations",
        "4",
    ]
    assert (
        main(
            [
                "benchmark",
                "reconstruct",
                *arguments,
                "--noise-mm",
                "10",
                "--missing",
                "0.1",
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 0
    )
    rows = json.loads((tmp_path / "out" / "reconstruct.json").read_text())
    assert [r["status"] for r in rows] == ["error", "ok"] and rows[1][
        "mpjpe_g_mm_share_of_input"
    ] > 0
    assert "bad" in (tmp_path / "out" / "reconstruct.md").read_text()
