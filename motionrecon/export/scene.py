"""What exporters need of a motion beyond its arrays: where every body segment is, and the capsules
that draw it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from motionrecon.engine import mujoco
from motionrecon.errors import ExportError, MotionError
from motionrecon.motion.motion import Motion


@dataclass(frozen=True)
class Capsule:
    """Drawn on segment `body`: a cylinder of half_length about its own z axis, with round ends; m,
    segment's frame.
    """

    body: int
    centre: np.ndarray  # (3,)
    quat: np.ndarray  # (4,) w, x, y, z
    radius: float
    half_length: float

    def ends(self) -> np.ndarray:
        """(2, 3) m: the centres of the round ends."""
        axis = Rotation.from_quat(self.quat, scalar_first=True).apply([0, 0, self.half_length])
        return np.stack([self.centre - axis, self.centre + axis])


@dataclass(frozen=True)
class Scene:
    """B segments in MuJoCo's order (parents first), T frames; world frame z up, m; quaternions w,
    x, y, z.

    A segment's origin is its joint: `offset` (B, 3) is constant in the parent's frame (0 for the
    first, the pelvis), `local` (T, B, 4) its rotation against the parent (against the world for the
    first).
    """

    model: mujoco.MjModel
    names: tuple[str, ...]
    parents: tuple[int, ...]  # -1 for the first
    offset: np.ndarray
    position: np.ndarray  # (T, B, 3)
    quat: np.ndarray  # (T, B, 4)
    local: np.ndarray
    capsules: tuple[Capsule, ...]

    @classmethod
    def of(cls, motion: Motion) -> "Scene":
        """Raises ExportError for a model that MuJoCo refuses, one of another shape, or positions
        that are not finite.
        """
        return cls.posed(model_of(motion), motion.qpos)

    @classmethod
    def posed(cls, model: mujoco.MjModel, qpos: Float[np.ndarray, "T nq"]) -> "Scene":
        """Of a model in configurations."""
        data = mujoco.MjData(model)
        position = np.empty((len(qpos), model.nbody - 1, 3))
        quat = np.empty((len(qpos), model.nbody - 1, 4))
        for t, q in enumerate(qpos):
            data.qpos[:] = q
            mujoco.mj_kinematics(model, data)
            position[t], quat[t] = data.xpos[1:], data.xquat[1:]
        parents = tuple(int(p) - 1 for p in model.body_parentid[1:])
        names = tuple(model.body(i).name for i in range(1, model.nbody))
        local = quat.copy()
        offset = model.body_pos[1:].copy()
        offset[0] = 0.0
        for b, parent in enumerate(parents[1:], start=1):
            up = Rotation.from_quat(quat[:, parent], scalar_first=True).inv()
            local[:, b] = (up * Rotation.from_quat(quat[:, b], scalar_first=True)).as_quat(
                scalar_first=True
            )
        return cls(model, names, parents, offset, position, quat, local, _capsules(model))

    def children(self, b: int) -> list[int]:
        """Of segment b."""
        return [i for i, p in enumerate(self.parents) if p == b]

    def tip(self, b: int) -> np.ndarray:
        """(3,) m, segment's frame: the far end of the segment's capsules, for segments that nothing
        hangs on.
        """
        ends = np.concatenate(
            [c.ends() for c in self.capsules if c.body == b] or [np.zeros((1, 3))]
        )
        end = ends[np.argmax(np.linalg.norm(ends, axis=1))]
        radius = max((c.radius for c in self.capsules if c.body == b), default=0.0)
        return end * (1 + radius / max(float(np.linalg.norm(end)), 1e-9))


def model_of(motion: Motion) -> mujoco.MjModel:
    """The motion's model: a free pelvis that carries hinged segments, joints at their origins.
    Raises ExportError.
    """
    try:
        model = motion.model
    except MotionError as e:
        raise ExportError(str(e)) from e
    kinds = list(model.jnt_type)
    free, hinge = mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_HINGE
    trunk = model.nbody > 1 and (model.body_parentid[2:] > 0).all()
    if not trunk or kinds != [free] + [hinge] * (model.njnt - 1) or np.any(model.jnt_pos):
        raise ExportError(
            "the motion's model is not a humanoid of this package (one free root, hinges at "
            "segment origins)"
        )
    names = [model.joint(i).name for i in range(1, model.njnt)]
    if names != list(motion.joint_names):
        raise ExportError(
            "'joint_names' are not the joints of the motion's model; reconstruct the motion again"
        )
    for key, values, width in (
        ("qpos", motion.qpos, model.nq),
        ("qvel", motion.qvel, model.nv),
        ("ctrl", motion.ctrl, model.nu),
        ("torques", motion.torques, model.nu),
    ):
        if values.shape != (motion.frames, width):
            raise ExportError(
                f"'{key}' has shape {values.shape}; the motion's model needs (frames, {width})"
            )
        if not np.isfinite(values).all():
            frame = int(np.flatnonzero(~np.isfinite(values).all(-1))[0])
            raise ExportError(
                f"'{key}' is not finite in frame {frame}; reconstruct the motion again"
            )
    return model


COLOURS = {
    "left": (0.90, 0.62, 0.0),
    "right": (0.0, 0.45, 0.70),
    "middle": (0.62, 0.62, 0.62),
}  # told apart by anyone
SUPPORT = (0.45, 0.42, 0.38)


def _capsules(model: mujoco.MjModel) -> tuple[Capsule, ...]:
    drawn = np.flatnonzero(
        (model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE) & (model.geom_bodyid > 0)
    )
    out = []
    for g in drawn:
        radius, half_length = model.geom_size[g, :2]
        body = int(model.geom_bodyid[g]) - 1
        out.append(
            Capsule(
                body,
                model.geom_pos[g].copy(),
                model.geom_quat[g].copy(),
                float(radius),
                float(half_length),
            )
        )
    return tuple(out)
