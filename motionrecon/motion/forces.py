"""Forces of the floor on the feet and the rest of the body along a simulated motion, and against
force plates.
"""

from collections.abc import Iterator

import mujoco
import numpy as np

from motionrecon.motion import metrics

FEET = ("left", "right")
LOADED_N = 1.0  # below it a foot has no centre of pressure
_PLATE_LOADED_N, _MARGIN_S = 20.0, 0.1


def foot_bodies(model: mujoco.MjModel) -> dict[int, int]:
    """Body id -> 0 for the left foot's segments, 1 for the right's."""
    return {
        model.body(f"{s}_{part}").id: i for i, s in enumerate("lr") for part in ("foot", "toes")
    }


def floor_contacts(
    model: mujoco.MjModel, data: mujoco.MjData, sides: dict[int, int]
) -> Iterator[tuple[int | None, np.ndarray, np.ndarray]]:
    """Every contact with the floor in `data`: the foot (None: another segment), the force on it
    (3,) N, its place (3,) m.
    """
    wrench = np.zeros(6)
    for i in range(data.ncon):
        contact = data.contact[i]
        mujoco.mj_contactForce(model, data, i, wrench)
        yield (
            sides.get(int(model.geom_bodyid[contact.geom[1]])),
            contact.frame.reshape(3, 3).T @ wrench[:3],
            contact.pos,
        )


def floor_forces(
    model: mujoco.MjModel, data: mujoco.MjData, qpos, qvel, ctrl
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulate ctrl (N, nu) from qpos (nq,), qvel (nv,) and read the contacts of every step.

    Returns the force on each foot (N, 2, 3) N, its centre of pressure (N, 2, 3) m on the floor, NaN
    while unloaded, and the force on all other segments (N, 3) N; left foot first, world frame, at
    the states before each step.
    """
    sides = foot_bodies(model)
    force, centre = np.zeros((len(ctrl), 2, 3)), np.full((len(ctrl), 2, 3), np.nan)
    other = np.zeros((len(ctrl), 3))
    mujoco.mj_resetData(model, data)
    data.qpos[:], data.qvel[:] = qpos, qvel
    for t, u in enumerate(ctrl):
        data.ctrl[:] = u
        mujoco.mj_step(model, data)
        moment = np.zeros((2, 3))
        for side, world, pos in floor_contacts(model, data, sides):
            if side is None:
                other[t] += world
            else:
                force[t, side] += world
                moment[side] += world[2] * pos
        for side in (0, 1):
            if force[t, side, 2] > LOADED_N:
                centre[t, side, :2] = moment[side, :2] / force[t, side, 2]
                centre[t, side, 2] = 0.0
    return force, centre, other


def measured(time: np.ndarray, extras: dict) -> np.ndarray | None:
    """Measured force on each foot (T, 2, 3) N, left first, at time (T,) s on the clip's clock; None
    without plates.

    NaN for a foot outside the time from 0.1 s before its plates first carry it to 0.1 s after they
    last do: it may step elsewhere then. extras: as for against_plates.
    """
    if any(k not in extras for k in ("grf_time", "grf_force", "grf_names")):
        return None
    clock, force = (
        np.asarray(extras["grf_time"], float),
        np.nan_to_num(np.asarray(extras["grf_force"], float)),
    )
    names = [str(n).lower() for n in np.atleast_1d(extras["grf_names"])]
    out = np.full((len(time), 2, 3), np.nan)
    for side, foot in enumerate(FEET):
        total = force[:, [i for i, n in enumerate(names) if n.startswith(foot[0])]].sum(axis=1)
        loaded = np.flatnonzero(total[:, 2] > _PLATE_LOADED_N)
        if loaded.size:
            at = (time >= clock[loaded[0]] - _MARGIN_S) & (time <= clock[loaded[-1]] + _MARGIN_S)
            at &= (time >= clock[0]) & (time <= clock[-1])
            for axis in range(3):
                out[at, side, axis] = np.interp(time[at], clock, total[:, axis])
    return out if np.isfinite(out).any() else None


def against_plates(
    time: np.ndarray, force: np.ndarray, centre: np.ndarray, extras: dict, mass_kg: float
) -> dict | None:
    """Scores of the feet's forces against measured ones, a foot each, None where the clip has no
    usable plates.

    time (T,) s on the clip's clock; force, centre (T, 2, 3) N, m; extras: a clip's grf_time (Tg,)
    s, grf_force (Tg, P, 3) N, grf_cop (Tg, P, 3) m, grf_names (P,) "left" or "right". A foot is
    judged from 0.1 s before its plates first carry it to 0.1 s after they last do: where it steps
    elsewhere nothing was measured. RMSE in body weights.
    """
    if any(k not in extras for k in ("grf_time", "grf_force", "grf_names")):
        return None
    clock, measured = (
        np.asarray(extras["grf_time"], float),
        np.nan_to_num(np.asarray(extras["grf_force"], float)),
    )
    names = [str(n).lower() for n in np.atleast_1d(extras["grf_names"])]
    cop = np.asarray(extras.get("grf_cop", np.full(measured.shape, np.nan)), float)
    out = {}
    for side, foot in enumerate(FEET):
        plates = [i for i, n in enumerate(names) if n.startswith(foot[0])]
        total = measured[:, plates].sum(axis=1)
        loaded = np.flatnonzero(total[:, 2] > _PLATE_LOADED_N) if plates else np.array([], int)
        if not loaded.size:
            continue
        at = (time >= max(clock[loaded[0]] - _MARGIN_S, clock[0])) & (
            time <= min(clock[loaded[-1]] + _MARGIN_S, clock[-1])
        )
        if at.sum() < 3:
            continue
        truth = np.stack([np.interp(time[at], clock, total[:, k]) for k in range(3)], axis=1)
        rmse, r = (
            metrics.force_rmse_bw(force[at, side], truth, mass_kg),
            metrics.force_correlation(force[at, side], truth),
        )
        weight = np.where(np.isfinite(cop[:, plates]), measured[:, plates, 2:], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            where = (np.nan_to_num(cop[:, plates]) * weight).sum(1) / weight.sum(1)
        nearest = np.clip(np.searchsorted(clock, time[at]), 0, len(clock) - 1)
        both = np.where(
            (truth[:, 2:] > _PLATE_LOADED_N) & (force[at, side, 2:] > _PLATE_LOADED_N),
            where[nearest],
            np.nan,
        )
        distance = metrics.cop_rmse_mm(centre[at, side, :2], both[:, :2])
        out[foot] = {
            "rmse_bw": [float(v) for v in rmse],
            "correlation": [float(v) if np.isfinite(v) else None for v in r],
            "centre_of_pressure_rmse_mm": distance if np.isfinite(distance) else None,
            "seconds": float(at.sum() * np.median(np.diff(time))),
        }
    return out or None
