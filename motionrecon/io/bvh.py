"""BVH, the skeleton file of animation tools: joint positions by forward kinematics.

Own parser: pybvh and bvhio refuse or misread what common rigs hold (position channels at every
joint, joints with fewer than three rotations, names with spaces, a frame count that is wrong).
"""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE, Raw, ReadOptions, check_count, reader
from motionrecon.io.text import each_line, numbers, read_text

_MOST_JOINTS = 2000
_MOST_HEAD_LINES = 20 * _MOST_JOINTS  # a joint takes five


@dataclass
class _Joint:
    name: str
    parent: int  # -1: a root
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    # ("p" or "r", axis) in the file's order
    channels: list[tuple[str, int]] = field(default_factory=list)
    first: int = 0  # column of the first channel


@reader(".bvh")
def read_bvh(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Positions of all joints and end sites (T, J, 3) in the file's units; an end site is named
    after its joint.

    Raises ClipError with the line where the file is damaged.
    """
    text = read_text(path)
    head = list(islice(each_line(text), _MOST_HEAD_LINES))
    joints, at = _hierarchy(path, head)
    frame_time, first, declared = _header(path, head, at)
    width = sum(len(j.channels) for j in joints)
    try:
        values = numbers(path, text, sum(len(line) + 1 for line in head[:first]))
    except ValueError as error:
        raise ClipError(
            f"{path}: the motion (from line {first + 1}) holds what is not a number"
        ) from error
    frames = len(values) // width if width else 0
    if not frames:
        raise ClipError(f"{path}: no whole frame of {width} values follows 'Frame Time:'")
    warnings = []
    if rest := len(values) % width:
        warnings.append(f"the last {rest} values make no whole frame: left out")
    if frames != declared:
        warnings.append(f"the file says {declared} frames and holds {frames}")
    offsets = np.array([j.offset for j in joints])
    if not (np.abs(values) < LARGEST_VALUE).all() or not (np.abs(offsets) < LARGEST_VALUE).all():
        raise ClipError(
            f"{path}: it holds numbers that are not finite or beyond {LARGEST_VALUE:g}: the file "
            "is damaged"
        )
    check_count(path, frames * len(joints) * 3)
    positions = forward_kinematics(joints, values[: frames * width].reshape(frames, width))
    return Raw(
        positions=positions,
        names=tuple(j.name for j in joints),
        fps=1.0 / frame_time,
        likely_units=("m", "cm", "mm", "cmu", "in"),
        findings=(f"BVH: {len(joints)} joints and end sites",),
        warnings=tuple(warnings),
    )


def _hierarchy(path: Path, lines: list[str]) -> tuple[list[_Joint], int]:
    """(joints, parents before children; the line after the hierarchy)."""
    joints: list[_Joint] = []
    open_joints: list[int] = []
    width = 0
    if not any(line.strip().upper().startswith("HIERARCHY") for line in lines[:20]):
        raise ClipError(f"{path}: this is not a BVH file: it does not begin with HIERARCHY")
    for i, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        key = words[0].upper()
        try:
            if key == "MOTION":
                if open_joints or not joints:
                    raise ClipError(
                        f"{path}: line {i + 1}: the hierarchy is not closed before MOTION"
                    )
                return joints, i + 1
            if key in ("ROOT", "JOINT", "END"):
                parent = open_joints[-1] if open_joints else -1
                if (parent == -1) != (key == "ROOT") or len(joints) >= _MOST_JOINTS:
                    raise ClipError(
                        f"{path}: line {i + 1}: '{line.strip()[:40]}' where the hierarchy does "
                        "not allow it"
                    )
                name = (
                    f"{joints[parent].name}_end"
                    if key == "END"
                    else line.strip()[len(words[0]) :].strip()
                )
                joints.append(_Joint(name, parent, first=width))
                open_joints.append(len(joints) - 1)
            elif key == "}":
                open_joints.pop()
            elif key == "OFFSET":
                joints[open_joints[-1]].offset = np.array([float(w) for w in words[1:4]])
                if len(words) < 4:
                    raise ValueError("fewer than three numbers")
            elif key == "CHANNELS":
                joint = joints[open_joints[-1]]
                if joint.channels:
                    raise ValueError("a joint has its channels twice")
                joint.channels = [_channel(w) for w in words[2:]]
                if len(joint.channels) != int(words[1]):
                    raise ValueError(f"{words[1]} channels announced, {len(joint.channels)} named")
                joint.first, width = width, width + len(joint.channels)
        except (ValueError, IndexError) as error:
            raise ClipError(
                f"{path}: line {i + 1} is damaged: '{line.strip()[:60]}' ({error})"
            ) from error
    raise ClipError(
        f"{path}: no MOTION follows the hierarchy: the file is cut short, or holds a skeleton "
        "without motion"
    )


def _channel(word: str) -> tuple[str, int]:
    kind, axis = word[1:].lower(), "XYZ".find(word[:1].upper())
    if axis < 0 or kind not in ("position", "rotation"):
        raise ValueError(f"unknown channel '{word}'")
    return kind[0], axis


def _header(path: Path, lines: list[str], at: int) -> tuple[float, int, int]:
    """(seconds a frame, first line of the numbers, frames announced)."""
    declared = -1
    for i in range(at, min(at + 20, len(lines))):
        words = lines[i].replace(":", ": ").split()
        try:
            if words[:1] == ["Frames:"]:
                declared = int(words[1])
            if words[:2] == ["Frame", "Time:"]:
                seconds = float(words[2])
                if not 0 < seconds < 10:
                    raise ValueError("out of range")
                rate = 1.0 / seconds
                # 0.0333333 and 0.00833 mean 30 and 120 Hz.
                return (
                    1.0 / (round(rate) if abs(rate / max(round(rate), 1) - 1) < 1e-3 else rate),
                    i + 1,
                    declared,
                )
        except (ValueError, IndexError, OverflowError) as error:
            raise ClipError(
                f"{path}: line {i + 1} is damaged: '{lines[i].strip()[:60]}' ({error})"
            ) from error
    raise ClipError(f"{path}: no 'Frame Time:' follows MOTION: the file is cut short")


def forward_kinematics(joints: list[_Joint], values: np.ndarray) -> np.ndarray:
    """Positions (T, J, 3) for channel values (T, C), rotations in degrees.

    A joint's rotations apply in the order of its channels, the first outermost; position channels
    stand in place of the offset, at the root too (where a file has both, they repeat each other).
    """
    frames = len(values)
    position, rotation = np.empty((frames, len(joints), 3)), []
    for j, joint in enumerate(joints):
        local = np.tile(joint.offset, (frames, 1))
        turn, order = [], ""
        for k, (kind, axis) in enumerate(joint.channels):
            column = values[:, joint.first + k]
            if kind == "p":
                local[:, axis] = column
            else:
                order += "XYZ"[axis]
                turn.append(column)
        own = Rotation.identity(frames)
        for letter, angle in zip(order, turn, strict=True):
            own = own * Rotation.from_euler(letter, angle[:, None], degrees=True)
        if joint.parent < 0:
            position[:, j] = local
            rotation.append(own)
        else:
            above = rotation[joint.parent]
            position[:, j] = position[:, joint.parent] + above.apply(local)
            rotation.append(above * own)
    return position
