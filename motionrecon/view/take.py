"""A Take: one motion made ready to be looked at."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from motionrecon.errors import ViewError
from motionrecon.motion.motion import Motion

LOADED_N = 20.0  # N, a foot stands where the floor carries it with more
_NEEDED = (
    "time",
    "qpos",
    "keypoints",
    "keypoint_names",
    "input_keypoints",
    "joint_names",
    "torques",
    "contact_force",
    "centre_of_pressure",
    "mjcf",
    "timestep",
    "simulation_qpos",
    "simulation_qvel",
    "simulation_ctrl",
)


@dataclass(frozen=True, eq=False)
class Take:
    """Everything at the clip's T frames, world frame, z up, floor at z = 0; metres, newtons, newton
    metres, radians.
    """

    label: str
    report: dict
    arrays: dict[str, np.ndarray]  # of motion.npz
    model: mujoco.MjModel
    points: np.ndarray  # (T, P, 3) ends of capsules and centres of balls
    shapes: np.ndarray  # (G, 2) points that a capsule joins; a ball joins one to itself
    radii: np.ndarray  # (G,)
    elsewhere_force: (
        np.ndarray
    )  # (T, S, 3) force of the floor on each other segment that touches it
    elsewhere_centre: np.ndarray  # (T, S, 3), NaN while it does not

    @property
    def time(self) -> np.ndarray:
        return self.arrays["time"]

    @property
    def weight(self) -> float:
        """N"""
        return float(self.model.body_subtreemass[0] * np.linalg.norm(self.model.opt.gravity))

    @property
    def errors_mm(self) -> np.ndarray:
        """(T,) mean distance of the keypoints to the clip's; NaN where the frame has none."""
        distance = np.linalg.norm(
            self.arrays["keypoints"] - self.arrays["input_keypoints"], axis=-1
        )
        known = np.isfinite(distance)
        return (
            1e3 * np.where(known, distance, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)
        )


def take(motion: Motion, label: str) -> Take:
    """Raises ViewError where the arrays do not hold a motion of ours."""
    a = motion.arrays
    missing = [k for k in _NEEDED if k not in a]
    if missing:
        raise ViewError(
            f"{label}: lacks {', '.join(missing)}; give a motion.npz that scripts/reconstruct.py wrote"
        )
    try:
        model = mujoco.MjModel.from_xml_string(str(a["mjcf"]))
    except ValueError as e:
        raise ViewError(
            f"{label}: its MuJoCo model cannot be read ({str(e).splitlines()[0]})"
        ) from e
    if a["qpos"].shape != (len(a["time"]), model.nq):
        raise ViewError(
            f"{label}: qpos is {a['qpos'].shape}, its model wants ({len(a['time'])}, {model.nq})"
        )
    shapes, radii = _shapes(model)
    return Take(
        label,
        motion.report,
        a,
        model,
        _points(model, a["qpos"], shapes),
        shapes,
        radii,
        *_elsewhere(model, a),
    )


def load(path: str | Path, label: str | None = None) -> Take:
    """The take of a motion.npz and the report.json beside it, where there is one. Raises ViewError."""
    path = Path(path)
    path = path / "motion.npz" if path.is_dir() else path
    try:
        with np.load(path, allow_pickle=False) as z:
            arrays = {k: z[k] for k in z.files}
        beside = path.parent / "report.json"
        report = json.loads(beside.read_text()) if beside.is_file() else {}
    except FileNotFoundError as e:
        raise ViewError(
            f"{path}: no such file; give the motion.npz of a reconstruction, or its folder"
        ) from e
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as e:
        raise ViewError(f"{path}: cannot be read as a reconstruction ({e})") from e
    return take(
        Motion(arrays, report),
        label or (report.get("options") or {}).get("optimizer") or path.parent.name,
    )


def check_one_clip(takes: list[Take]) -> None:
    """Raises ViewError where the takes do not follow the same keypoints: side by side they would
    mean nothing.
    """
    first = takes[0].arrays
    for other in takes[1:]:
        a = other.arrays
        n = min(len(first["time"]), len(a["time"]))
        same = list(first["keypoint_names"]) == list(a["keypoint_names"]) and np.allclose(
            first["time"][:n], a["time"][:n]
        )
        if not (
            same
            and np.allclose(
                first["input_keypoints"][:n], a["input_keypoints"][:n], atol=1e-3, equal_nan=True
            )
        ):
            raise ViewError(
                f"{takes[0].label} and {other.label} follow different clips; show them one at a time"
            )


def _shapes(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """(G, 2) points and (G,) radii: the capsules, then the balls, of a model, whose points come in
    that order; more.
    """
    capsules = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE)
    balls = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE)
    n = 2 * len(capsules)
    ends = np.concatenate(
        [np.arange(n).reshape(-1, 2), n + np.repeat(np.arange(len(balls)), 2).reshape(-1, 2)]
    )
    radii = np.concatenate([model.geom_size[capsules, 0], model.geom_size[balls, 0]])
    fill, thickness = _trunk(model, capsules)
    return np.concatenate([ends, fill]), np.concatenate([radii, thickness])


def _trunk(model: mujoco.MjModel, capsules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """More capsules, between ends that are there already: what joins pelvis, lumbar, thorax and
    head to one trunk.

    The model's own shapes leave gaps there that look like a broken back.
    """
    of = {model.body(int(model.geom_bodyid[g])).name: k for k, g in enumerate(capsules)}
    fill, radii = [], []
    for low, high in (("pelvis", "lumbar"), ("lumbar", "thorax")):
        if low in of and high in of:
            a, b = of[low], of[high]
            fill += [(2 * a, 2 * b), (2 * a + 1, 2 * b + 1)]
            radii += [0.95 * min(model.geom_size[capsules[[a, b]], 0])] * 2
    if "thorax" in of and "head" in of:
        a, b = of["thorax"], of["head"]
        ends = (2 * b, 2 * b + 1)
        fill += [(2 * a + k, e) for k in (0, 1) for e in ends]
        radii += [0.4 * model.geom_size[capsules[a], 0]] * 4
    return np.array(fill, int).reshape(-1, 2), np.array(radii)


def _points(model: mujoco.MjModel, qpos: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    data = mujoco.MjData(model)
    capsules = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE)
    balls = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE)
    out = np.empty((len(qpos), shapes.max() + 1, 3))
    for frame, q in zip(out, qpos, strict=True):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        axis = data.geom_xmat[capsules].reshape(-1, 3, 3)[:, :, 2] * model.geom_size[capsules, 1:2]
        frame[: 2 * len(capsules) : 2] = data.geom_xpos[capsules] - axis
        frame[1 : 2 * len(capsules) : 2] = data.geom_xpos[capsules] + axis
        frame[2 * len(capsules) :] = data.geom_xpos[balls]
    return out


def _elsewhere(model: mujoco.MjModel, a: dict) -> tuple[np.ndarray, np.ndarray]:
    """Forces on segments other than the feet (T, S, 3) and where (T, S, 3), from the nearest
    simulated state.
    """
    feet = {model.body(f"{side}_{part}").id for side in "lr" for part in ("foot", "toes")}
    data, wrench, seen = mujoco.MjData(model), np.zeros(6), {}
    steps = np.clip(
        np.round(a["time"] / a["timestep"]).astype(int), 0, len(a["simulation_ctrl"]) - 1
    )
    for t, step in enumerate(steps):
        data.qpos[:], data.qvel[:] = a["simulation_qpos"][step], a["simulation_qvel"][step]
        data.ctrl[:] = a["simulation_ctrl"][step]
        mujoco.mj_forward(model, data)
        for i, contact in enumerate(data.contact):
            body = int(model.geom_bodyid[contact.geom[1]])
            if body not in feet:
                mujoco.mj_contactForce(model, data, i, wrench)
                force = contact.frame.reshape(3, 3).T @ wrench[:3]
                seen.setdefault(body, np.zeros((len(steps), 2, 3)))[t] += [
                    force,
                    force[2] * contact.pos,
                ]
    force, centre = (
        np.zeros((len(steps), len(seen), 3)),
        np.full((len(steps), len(seen), 3), np.nan),
    )
    for s, sums in enumerate(seen.values()):
        force[:, s], up = sums[:, 0], sums[:, 0, 2]
        loaded = up > 1.0
        centre[loaded, s] = sums[loaded, 1] / up[loaded, None]
    centre[..., 2] = np.where(np.isfinite(centre[..., 2]), 0.0, np.nan)
    return force, centre
