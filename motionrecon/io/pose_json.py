"""3D poses in JSON as pose estimators write them: OpenPose (people, a file a frame), MMPose
(instances), plain arrays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import Raw, ReadOptions, check_count

_KEYPOINTS = (
    "keypoints_3d",
    "keypoints3d",
    "joints_3d",
    "keypoints",
    "positions",
    "joints",
    "pose_keypoints_3d",
)
_SCORES = ("keypoint_scores", "keypoints_scores", "confidence", "scores", "visibility")
_IDS = ("track_id", "person_id", "id", "instance_id")
_TWO_D = (
    "it holds 2D keypoints of images: triangulate the cameras' views first (Pose2Sim, FreeMoCap, "
    "anipose), or lift one view "
    "to 3D, and read that result"
)


@dataclass(frozen=True)
class _Pose:
    """One person in one frame: points (J, 3), scores (J,) or None, a track's number or None."""

    points: np.ndarray
    scores: np.ndarray | None
    track: int | None


def from_content(path: Path, content: Any, options: ReadOptions) -> Raw:
    """One JSON file: a list of frames, MMPose's instance_info, or arrays (T, J, 3) with names, fps,
    units, up.
    """
    if isinstance(content, dict):
        keys = ("instance_info", "frames", "predictions")
        frames = next((content[k] for k in keys if isinstance(content.get(k), list)), None)
        if frames is None and "people" in content:
            raise ClipError(
                f"{path}: this is one frame of OpenPose's: name the folder that holds all frames "
                "of the person"
            )
        if frames is None:
            return _arrays(path, content)
        raw = from_frames(path, frames, [f"frame {i}" for i in range(len(frames))], options)
        return _with_header(path, raw, content)
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return from_frames(path, content, [f"frame {i}" for i in range(len(content))], options)
    if isinstance(content, list) and content:
        return _arrays(path, {"keypoints": content})
    raise ClipError(
        f"{path}: no poses in this JSON: expected OpenPose's or MMPose's frames, or 'keypoints' "
        "(T, J, 3)"
    )


def from_frames(path: Path, frames: Iterable, labels: list[str], options: ReadOptions) -> Raw:
    """Frames, each a dictionary with 'people' or 'instances', or a person itself. Raises ClipError:
    see module.
    """
    poses, numbers = [], 0
    for frame, label in zip(frames, labels, strict=True):
        poses.append(_persons(path, frame, label))
        check_count(path, numbers := numbers + sum(p.points.size for p in poses[-1]))
    joints = {len(p.points) for persons in poses for p in persons}
    if not joints:
        raise ClipError(f"{path}: no frame shows a person")
    if len(joints) > 1:
        counts = " and ".join(map(str, sorted(joints)[:4]))
        raise ClipError(f"{path}: poses of {counts} keypoints are mixed; expected one number")
    count = joints.pop()
    people: tuple[int | None, ...] = (options.person,)
    if options.everyone:
        people = _people(poses)
    check_count(path, 3 * count * len(poses) * len(people))
    positions = np.full((len(people), len(poses), count, 3), np.nan)
    scores = np.zeros(positions.shape[:3])
    for k, number in enumerate(people):
        chosen, findings, warnings = _choose(path, poses, number)
        for t, pose in enumerate(chosen):
            if pose is not None:
                positions[k, t] = pose.points
                scores[k, t] = 1.0 if pose.scores is None else pose.scores
    several = len(people) > 1
    return Raw(
        positions=positions if several else positions[0],
        skeleton="body25" if count == 25 else None,
        confidence=scores if several else scores[0],
        findings=(f"poses: {count} keypoints", *(() if several else findings)),
        warnings=tuple(warnings),
        persons=tuple(n for n in people if n is not None),
    )


def _people(poses: list[list[_Pose]]) -> tuple[int, ...]:
    """Of all persons: tracks, or places in the frames."""
    if all(p.track is not None for persons in poses for p in persons):
        return tuple(sorted({p.track for persons in poses for p in persons if p.track is not None}))
    return tuple(range(max(map(len, poses))))


def _persons(path: Path, frame: Any, label: str) -> list[_Pose]:
    if isinstance(frame, dict):
        people = next(
            (frame[k] for k in ("people", "instances") if isinstance(frame.get(k), list)), [frame]
        )
    else:
        people = frame if isinstance(frame, list) else [frame]
    if not all(isinstance(p, dict) for p in people):
        raise ClipError(
            f"{path}: {label}: a person must be a dictionary with 'keypoints': the file is damaged"
        )
    return [p for p in (_pose(path, person, label) for person in people) if p is not None]


def _pose(path: Path, person: dict, label: str) -> _Pose | None:
    key = next((k for k in _KEYPOINTS if _filled(person.get(k))), None)
    if key is None:
        if _filled(person.get("pose_keypoints_2d")):
            raise ClipError(f"{path}: {label}: {_TWO_D}")
        return None
    points = _array(path, person[key], f"{label}: '{key}'")
    if points.ndim == 1 and key == "pose_keypoints_3d" and points.size % 4 == 0:
        points = points.reshape(-1, 4)
    if points.ndim == 3 and len(points) == 1:
        points = points[0]
    if points.ndim == 2 and points.shape[1] == 2:
        raise ClipError(f"{path}: {label}: {_TWO_D}")
    if points.ndim != 2 or points.shape[1] not in (3, 4):
        raise ClipError(
            f"{path}: {label}: '{key}' has shape {points.shape}; expected (J, 3), or (J, 4) with "
            "confidence"
        )
    scores = points[:, 3] if points.shape[1] == 4 else None
    if scores is None and (name := next((k for k in _SCORES if _filled(person.get(k))), None)):
        scores = _array(path, person[name], f"{label}: '{name}'").reshape(-1)
        if scores.shape != (len(points),):
            raise ClipError(f"{path}: {label}: {len(scores)} scores for {len(points)} keypoints")
    track = next((person[k] for k in _IDS if k in person), None)
    track = track[0] if isinstance(track, list) and len(track) == 1 else track
    known = isinstance(track, int) and not isinstance(track, bool) and track >= 0
    # heat maps overshoot 1
    scores = None if scores is None else np.clip(np.nan_to_num(scores), 0.0, 1.0)
    return _Pose(points[:, :3], scores, track if known else None)


def _float(path: Path, fps: int | float) -> float:
    try:
        return float(fps)
    except OverflowError as error:
        raise ClipError(f"{path}: 'fps' is a number of {len(str(fps))} digits") from error


def _filled(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0


def _array(path: Path, value: Any, what: str) -> np.ndarray:
    try:
        return np.array(value, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise ClipError(f"{path}: {what} is not an even table of numbers ({error})") from error


def _choose(
    path: Path, poses: list[list[_Pose]], person: int | None
) -> tuple[list[_Pose | None], list[str], list[str]]:
    """(the person's pose in each frame, findings, warnings). Raises ClipError, a question, where
    there are several.
    """
    tracks: dict[int, int] = {}
    for persons in poses:
        for p in persons:
            if p.track is not None:
                tracks[p.track] = tracks.get(p.track, 0) + 1
    most = max(map(len, poses))
    if tracks and all(p.track is not None for persons in poses for p in persons):
        if person is None and len(tracks) > 1:
            known = ", ".join(
                f"{k} ({n} frames)" for k, n in sorted(tracks.items(), key=lambda i: -i[1])[:8]
            )
            raise ClipError(
                f"{path}: {len(tracks)} persons: which one? Give --person, one of: {known}, or all"
            )
        wanted = next(iter(tracks)) if person is None else person
        if wanted not in tracks:
            raise ClipError(
                f"{path}: no person {wanted}; there are "
                f"{', '.join(map(str, sorted(tracks)[:20]))} (--person)"
            )
        return (
            [next((p for p in persons if p.track == wanted), None) for persons in poses],
            [f"person {wanted}"],
            [],
        )
    if person is None and most > 1:
        raise ClipError(
            f"{path}: up to {most} persons in a frame: which one? Give --person, one of: 0 to "
            f"{most - 1}, or all"
        )
    wanted = person or 0
    if not 0 <= wanted < most:
        raise ClipError(f"{path}: no person {wanted}; there are 0 to {most - 1} (--person)")
    warnings = (
        ["persons have no number: their order in each frame was taken to be the same"]
        if most > 1
        else []
    )
    findings = [f"person {wanted}"] if most > 1 else []
    return (
        [persons[wanted] if len(persons) > wanted else None for persons in poses],
        findings,
        warnings,
    )


def _arrays(path: Path, content: dict) -> Raw:
    key = next((k for k in _KEYPOINTS if k in content), None)
    if key is None:
        held = ", ".join(list(map(str, content))[:8]) or "nothing"
        raise ClipError(
            f"{path}: no poses in this JSON: expected 'keypoints' (T, J, 3) or frames; it holds "
            f"{held}"
        )
    positions = _array(path, content[key], f"'{key}'")
    confidence = None
    if positions.ndim in (3, 4) and positions.shape[-1] == 4:
        positions, confidence = positions[..., :3], positions[..., 3]
    return _with_header(path, Raw(positions, confidence=confidence), content)


def _with_header(path: Path, raw: Raw, content: dict) -> Raw:
    """With what the top level says of names, rate, units and up axis."""
    info = content.get("meta_info")
    meta = info if isinstance(info, dict) else {}
    names = next(
        (
            content[k]
            for k in ("keypoint_names", "names", "joint_names")
            if isinstance(content.get(k), list)
        ),
        None,
    )
    table = meta.get("keypoint_id2name")
    joints = raw.positions.shape[-2] if raw.positions.ndim in (3, 4) else 0
    if names is None and isinstance(table, dict) and {str(i) for i in range(joints)} <= set(table):
        names = [table[str(i)] for i in range(joints)]
    fps = next(
        (content[k] for k in ("fps", "frame_rate", "frameRate") if k in content), meta.get("fps")
    )
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, (int, float))):
        raise ClipError(f"{path}: 'fps' is {str(fps)[:40]!r}; expected a number")

    def text(key: str) -> str | None:
        return content[key] if isinstance(content.get(key), str) else None

    return Raw(
        positions=raw.positions,
        names=None if names is None else tuple(map(str, names)),
        skeleton=text("skeleton") or (None if names is not None else raw.skeleton),
        fps=None if fps is None else _float(path, fps),
        units=text("units"),
        up=text("up"),
        confidence=raw.confidence,
        findings=raw.findings,
        warnings=raw.warnings,
        persons=raw.persons,
    )
