"""Clips as they come from those who see less of a person."""

import numpy as np

from motionrecon.anatomy.points import Points
from motionrecon.clip.clip import Clip
from motionrecon.clip.travel import recover
from motionrecon.errors import ClipError
from motionrecon.terminal import say_text

_LEGS = ("hip", "knee", "ankle", "heel", "toe", "big_toe", "small_toe")
_PITCH = np.radians(10.0)
_PITCHED = np.array(
    [
        [np.cos(_PITCH), 0.0, np.sin(_PITCH)],
        [0.0, 1.0, 0.0],
        [-np.sin(_PITCH), 0.0, np.cos(_PITCH)],
    ]
)
_STEP_S = 0.1  # between the places whose distances are summed up


def legs_of(clip: Clip) -> Clip:
    """The clip with the keypoints of its legs alone."""
    columns = [i for i, n in enumerate(clip.names) if n == "pelvis" or n[2:] in _LEGS]
    return clip.replace(
        keypoints=clip.keypoints[:, columns],
        names=tuple(clip.names[i] for i in columns),
        confidence=clip.confidence[:, columns],
    )


def rooted(clip: Clip) -> Clip:
    """The clip as it comes back from keypoints relative to the middle of the hips that are pitched
    by 10 degrees; says how far it goes. What nothing tells, heading and place, is laid on the
    clip's own, so that plates can be compared. Raises ClipError where no travel is recovered.
    """
    root = Points(clip.keypoints, clip.names).trunk_bottom()
    relative = (clip.keypoints - root[:, None]) @ _PITCHED.T
    found = recover(relative, clip.names, clip.fps)
    if isinstance(found, str):
        raise ClipError(f"{clip.source}: {found}")
    seen = np.isfinite(root).all(axis=1)
    mine, own = (x[seen, :2] - x[seen, :2].mean(axis=0) for x in (found.path, root))
    turn = np.arctan2((mine[:, 0] * own[:, 1] - mine[:, 1] * own[:, 0]).sum(), (mine * own).sum())
    c, s = np.cos(turn), np.sin(turn)
    world = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    path = found.path @ world.T
    path[:, :2] += (root - path)[seen, :2].mean(axis=0)
    level = np.degrees(np.arccos((found.rotation @ _PITCHED)[2, 2]))
    goes, went = (_length(x[seen], clip.fps) for x in (path, root))
    say_text(f"{clip.source}: {goes:.2f} of {went:.2f} m, levelled to {level:.1f} degrees")
    return clip.replace(keypoints=relative @ (world @ found.rotation).T + path[:, None])


def _length(path: np.ndarray, fps: float) -> float:
    """m, along the ground."""
    steps = np.diff(path[:: max(1, round(_STEP_S * fps)), :2], axis=0)
    return float(np.linalg.norm(steps, axis=1).sum())
