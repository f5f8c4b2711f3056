"""What a reconstruction gives: the motion, its forces, and a report."""

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
from scipy.interpolate import interp1d

from motionrecon.archive import read_arrays
from motionrecon.atomic import write_files_atomically
from motionrecon.errors import MotionError
from motionrecon.motion import forces, metrics

_FRAMES = {  # array of a saved motion -> its shape a frame; None is any length
    "time": (),
    "qpos": (None,),
    "qvel": (None,),
    "ctrl": (None,),
    "torques": (None,),
    "keypoints": (None, 3),
    "contact_force": (2, 3),
    "centre_of_pressure": (2, 3),
    "contact_force_other": (3,),
}
_OTHERS = (
    "fps",
    "keypoint_names",
    "joint_names",
    "mjcf",
    "simulation_qpos",
    "simulation_qvel",
    "simulation_ctrl",
    "simulation_contact_force",
    "timestep",
)
_NUMBERS = re.compile(r"\[\s+[-+\d.eE,\s]+\]")
_PACKAGES = ("motionrecon", "mujoco", "numpy", "scipy", "numba")


class Piece(NamedTuple):
    """What is kept of one window: n steps, and the states before each of them."""

    qpos: np.ndarray  # (n, nq)
    qvel: np.ndarray  # (n, nv)
    ctrl: np.ndarray  # (n, nu) rad
    torque: np.ndarray  # (n, nu) N m
    foot_force: np.ndarray  # (n, 2, 3) N
    centre: np.ndarray  # (n, 2, 3) m
    other_force: np.ndarray  # (n, 3) N


@dataclass(frozen=True)
class Motion:
    """Arrays of motion.npz (README, 'Output') and the report; SI units, z up, frames at the clip's
    rate.
    """

    arrays: dict[str, np.ndarray]
    report: dict

    @classmethod
    def load(cls, path: str | Path) -> "Motion":
        """The motion saved in a folder, or in a motion.npz; the report is empty where report.json
        is not beside it.

        Nothing is unpickled. Raises MotionError: no such file, damaged, arrays missing or of the
        wrong shape.
        """
        path = Path(path)
        path = path / "motion.npz" if path.is_dir() else path
        arrays = read_arrays(path, MotionError)
        _check(path, arrays)
        beside = path.with_name("report.json")
        try:
            return cls(arrays, json.loads(beside.read_text()) if beside.is_file() else {})
        except (OSError, ValueError) as e:
            raise MotionError(
                f"{beside}: cannot be read ({e}); move it away, the motion can be read without it"
            ) from e

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write motion.npz and report.json; each appears whole or not at all. Raises OutputError."""
        folder = Path(folder)
        text = json.dumps(self.report, indent=1, allow_nan=False)
        # lists of numbers on one line
        text = _NUMBERS.sub(lambda row: re.sub(r"\s+", " ", row[0]), text)
        with write_files_atomically(folder) as part:
            np.savez_compressed(part / "motion.npz", **self.arrays)
            (part / "report.json").write_text(text + "\n")
        return folder / "motion.npz", folder / "report.json"


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raises MotionError unless the arrays are those of a saved motion, frame for frame."""
    if absent := [k for k in (*_FRAMES, *_OTHERS) if k not in arrays]:
        raise MotionError(
            f"{path}: not a motion: no array {', '.join(absent)}; give a motion.npz that reconstruct wrote"
        )
    T = arrays["time"].size
    shapes = {k: (T, *shape) for k, shape in _FRAMES.items()} | {"fps": (), "timestep": ()}
    shapes["keypoints"] = (T, arrays["keypoint_names"].size, 3)
    for key, shape in shapes.items():
        a = arrays[key]
        fits = a.ndim == len(shape) and all(
            n in (m, None) for n, m in zip(shape, a.shape, strict=True)
        )
        if a.dtype.kind != "f" or not fits or not a.size:
            expected = str(shape).replace("None", "any")
            raise MotionError(
                f"{path}: '{key}' has type {a.dtype} and shape {a.shape}; expected floats of shape {expected}"
            )
    for key in ("fps", "timestep"):
        if not (np.isfinite(arrays[key]) and arrays[key] > 0):
            raise MotionError(f"{path}: '{key}' is {arrays[key]}; expected a positive number")


def score(
    prediction, reference, names, fps, feet=None, heights=None, ankle_height: float = 0.07
) -> dict[str, float | None]:
    """The metrics of README, 'Output'; None for what cannot be measured.

    prediction, reference (T, K, 3) m with NaN for what is missing; names: K; feet (T, 2, 3) m: a
    point of each foot of the body, judged where the reference's foot stands (ankle_height, m, its
    ankle's height over the sole); heights (T,) m: of the body's lowest point.
    """
    root = [i for i, n in enumerate(names) if n in ("l_hip", "r_hip")] or [names.index("pelvis")]
    both = np.isfinite(reference).all(-1) & np.isfinite(prediction).all(-1)
    p, r = (
        np.where(both[..., None], prediction, np.nan),
        np.where(both[..., None], reference, np.nan),
    )
    values = {
        "mpjpe_g_mm": metrics.mpjpe_g_mm(p, r),
        "mpjpe_mm": metrics.mpjpe_mm(p, r, root),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(p, r),
        "accel_error_m_s2": metrics.accel_error_m_s2(p, r, fps),
        "accel_error_mm_frame2": metrics.accel_error_mm_frame2(p, r),
        "jitter": metrics.jitter(prediction, fps),
    }
    if feet is not None:
        contact = metrics.contacts(_feet_seen(reference, names, ankle_height), fps)
        values["foot_skate_percent"] = metrics.foot_skate_percent(feet, contact, fps)
        values["penetration_mm"] = metrics.penetration_mm(heights)
        values["float_mm"] = metrics.float_mm(heights)
    return {k: (float(v) if np.isfinite(v) else None) for k, v in values.items()}


def _feet_seen(reference: np.ndarray, names: list[str], ankle_height: float) -> np.ndarray:
    """(T, 2, 3) m: a point near the sole of the left and right foot, from the ankle, heel or toe
    the clip has.
    """
    feet = np.full((len(reference), 2, 3), np.nan)
    for i, side in enumerate("lr"):
        for part, drop in (("ankle", ankle_height), ("heel", 0.02), ("toe", 0.02)):
            if f"{side}_{part}" in names:
                feet[:, i] = reference[:, names.index(f"{side}_{part}")] - [0, 0, drop]
                break
    return feet


def _at_times(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return interp1d(known, values, axis=0, bounds_error=False, fill_value=(values[0], values[-1]))(
        times
    )


def _poses(times, known, qpos) -> np.ndarray:
    """Interpolated configurations; the root's quaternion along the short arc, renormalised."""
    q = qpos.copy()
    for t in range(1, len(q)):
        if q[t, 3:7] @ q[t - 1, 3:7] < 0:
            q[t, 3:7] *= -1
    out = _at_times(times, known, q)
    out[:, 3:7] /= np.linalg.norm(out[:, 3:7], axis=1, keepdims=True)
    return out


def _geometry(body, qpos, spheres):
    """Keypoints (T, K, 3), foot points (T, 2, 3) and lowest heights (T,) of configurations (T, nq)."""
    model, data = body.model, mujoco.MjData(body.model)
    radius = model.geom_size[spheres, 0]
    feet = [model.body(f"{side}_foot").id for side in "lr"]
    keypoints, foot, heights = [], [], []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        R = data.xmat.reshape(-1, 3, 3)[body.keypoint_body]
        keypoints.append(
            data.xpos[body.keypoint_body] + np.einsum("kab,kb->ka", R, body.keypoint_pos)
        )
        foot.append(data.xpos[feet].copy())
        heights.append((data.geom_xpos[spheres, 2] - radius).min())
    return np.array(keypoints), np.array(foot), np.array(heights)


def _scores(clip, reference, body, names, fps, keypoints, feet, heights, ik):
    """Objects ik and result of the report, and input where a reference other than the clip is
    given.
    """
    columns = [reference.names.index(n) if n in reference.names else None for n in names]
    nothing = np.full(reference.keypoints.shape[::2], np.nan)
    truth = np.stack(
        [nothing if i is None else reference.keypoints[:, i] for i in columns], axis=1
    )[: len(keypoints)]
    ankle = body.proportions.ankle_height
    result = score(keypoints, truth, names, fps, feet, heights, ankle)
    out = {"ik": score(ik[0], truth, names, fps, *ik[1:], ankle), "result": result}
    if reference is not clip:
        given = clip.keypoints[: len(keypoints), [clip.names.index(n) for n in names]]
        out["input"] = score(given, truth, names, fps)
    return out


def assemble(
    clip,
    reference,
    body,
    ik_qpos,
    fps,
    pieces: Sequence[Piece],
    last: tuple[np.ndarray, np.ndarray],
    windows,
    report: dict,
    seconds: dict,
) -> Motion:
    """Stitch the windows' pieces into one Motion at the clip's frame rate, and score it against the
    reference.

    last: state after the last piece. report: entries to be joined to the scores: warnings,
    findings, options, ... A motion that ends before the clip (interrupted) covers the frames until
    then.
    """
    whole = Piece(*(np.concatenate(column) for column in zip(*pieces, strict=True)))
    qpos, qvel = (
        np.concatenate([whole.qpos, last[0][None]]),
        np.concatenate([whole.qvel, last[1][None]]),
    )
    h = body.model.opt.timestep
    state_times, step_times = h * np.arange(len(qpos)), h * np.arange(len(whole.ctrl))
    interrupted = report.pop("interrupted")
    # the last control frame may lie up to one control frame before the clip's last frame
    T = (
        min(len(clip.keypoints), int(state_times[-1] * clip.fps + 1e-6) + 1)
        if interrupted
        else len(clip.keypoints)
    )
    times = np.arange(T) / clip.fps
    spheres = np.array([g for g in range(body.model.ngeom) if body.model.geom_conaffinity[g] == 1])
    poses = _poses(times, state_times, qpos)
    keypoints, feet, heights = _geometry(body, poses, spheres)
    ik = _geometry(body, _poses(times, np.arange(len(ik_qpos)) / fps, ik_qpos), spheres)
    names = list(body.keypoint_names)
    nearest = np.clip(np.round(times / h).astype(int), 0, len(whole.ctrl) - 1)
    foot_force = _at_times(times, step_times, whole.foot_force)
    arrays = {
        "time": times,
        "fps": np.array(clip.fps),
        "qpos": poses,
        "qvel": _at_times(times, state_times, qvel),
        "ctrl": _at_times(times, step_times, whole.ctrl),
        "torques": _at_times(times, step_times, whole.torque),
        "keypoints": keypoints,
        "keypoint_names": np.array(names),
        "input_keypoints": clip.keypoints[:T, [clip.names.index(n) for n in names]],
        "joint_names": np.array([body.model.joint(i).name for i in range(1, body.model.njnt)]),
        "contact_force": foot_force,
        "contact_names": np.array([f"{f} foot" for f in forces.FEET]),
        "centre_of_pressure": whole.centre[nearest],
        "contact_force_other": _at_times(times, step_times, whole.other_force),
        "mjcf": np.array(body.xml),
        "timestep": np.array(h),
        "simulation_qpos": qpos,
        "simulation_qvel": qvel,
        "simulation_ctrl": whole.ctrl,
        "simulation_contact_force": whole.foot_force,
        "simulation_contact_force_other": whole.other_force,
    }
    bad = [w for w in windows if w["status"] != "ok"]
    length = times[-1]
    scores = _scores(clip, reference, body, names, clip.fps, keypoints, feet, heights, ik)
    on_clock = times + float(clip.extras["time"][0] if "time" in clip.extras else 0.0)
    plates = forces.against_plates(
        on_clock, foot_force, arrays["centre_of_pressure"], clip.extras, body.mass_kg
    )
    measured = forces.measured(on_clock, clip.extras)
    if measured is not None:
        arrays["measured_contact_force"] = measured
    return Motion(
        arrays,
        {
            "clip": clip.source,
            "status": "interrupted" if interrupted else "degraded" if bad else "ok",
            "warnings": [
                *report.pop("warnings"),
                *(f"window at frame {w['start_frame']}: {w['status']}" for w in bad),
            ],
            **scores,
            **({"force_plates": plates} if plates else {}),
            "evaluations": sum(w["evaluations"] + w["evaluations_growing"] for w in windows),
            "seconds": seconds,
            "realtime_factor": seconds["total"] / length if length else None,
            "frames": T,
            "mass_kg": body.mass_kg,
            **report,
            "windows": [
                {
                    k: (v if not isinstance(v, float) or np.isfinite(v) else None)
                    for k, v in w.items()
                }
                for w in windows
            ],
            "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        },
    )
