"""How good a motion is, in the field's measures: of the body, of the inverse kinematics, of the
clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.body import Body
from motionrecon.clip.load import Clip
from motionrecon.engine import mujoco
from motionrecon.motion import metrics
from motionrecon.motion.report import KeypointScores, Scores
from motionrecon.physics.constants import contact_spheres
from motionrecon.physics.floor_forces import foot_bodies
from motionrecon.scene import Scene

_SOLE_M = 0.02  # heel and toe keypoints sit so high above the sole


@dataclass(frozen=True)
class Shape:
    """What the scores look at in T configurations of a body; m, world frame."""

    keypoints: Float[np.ndarray, "T K 3"]
    feet: Float[np.ndarray, "T 2 3"]  # the origins of left and right foot
    # height of the lowest point of the contact spheres over the floor or support that it is over
    lowest: Float[np.ndarray, "T"]

    @classmethod
    def of(cls, body: Body, qpos: Float[np.ndarray, "T nq"]) -> "Shape":
        """By MuJoCo's forward kinematics."""
        model, data = body.model, mujoco.MjData(body.model)
        spheres = contact_spheres(model)
        radius = model.geom_size[spheres, 0]
        sides = foot_bodies(model)
        feet = [next(b for b, side in sides.items() if side == i) for i in (0, 1)]
        keypoints = np.empty((len(qpos), *body.keypoint_pos.shape))
        foot, lowest = np.empty((len(qpos), 2, 3)), np.empty(len(qpos))
        for t, q in enumerate(qpos):
            data.qpos[:] = q
            mujoco.mj_kinematics(model, data)
            R = data.xmat.reshape(-1, 3, 3)[body.keypoint_body]
            keypoints[t] = data.xpos[body.keypoint_body]
            keypoints[t] += np.einsum("kab,kb->ka", R, body.keypoint_pos)
            foot[t] = data.xpos[feet]
            points = data.geom_xpos[spheres] - radius[:, None] * [0.0, 0.0, 1.0]
            lowest[t] = body.scene.above(points)[:, 2].min()
        return cls(keypoints, foot, lowest)


def keypoint_scores(
    prediction: Float[np.ndarray, "T K 3"],
    reference: Float[np.ndarray, "T K 3"],
    names: Sequence[str],
    fps: float,
) -> KeypointScores:
    """Keypoints against a reference's, m, NaN for what is missing; names: K."""
    return KeypointScores(**_keypoint_values(prediction, reference, names, fps))


def body_scores(
    shape: Shape,
    reference: Float[np.ndarray, "T K 3"],
    names: Sequence[str],
    fps: float,
    ankle_height: float,
    scene: Scene = Scene(),
) -> Scores:
    """A body against a reference's keypoints, m, NaN for what is missing; its feet are judged where
    the reference's stand. ankle_height: m, of the ankle keypoints over the sole; scene:
    what else than the floor they may stand on.
    """
    feet = scene.above(_feet_seen(reference, names, ankle_height))
    contact = metrics.contacts(feet, fps)
    return Scores(
        **_keypoint_values(shape.keypoints, reference, names, fps),
        foot_skate_percent=_known(metrics.foot_skate_percent(shape.feet, contact, fps)),
        penetration_mm=_known(metrics.penetration_mm(shape.lowest)),
        float_mm=_known(metrics.float_mm(shape.lowest)),
    )


def _keypoint_values(
    prediction: np.ndarray, reference: np.ndarray, names: Sequence[str], fps: float
) -> dict[str, float | None]:
    root = [i for i, n in enumerate(names) if n in ("l_hip", "r_hip")]
    root = root or [list(names).index("pelvis")]
    both = np.isfinite(reference).all(-1) & np.isfinite(prediction).all(-1)
    p = np.where(both[..., None], prediction, np.nan)
    r = np.where(both[..., None], reference, np.nan)
    values = {
        "mpjpe_g_mm": metrics.mpjpe_g_mm(p, r),
        "mpjpe_mm": metrics.mpjpe_mm(p, r, root),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(p, r),
        "accel_error_m_s2": metrics.accel_error_m_s2(p, r, fps),
        "accel_error_mm_frame2": metrics.accel_error_mm_frame2(p, r),
        "jitter": metrics.jitter(prediction, fps),
    }
    return {k: _known(v) for k, v in values.items()}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _feet_seen(
    reference: np.ndarray, names: Sequence[str], ankle_height: float
) -> Float[np.ndarray, "T 2 3"]:
    """m: a point near the sole of the left and right foot, from the ankle, heel or toe the clip
    has.
    """
    feet = np.full((len(reference), 2, 3), np.nan)
    for i, side in enumerate("lr"):
        for part, drop in (("ankle", ankle_height), ("heel", _SOLE_M), ("toe", _SOLE_M)):
            if f"{side}_{part}" in names:
                column = list(names).index(f"{side}_{part}")
                feet[:, i] = reference[:, column] - [0, 0, drop]
                break
    return feet


def reference_keypoints(
    reference: Clip, names: Sequence[str], frames: int
) -> Float[np.ndarray, "T K 3"]:
    """m: a clip's first frames in the order of `names`; NaN for what it lacks."""
    nothing = np.full(reference.keypoints.shape[::2], np.nan)
    columns = [
        reference.keypoints[:, reference.names.index(n)] if n in reference.names else nothing
        for n in names
    ]
    return np.stack(columns, axis=1)[:frames]
