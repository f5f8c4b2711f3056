"""Joint moments and powers in OpenSim's names, as its storage files."""

from pathlib import Path

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.errors import ExportError
from motionrecon.export.opensim_names import hinge
from motionrecon.export.scene import model_of
from motionrecon.export.table import write_storage
from motionrecon.motion.motion import Motion


def write_sto(motion: Motion, folder: Path) -> None:
    """Writes motion_moments.sto (N m), motion_powers.sto (W) and motion_moments_normalised.sto (N m
    a kilogram, and per cent of body weight times height).

    Moments are internal and low-passed where the motion has them so, signed as OpenSim's
    coordinates. Raises ExportError for a motion of an older version, which has none.
    """
    model = model_of(motion)
    moments = motion.joint_moments_filtered
    moments = motion.joint_moments if moments is None else moments
    if moments is None:
        raise ExportError("the motion holds no joint moments; reconstruct the clip again")
    names, signs = zip(*map(hinge, motion.joint_names), strict=True)
    moments = moments * signs
    powers = moments * motion.qvel[:, 6:] * signs
    _write(folder, motion, "motion_moments", [f"{n}_moment" for n in names], moments)
    _write(folder, motion, "motion_powers", [f"{n}_power" for n in names], powers)
    columns = [f"{n}_moment_per_kg" for n in names]
    columns += [f"{n}_moment_percent_weight_height" for n in names]
    by_size = 100.0 * moments / (motion.weight * stature(model))
    both = np.hstack([moments / motion.mass_kg, by_size])
    _write(folder, motion, "motion_moments_normalised", columns, both)


def stature(model: mujoco.MjModel) -> float:
    """m, of the model's body standing with all angles zero: from the soles to the crown."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    body = np.flatnonzero(model.geom_bodyid > 0)
    radius = model.geom_size[body, 0]
    is_capsule = model.geom_type[body] == mujoco.mjtGeom.mjGEOM_CAPSULE
    axis = data.geom_xmat[body].reshape(-1, 3, 3)[:, 2, 2]
    reach = radius + np.where(is_capsule, model.geom_size[body, 1] * np.abs(axis), 0.0)
    height = data.geom_xpos[body, 2]
    return float(np.max(height + reach) - np.min(height - reach))


def _write(folder: Path, motion: Motion, title: str, names: list[str], values: np.ndarray) -> None:
    table = np.hstack([motion.time[:, None], values])
    write_storage(folder / f"{title}.sto", title, ["time", *names], table, degrees=False)
