"""A Motion: what a reconstruction gives, as a value whose fields say shape, unit and frame."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import nanmean
from motionrecon.archive import read_arrays, write_arrays
from motionrecon.atomic import write_files_atomically
from motionrecon.engine import mujoco
from motionrecon.errors import MotionError
from motionrecon.motion import schema
from motionrecon.motion.columns import blocks
from motionrecon.motion.report import Report
from motionrecon.motion.schema import declare


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Motion:
    """The arrays of motion.npz and the report. SI units; world frame: z up, floor at z = 0;
    quaternions w, x, y, z; left foot first.

    The letters of the shapes are `schema.SYMBOLS`. Arrays over T are at the clip's rate; those over
    N are every simulated step, and mj_step replays `simulation_ctrl` from the first state to all of
    them; a motion may hold them in single precision, which replays only nearly, or lack them all.
    """

    time: Float[np.ndarray, "T"] = declare("s", "time of each frame")
    fps: float = declare("Hz", "the clip's frame rate", positive=True)
    qpos: Float[np.ndarray, "T nq"] = declare(
        "m, rad", "root position, root quaternion w x y z, hinges", frame="world"
    )
    qvel: Float[np.ndarray, "T nv"] = declare(
        "m/s, rad/s", "root velocity (world), root angular velocity (pelvis), hinges", frame="world"
    )
    ctrl: Float[np.ndarray, "T nu"] = declare("rad", "servo targets, in the order of `joint_names`")
    torques: Float[np.ndarray, "T nu"] = declare(
        "N m", "joint torques, in the order of `joint_names`"
    )
    keypoints: Float[np.ndarray, "T K 3"] = declare("m", "the body's keypoints", frame="world")
    keypoint_names: Annotated[tuple[str, ...], "K"] = declare("", "names of the keypoints")
    input_keypoints: Float[np.ndarray, "T K 3"] = declare(
        "m",
        "the clip's keypoints that were followed, with the ground levelled",
        frame="world",
        nan="where missing",
    )
    joint_names: Annotated[tuple[str, ...], "nu"] = declare("", "names of the hinges")
    contact_force: Float[np.ndarray, "T 2 3"] = declare(
        "N", "force of the floor on each foot", frame="world"
    )
    contact_names: Annotated[tuple[str, ...], "2"] = declare("", "names of the feet")
    centre_of_pressure: Float[np.ndarray, "T 2 3"] = declare(
        "m", "centre of pressure under each foot", frame="world", nan="while it is unloaded"
    )
    contact_force_other: Float[np.ndarray, "T 3"] = declare(
        "N", "force of the floor on all other segments", frame="world"
    )
    mjcf: str = declare("", "the MuJoCo model as text")
    timestep: float = declare("s", "time step of the simulation", positive=True)
    simulation_qpos: Float[np.ndarray, "N+1 nq"] | None = declare(
        "m, rad", "every simulated state, as `qpos`", frame="world", default=None, optional=True
    )
    simulation_qvel: Float[np.ndarray, "N+1 nv"] | None = declare(
        "m/s, rad/s", "every simulated state, as `qvel`", frame="world", default=None, optional=True
    )
    simulation_ctrl: Float[np.ndarray, "N nu"] | None = declare(
        "rad",
        "servo targets of every step: `mj_step` replays them to these states",
        default=None,
        optional=True,
    )
    simulation_contact_force: Float[np.ndarray, "N 2 3"] | None = declare(
        "N",
        "force of the floor on each foot at every step",
        frame="world",
        default=None,
        optional=True,
    )
    simulation_contact_force_other: Float[np.ndarray, "N 3"] | None = declare(
        "N", "the same on all other segments", frame="world", default=None, optional=True
    )
    measured_contact_force: Float[np.ndarray, "T 2 3"] | None = declare(
        "N",
        "the measured force on each foot; only where the clip brings force plates",
        default=None,
        frame="world",
        nan="where a foot may step elsewhere",
        optional=True,
    )
    free_moment: Float[np.ndarray, "T 2"] | None = declare(
        "N m",
        "moment of the floor on each foot about the vertical through its centre of pressure, "
        "anticlockwise seen from above",
        default=None,
        frame="world",
        optional=True,
    )
    segment_names: Annotated[tuple[str, ...], "S"] | None = declare(
        "", "names of the segments that touched the floor", default=None, optional=True
    )
    segment_contact_force: Float[np.ndarray, "T S 3"] | None = declare(
        "N",
        "force of the floor on each of `segment_names`: a foot's are its `_foot` and `_toes`",
        default=None,
        frame="world",
        optional=True,
    )
    support_names: Annotated[tuple[str, ...], "P"] | None = declare(
        "",
        "the floor, then the supports of the scene; only where there is a scene",
        default=None,
        optional=True,
    )
    support_force: Float[np.ndarray, "T P 3"] | None = declare(
        "N",
        "force of each of `support_names` on the body; together those on feet and other segments",
        default=None,
        frame="world",
        optional=True,
    )
    joint_moments: Float[np.ndarray, "T nu"] | None = declare(
        "N m",
        "net internal moments, in the order of `joint_names`: servo, damping and the ends of the "
        "range together, as inverse dynamics of the motion gives them",
        default=None,
        optional=True,
    )
    simulation_centre_of_pressure: Float[np.ndarray, "N 2 3"] | None = declare(
        "m",
        "`centre_of_pressure` at every step",
        default=None,
        frame="world",
        nan="while it is unloaded",
        optional=True,
    )
    simulation_free_moment: Float[np.ndarray, "N 2"] | None = declare(
        "N m", "`free_moment` at every step", default=None, frame="world", optional=True
    )
    simulation_joint_moments: Float[np.ndarray, "N nu"] | None = declare(
        "N m", "`joint_moments` at every step", default=None, optional=True
    )
    contact_force_filtered: Float[np.ndarray, "T 2 3"] | None = declare(
        "N",
        "`contact_force` through the low-pass filter of the report (`filter_hz`), as the others "
        "named so; only where there is one",
        default=None,
        frame="world",
        optional=True,
    )
    contact_force_other_filtered: Float[np.ndarray, "T 3"] | None = declare(
        "N", "`contact_force_other`, low-passed", default=None, frame="world", optional=True
    )
    centre_of_pressure_filtered: Float[np.ndarray, "T 2 3"] | None = declare(
        "m",
        "centre of pressure of the low-passed force and moment",
        default=None,
        frame="world",
        nan="where the low-passed force is below 20 N",
        optional=True,
    )
    free_moment_filtered: Float[np.ndarray, "T 2"] | None = declare(
        "N m",
        "free moment of the low-passed force and moment",
        default=None,
        frame="world",
        optional=True,
    )
    joint_moments_filtered: Float[np.ndarray, "T nu"] | None = declare(
        "N m", "`joint_moments`, low-passed", default=None, optional=True
    )
    report: Report | None = field(default=None)

    @property
    def frames(self) -> int:
        """T."""
        return len(self.time)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.time[-1] - self.time[0])

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The MuJoCo model, compiled once and shared: copy it (copy.copy) before changing it.
        Raises MotionError.
        """
        try:
            return mujoco.MjModel.from_xml_string(self.mjcf)
        except ValueError as e:
            raise MotionError(
                f"the motion's model cannot be loaded ({str(e).splitlines()[0]}); reconstruct it "
                "again"
            ) from e

    @property
    def mass_kg(self) -> float:
        """Of the body."""
        return float(self.model.body_subtreemass[0])

    @property
    def weight(self) -> float:
        """N, of the body."""
        return -self.mass_kg * float(self.model.opt.gravity[2])

    def require_report(self) -> Report:
        """The report. Raises MotionError for a motion that has none."""
        if self.report is None:
            raise MotionError(
                "the motion has no report; keep report.json beside motion.npz, or reconstruct it "
                "again"
            )
        return self.report

    def simulated(self, name: str) -> np.ndarray:
        """The array `simulation_` + name. Raises MotionError where the motion lacks it."""
        values = getattr(self, f"simulation_{name}")
        if values is None:
            raise MotionError(
                f"the motion holds no simulation_{name}: it was left out; reconstruct it again "
                "with --simulation full or float32"
            )
        return values

    @property
    def steps(self) -> np.ndarray:
        """(T,) the simulation step nearest to each frame. Raises MotionError as `simulated`."""
        nearest = np.round(self.time / self.timestep).astype(int)
        return np.clip(nearest, 0, len(self.simulated("ctrl")) - 1)

    @property
    def forces(self) -> tuple[float, Float[np.ndarray, "n 2 3"], Float[np.ndarray, "n 3"]]:
        """Seconds from one moment to the next and the floor's forces then, N, on each foot and on
        all other segments: of every step, or of the frames where the steps' are left out.
        """
        feet, other = self.simulation_contact_force, self.simulation_contact_force_other
        if feet is None or other is None:
            return 1 / self.fps, self.contact_force, self.contact_force_other
        return self.timestep, feet, other

    @property
    def keypoint_distances(self) -> Float[np.ndarray, "T K"]:
        """m, from the body's keypoints to the clip's; NaN where the clip has none."""
        return np.linalg.norm(self.keypoints - self.input_keypoints, axis=-1)

    @property
    def frame_distances_mm(self) -> Float[np.ndarray, "T"]:
        """The mean of each frame's; NaN where the clip has none."""
        return nanmean(1e3 * self.keypoint_distances, axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of motion.npz by name, in its order."""
        values = {a.name: getattr(self, a.name) for a in schema.arrays(Motion)}
        return {k: np.asarray(v) for k, v in values.items() if v is not None}

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Write motion.npz and, where there is a report, report.json; both appear, whole, or
        neither does. Returns their paths. Raises OutputError.
        """
        folder = Path(folder)
        with write_files_atomically(folder) as part:
            write_arrays(part / "motion.npz", self.arrays(), blocks)
            if self.report is not None:
                (part / "report.json").write_text(self.report.text(), encoding="utf-8")
            names = sorted(p.name for p in part.iterdir())
        return tuple(folder / name for name in names)

    @classmethod
    def load(cls, path: str | Path) -> "Motion":
        """The motion saved in a folder, or in a motion.npz; without a report where report.json is
        not beside it.

        Nothing is unpickled, arrays that are not declared are passed over. Raises MotionError,
        which names the file and the array: no such file, damaged, missing, of another kind or
        shape, not finite, or at odds with the others (motionrecon.motion.soundness).
        """
        from motionrecon.motion import (
            soundness,
        )  # numba, which a motion in memory need not wait for

        path = Path(path)
        path = path / "motion.npz" if path.is_dir() else path
        found = read_arrays(path, MotionError)
        declared = schema.arrays(cls)
        found = {a.name: found[a.name] for a in declared if a.name in found}
        schema.check(found, declared, path)
        soundness.check(found, path)
        values = {a.name: _plain(found[a.name], a) for a in declared if a.name in found}
        beside = path.with_name("report.json")
        return cls(**values, report=Report.load(beside) if beside.exists() else None)

    def __str__(self) -> str:
        """Five lines: clip, length and status, accuracy, forces, model."""
        r = self.report
        status = "" if r is None else f", {r.status}"
        accuracy = "no report beside it"
        if r is not None:
            accuracy = (
                f"{_number(r.result.mpjpe_g_mm)} mm from the keypoints (MPJPE-G), acceleration "
                f"{_number(r.result.accel_error_m_s2)} m/s^2 off, penetration "
                f"{_number(r.result.penetration_mm)} mm"
            )
        most = self.contact_force[..., 2].max(axis=0) / self.weight
        loaded = (self.contact_force[..., 2] > 0.05 * self.weight).mean(axis=0)
        feet = (
            f"{foot} up to {peak:.1f} body weights, down {share:.0%} of the time"
            for foot, peak, share in zip(self.contact_names, most, loaded, strict=True)
        )
        return "\n".join(
            [
                f"Motion of {r.clip if r else 'a clip'}",
                f"length:   {self.duration:.2f} s, {self.frames} frames at {self.fps:g} Hz{status}",
                f"accuracy: {accuracy}",
                f"forces:   {'; '.join(feet)}",
                f"model:    {self.mass_kg:.1f} kg, {self.model.nv} degrees of freedom, "
                f"{len(self.keypoint_names)} keypoints, simulated at {1 / self.timestep:.0f} Hz",
            ]
        )

    def __repr__(self) -> str:
        return f"<Motion: {self.frames} frames at {self.fps:g} Hz>"


def _plain(values: np.ndarray, a: schema.Array) -> Any:
    """An array as its field holds it: numbers and text as Python's, names as a tuple."""
    if a.kind == "U":
        return tuple(str(v) for v in values) if a.shape else str(values)
    if a.name in schema.of_steps(Motion) and values.dtype == np.float32:
        return values  # saved so to be small
    return values.astype(float, copy=False) if a.shape else float(values)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"
