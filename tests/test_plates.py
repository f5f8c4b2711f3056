"""Scores against force plates."""

import numpy as np
import pytest

from motionrecon.motion.plates import against_plates, measured

TIME = np.arange(200) / 100
MASS = 70.0


def plates(step: np.ndarray, names=("left", "right")) -> dict:
    force = np.zeros((200, 2, 3))
    force[:, 0, 2] = step
    cop = np.where(force[..., 2:] > 0, [0.1, 0.2, 0.0], np.nan)
    return {"grf_time": TIME, "grf_force": force, "grf_cop": cop, "grf_names": np.array(names)}


def step() -> np.ndarray:
    return np.where((TIME > 0.5) & (TIME < 1.2), 700.0 * np.sin(np.pi * (TIME - 0.5) / 0.7), 0.0)


def model_of(extras: dict, scale: float = 1.0, shift: float = 0.0):
    force = scale * extras["grf_force"]
    return TIME, force, np.where(force[..., 2:] > 0, [0.1 + shift, 0.2, 0.0], np.nan)


def test_the_measured_force_itself_is_perfect():
    extras = plates(step())
    out = against_plates(*model_of(extras), extras, MASS)
    assert set(out) == {"left"}  # the right plate never carries anything
    assert out["left"].rmse_bw == (0, 0, 0)
    assert out["left"].correlation[2] == pytest.approx(1)
    assert out["left"].centre_of_pressure_rmse_mm == pytest.approx(0, abs=1e-9)
    assert out["left"].seconds == pytest.approx(0.9, abs=0.05)


def test_errors_are_in_body_weights_and_millimetres():
    extras = plates(step())
    out = against_plates(*model_of(extras, scale=0.5, shift=0.03), extras, MASS)["left"]
    judged = (TIME >= 0.41) & (TIME <= 1.29)
    assert out.rmse_bw[2] == pytest.approx(
        np.sqrt((0.25 * step()[judged] ** 2).mean()) / (MASS * 9.81), rel=0.02
    )
    assert out.centre_of_pressure_rmse_mm == pytest.approx(30)


def test_steps_beside_the_plates_are_not_judged():
    extras = plates(step())
    time, force, centre = model_of(extras)
    force = force.copy()
    force[150:, 0, 2] = 800  # the next step falls beside the plate
    assert against_plates(time, force, centre, extras, MASS)["left"].rmse_bw[2] == 0


@pytest.mark.parametrize("extras", [{}, {"grf_time": TIME}, plates(np.zeros(200))])
def test_no_usable_plate_gives_none(extras):
    assert (
        against_plates(TIME, np.zeros((200, 2, 3)), np.full((200, 2, 3), np.nan), extras, MASS)
        is None
    )


def test_measured_forces_are_put_on_the_clips_clock():
    clock = np.linspace(0, 2, 201)
    force = np.zeros((201, 2, 3))
    force[50:100, 0, 2], force[120:, 1, 2] = 700.0, 500.0
    time = np.linspace(0, 2, 41)
    out = measured(
        time, {"grf_time": clock, "grf_force": force, "grf_names": np.array(["left", "right"])}
    )
    known = np.isfinite(out[..., 2])
    np.testing.assert_allclose(time[known[:, 0]][[0, -1]], [0.4, 1.05], atol=0.051)
    np.testing.assert_allclose(time[known[:, 1]][[0, -1]], [1.1, 2.0], atol=0.051)
    assert out[15, 0, 2] == 700 and out[30, 1, 2] == 500 and np.isnan(out[30, 0]).all()
    assert measured(time, {}) is None
    assert (
        measured(time, {"grf_time": clock, "grf_force": 0 * force, "grf_names": ["l", "r"]}) is None
    )
