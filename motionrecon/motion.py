"""What a reconstruction gives: the motion, its forces, and a report."""

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from scipy.interpolate import interp1d

from motionrecon import metrics
from motionrecon.errors import OutputError


@dataclass(frozen=True)
class Motion:
    """Arrays of motion.npz (README, 'What comes out') and the report; SI units, z up, frames at the clip's rate."""

    arrays: dict[str, np.ndarray]
    report: dict

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write motion.npz and report.json; each appears whole or not at all. Raises OutputError."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths = folder / "motion.npz", folder / "report.json"
            part = folder / ".motion.part.npz"
            np.savez_compressed(part, **self.arrays)
            os.replace(part, paths[0])
            part = folder / ".report.part"
            part.write_text(json.dumps(self.report, indent=1, allow_nan=False) + "\n")
            os.replace(part, paths[1])
        except OSError as e:
            raise OutputError(f"{folder}: cannot be written ({e.strerror}); give another folder with --out") from e
        return paths


def _score(prediction, reference, names, fps, feet_model, feet_seen, heights) -> dict:
    """The metrics of conventions.md; NaN becomes None."""
    root = [i for i, n in enumerate(names) if n in ("l_hip", "r_hip")] or [names.index("pelvis")]
    contact = metrics.contacts(feet_seen, fps)
    both = np.isfinite(reference).all(-1) & np.isfinite(prediction).all(-1)
    p, r = np.where(both[..., None], prediction, np.nan), np.where(both[..., None], reference, np.nan)
    values = {
        "mpjpe_g_mm": metrics.mpjpe_g_mm(p, r),
        "mpjpe_mm": metrics.mpjpe_mm(p, r, root),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(p, r),
        "accel_error_m_s2": metrics.accel_error_m_s2(p, r, fps),
        "accel_error_mm_frame2": metrics.accel_error_mm_frame2(p, r),
        "jitter": metrics.jitter(prediction, fps),
        "foot_skate_percent": metrics.foot_skate_percent(feet_model, contact, fps),
        "penetration_mm": metrics.penetration_mm(heights),
        "float_mm": metrics.float_mm(heights),
    }
    return {k: (float(v) if np.isfinite(v) else None) for k, v in values.items()}


def _feet_seen(reference: np.ndarray, names: list[str], ankle_height: float) -> np.ndarray:
    """(T, 2, 3) m: a point near the sole of the left and right foot, from the ankle, heel or toe the clip has."""
    feet = np.full((len(reference), 2, 3), np.nan)
    for i, side in enumerate("lr"):
        for part, drop in (("ankle", ankle_height), ("heel", 0.02), ("toe", 0.02)):
            if f"{side}_{part}" in names:
                feet[:, i] = reference[:, names.index(f"{side}_{part}")] - [0, 0, drop]
                break
    return feet


def _at_times(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return interp1d(known, values, axis=0, bounds_error=False, fill_value=(values[0], values[-1]))(times)


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
        keypoints.append(data.xpos[body.keypoint_body] + np.einsum("kab,kb->ka", R, body.keypoint_pos))
        foot.append(data.xpos[feet].copy())
        heights.append((data.geom_xpos[spheres, 2] - radius).min())
    return np.array(keypoints), np.array(foot), np.array(heights)


def _contact_forces(body, sim, chunks, controls):
    """Per step: force on each foot (steps, 2, 3) N, centre of pressure (steps, 2, 3) m, force on all else (steps, 3) N."""
    model, data = body.model, mujoco.MjData(body.model)
    sides = {model.body(f"{s}_{part}").id: i for i, s in enumerate("lr") for part in ("foot", "toes")}
    force, centre, other, wrench = [], [], [], np.zeros(6)
    for chunk, ctrl in zip(chunks, controls, strict=True):
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:] = chunk.qpos[0], chunk.qvel[0]
        for u in ctrl:  # the same start and controls as the rollout: the same motion
            data.ctrl[:] = u
            mujoco.mj_step(model, data)
            f, moment, rest = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)
            for i in range(data.ncon):
                contact = data.contact[i]
                mujoco.mj_contactForce(model, data, i, wrench)
                world = contact.frame.reshape(3, 3).T @ wrench[:3]
                side = sides.get(int(model.geom_bodyid[contact.geom[1]]))
                if side is None:
                    rest += world
                else:
                    f[side] += world
                    moment[side] += world[2] * contact.pos
            loaded = f[:, 2:] > 1.0
            force.append(f)
            centre.append(np.where(loaded, moment / np.where(loaded, f[:, 2:], 1), np.nan) * [1, 1, 0])
            other.append(rest)
    return np.array(force), np.array(centre), np.array(other)


def assemble(clip, body, sim, ik_qpos, fps, chunks, controls, windows, findings, warnings, options, seconds) -> Motion:
    """Stitch the windows' kept steps into one Motion at the clip's frame rate, and score it against the clip."""
    kept = [len(u) for u in controls]
    qpos = np.concatenate([c.qpos[:n] for c, n in zip(chunks, kept, strict=True)] + [chunks[-1].qpos[kept[-1]][None]])
    qvel = np.concatenate([c.qvel[:n] for c, n in zip(chunks, kept, strict=True)] + [chunks[-1].qvel[kept[-1]][None]])
    torque = np.concatenate([c.torque[:n] for c, n in zip(chunks, kept, strict=True)])
    ctrl = np.concatenate(controls)
    force, centre, other = _contact_forces(body, sim, chunks, controls)
    h = body.model.opt.timestep
    T = len(clip.keypoints)
    times = np.arange(T) / clip.fps
    state_times, step_times = h * np.arange(len(qpos)), h * np.arange(len(ctrl))
    poses = _poses(times, state_times, qpos)
    spheres = sim.constants.sphere_geom
    columns = [clip.names.index(n) for n in body.keypoint_names]
    reference = clip.keypoints[:, columns]
    keypoints, feet, heights = _geometry(body, poses, spheres)
    ik_poses = _poses(times, np.arange(len(ik_qpos)) / fps, ik_qpos)
    ik_keypoints, ik_feet, ik_heights = _geometry(body, ik_poses, spheres)
    names = list(body.keypoint_names)
    seen = _feet_seen(reference, names, body.proportions.ankle_height)
    nearest = np.clip(np.round(times / h).astype(int), 0, len(ctrl) - 1)
    arrays = {
        "time": times, "fps": np.array(clip.fps), "qpos": poses, "qvel": _at_times(times, state_times, qvel),
        "ctrl": _at_times(times, step_times, ctrl), "torques": _at_times(times, step_times, torque),
        "keypoints": keypoints, "keypoint_names": np.array(names), "joint_names": np.array(
            [body.model.joint(i).name for i in range(1, body.model.njnt)]),
        "contact_force": _at_times(times, step_times, force), "contact_names": np.array(["left foot", "right foot"]),
        "centre_of_pressure": centre[nearest], "contact_force_other": _at_times(times, step_times, other),
        "mjcf": np.array(body.xml), "timestep": np.array(h), "simulation_qpos": qpos, "simulation_qvel": qvel,
        "simulation_ctrl": ctrl,
    }  # fmt: skip
    bad = [w for w in windows if w["status"] != "ok"]
    length = (T - 1) / clip.fps
    seconds = {**seconds, "total": sum(seconds.values())}
    report = {
        "clip": clip.source,
        "status": "ok" if not bad else "degraded",
        "warnings": [*warnings, *(f"window at frame {w['start_frame']}: {w['status']}" for w in bad)],
        "findings": list(findings),
        "ik": _score(ik_keypoints, reference, names, clip.fps, ik_feet, seen, ik_heights),
        "result": _score(keypoints, reference, names, clip.fps, feet, seen, heights),
        "evaluations": sum(w["evaluations"] for w in windows),
        "seconds": seconds,
        "realtime_factor": seconds["total"] / length if length else None,
        "mass_kg": body.mass_kg,
        "windows": [{k: (v if not isinstance(v, float) or np.isfinite(v) else None) for k, v in w.items()} for w in windows],
        "options": options,
        "versions": {"python": platform.python_version(), "mujoco": mujoco.__version__, "numpy": np.__version__},
    }
    return Motion(arrays, report)
