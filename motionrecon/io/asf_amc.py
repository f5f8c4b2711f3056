"""ASF/AMC, Acclaim's skeleton and motion as the CMU database has them: the ends of bones by forward kinematics.

The motion (.amc) needs its skeleton (.asf): --model, or the one beside it whose name the motion's begins with.
Formula: a bone turns by C R C^-1 in its parent's frame, C its axis, R its angles, X first.
(Acclaim skeleton format, research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/ASF-AMC.html)
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE, Raw, ReadOptions, reader
from motionrecon.io.text import read_text

_INCH_M = 0.0254
_CMU_FPS = 120.0
_MOST_BONES = 500
_ROTATIONS = {"rx": 0, "ry": 1, "rz": 2}
_TRANSLATIONS = {"tx": 0, "ty": 1, "tz": 2}


@dataclass
class _Bone:
    name: str
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.zeros(3))
    order: str = "XYZ"
    dof: tuple[str, ...] = ()
    parent: str | None = None


@dataclass
class _Skeleton:
    bones: dict[str, _Bone]  # parents before children
    root: _Bone
    metres: float
    degrees: bool


@reader(".amc", ".asf")
def read_amc(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Bone ends "NAME.end" (T, J, 3), and "root", in metres (lengths in the CMU unit: 1/length of an inch).

    Raises ClipError: no skeleton, a bone it does not have, wrong numbers of values, or a skeleton without a motion.
    """
    if path.suffix.lower() == ".asf":
        raise ClipError(f"{path}: this is a skeleton without motion: name the .amc file, and this one with --model")
    asf = _find_skeleton(path, options.model)
    skeleton = _read_asf(asf)
    frames, degrees = _read_amc(path, skeleton)
    positions = _forward_kinematics(skeleton, frames, degrees)
    return Raw(
        positions=positions,
        names=tuple(_names(skeleton)),
        units="m" if skeleton.metres else None,
        fps=_CMU_FPS,
        findings=(f"AMC: {len(skeleton.bones)} bones of {asf.name}, the format's usual {_CMU_FPS:g} Hz (it states none)",),
    )


def _names(skeleton: _Skeleton) -> list[str]:
    """The names of the positions, in their order."""
    return ["root", *(f"{name}.end" for name in skeleton.bones)]


def _find_skeleton(path: Path, given: Path | None) -> Path:
    if given is not None:
        if not given.exists():
            raise ClipError(f"{given}: there is no such skeleton (--model)")
        return given
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    fits = [p for p in beside if path.stem.lower().startswith(p.stem.lower())] or beside
    if len(fits) != 1:
        found = f"{len(fits)} are beside it ({', '.join(p.name for p in fits[:4])})" if fits else "none is beside it"
        raise ClipError(f"{path}: an AMC motion needs its ASF skeleton, and {found}: give it with --model SKELETON.asf")
    return fits[0]


def _read_asf(path: Path) -> _Skeleton:
    sections: dict[str, list[list[str]]] = {}
    section = ""
    for line in read_text(path).split("\n"):
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            section = words[0].lower()
            sections[section] = [words[1:]] if words[1:] else []
        elif words:
            sections.setdefault(section, []).append(words)
    for needed in (":bonedata", ":hierarchy", ":root"):
        if needed not in sections:
            raise ClipError(f"{path}: this is not an ASF skeleton, or it is cut short: no '{needed}'")
    try:
        units = {words[0].lower(): words[1] for words in sections.get(":units", []) if len(words) > 1}
        length = float(units.get("length", "1"))
        if not 0 < length < 1e6:
            raise ValueError(f"length unit {length:g}")
        root = {words[0].lower(): words[1:] for words in sections[":root"]}
        bones = _bones(sections[":bonedata"])
        # CMU's files say 0.45: their lengths are inches divided by it. 1 says nothing.
        metres = _INCH_M / length if length != 1 else 0.0
        root_bone = _Bone(
            "root",
            axis=_three(root.get("orientation", ["0", "0", "0"])),
            dof=tuple(w.lower() for w in root.get("order", "TX TY TZ RX RY RZ".split())),
            order=root.get("axis", ["XYZ"])[0].upper(),
        )
        skeleton = _Skeleton(
            _hierarchy(bones, sections[":hierarchy"]), root_bone, metres, units.get("angle", "deg").lower().startswith("deg")
        )
    except (ValueError, IndexError, KeyError) as error:
        raise ClipError(f"{path}: the ASF skeleton is damaged ({error})") from error
    _check(path, skeleton)
    return skeleton


def _check(path: Path, skeleton: _Skeleton) -> None:
    for bone in (*skeleton.bones.values(), skeleton.root):
        known = set(_ROTATIONS) | (set(_TRANSLATIONS) if bone is skeleton.root else set()) | {"l"}
        if not set(bone.dof) <= known or sorted(bone.order) != ["X", "Y", "Z"]:
            raise ClipError(f"{path}: bone '{bone.name}' has dof {' '.join(bone.dof)} and axis order {bone.order}: damaged")


def _finite(word: str) -> float:
    value = float(word)
    if not abs(value) < LARGEST_VALUE:
        raise ValueError(f"'{word}' is no finite number")
    return value


def _three(words: list[str]) -> np.ndarray:
    out = np.array([_finite(w) for w in words[:3]])
    if out.shape != (3,):
        raise ValueError(f"three numbers expected, found '{' '.join(words[:3])}'")
    return out


def _bones(lines: list[list[str]]) -> dict[str, _Bone]:
    bones: dict[str, _Bone] = {}
    bone = _Bone("")
    for words in lines:
        key = words[0].lower()
        if key == "begin":
            bone = _Bone("")
        elif key == "name":
            bone.name = words[1]
        elif key == "direction":
            bone.direction = _three(words[1:])
        elif key == "length":
            bone.length = _finite(words[1])
        elif key == "axis":
            bone.axis, bone.order = _three(words[1:]), words[4].upper() if len(words) > 4 else "XYZ"
        elif key == "dof":
            bone.dof = tuple(w.lower() for w in words[1:])
        elif key == "end":
            if not bone.name or bone.name in bones or len(bones) > _MOST_BONES:
                raise ValueError(f"bone '{bone.name}' stands twice or has no name")
            bones[bone.name] = bone
    return bones


def _hierarchy(bones: dict[str, _Bone], lines: list[list[str]]) -> dict[str, _Bone]:
    """The bones that hang on the root, parents before children. A loop cannot arise: a bone has one parent."""
    ordered: dict[str, _Bone] = {}
    for words in lines:
        if words[0].lower() in ("begin", "end"):
            continue
        if words[0] != "root" and words[0] not in ordered:
            raise ValueError(f"the hierarchy hangs bones on '{words[0]}', which hangs on nothing yet")
        for name in words[1:]:
            if name in ordered:
                raise ValueError(f"bone '{name}' hangs on two others")
            bones[name].parent = words[0]
            ordered[name] = bones[name]
    if not ordered:
        raise ValueError("no bone hangs on the root")
    return ordered


def _read_amc(path: Path, skeleton: _Skeleton) -> tuple[dict[str, np.ndarray], bool]:
    """(values (T, dofs) of each bone that moves, whether angles are degrees)."""
    dofs = {"root": len(skeleton.root.dof)} | {b.name: len(b.dof) for b in skeleton.bones.values() if b.dof}
    frames: list[dict[str, list[float]]] = []
    degrees = skeleton.degrees
    for i, line in enumerate(read_text(path).split("\n"), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
            continue
        if len(words) == 1 and words[0].isdigit():
            frames.append({})
            continue
        if not frames or words[0] not in dofs:
            raise ClipError(f"{path}: line {i}: no bone '{words[0][:40]}' in the skeleton: is it this motion's (--model)?")
        try:
            values = [_finite(w) for w in words[1:]]
        except ValueError as error:
            raise ClipError(f"{path}: line {i} holds what is not a number ({error})") from error
        if len(values) != dofs[words[0]]:
            raise ClipError(f"{path}: line {i}: '{words[0]}' has {len(values)} values, its skeleton says {dofs[words[0]]}")
        frames[-1][words[0]] = values
    while frames and len(frames[-1]) < len(frames[0]):  # a file that was cut short ends in half a frame
        frames.pop()
    if not frames:
        raise ClipError(f"{path}: the AMC motion holds no frame")
    moving = [name for name in dofs if name in frames[0]]
    if missing := [(k, name) for k, f in enumerate(frames) for name in moving if name not in f]:
        raise ClipError(f"{path}: frame {missing[0][0] + 1} lacks bone '{missing[0][1]}': the file is damaged")
    if "root" not in moving:
        raise ClipError(f"{path}: the motion has no root: the file is damaged")
    return {name: np.array([f[name] for f in frames]) for name in moving}, degrees


def _forward_kinematics(skeleton: _Skeleton, frames: dict[str, np.ndarray], degrees: bool) -> np.ndarray:
    """Root and bone ends (T, J, 3), m where the unit is known."""
    scale = skeleton.metres or 1.0
    count = len(frames["root"])
    turn = {"root": _turn(skeleton.root, frames["root"], count, degrees, degrees)}
    place = {"root": np.zeros((count, 3))}
    for k, dof in enumerate(skeleton.root.dof):
        if dof in _TRANSLATIONS:
            place["root"][:, _TRANSLATIONS[dof]] = frames["root"][:, k] * scale
    for name, bone in skeleton.bones.items():
        values = frames.get(name, np.zeros((count, len(bone.dof))))
        turn[name] = turn[bone.parent] * _turn(bone, values, count, degrees, skeleton.degrees)
        place[name] = place[bone.parent] + turn[name].apply(bone.direction * bone.length * scale)
    return np.stack(list(place.values()), axis=1)


def _turn(bone: _Bone, values: np.ndarray, count: int, degrees: bool, axis_degrees: bool) -> Rotation:
    """The bone's rotation in its parent's frame, C R C^-1; angles apply about fixed axes in the order of the dof."""
    axis = Rotation.from_euler(bone.order.lower(), bone.axis, degrees=axis_degrees)
    own = Rotation.identity(count)
    for k, dof in enumerate(bone.dof):
        if dof in _ROTATIONS:
            own = Rotation.from_euler("xyz"[_ROTATIONS[dof]], values[:, [k]], degrees=degrees) * own
    return axis * own * axis.inv()
