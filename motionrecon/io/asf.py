"""ASF, Acclaim's skeleton: bones with directions, lengths, axes and the angles they may turn by.

(Acclaim skeleton format, research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/ASF-AMC.html)
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE
from motionrecon.io.text import each_line, read_text

_INCH_M = 0.0254
_MOST_BONES = 500
_LARGEST_BYTES = 4 * 2**20  # a skeleton of 30 bones takes 6 kB
ROTATIONS = {"rx": 0, "ry": 1, "rz": 2}
TRANSLATIONS = {"tx": 0, "ty": 1, "tz": 2}


@dataclass
class Bone:
    """A bone of a skeleton: direction (3,), a unit vector in the global frame; length in the file's
    unit; axis (3,): angles of its own frame, applied in `order`; dof: its channels, such as rx.
    """

    name: str
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.zeros(3))
    order: str = "XYZ"
    dof: tuple[str, ...] = ()
    parent: str | None = None


@dataclass
class Skeleton:
    """Bones by name, the root apart; metres: in a unit of length, 0 where that is not known;
    degrees: whether angles are in degrees, else in radians.
    """

    bones: dict[str, Bone]  # parents before children
    root: Bone
    metres: float
    degrees: bool


def read_asf(path: Path) -> Skeleton:
    """An Acclaim skeleton. Raises ClipError where it is damaged or is none."""
    sections: dict[str, list[list[str]]] = {}
    section = ""
    for line in each_line(read_text(path, _LARGEST_BYTES)):
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            section = words[0].lower()
            sections[section] = [words[1:]] if words[1:] else []
        elif words:
            sections.setdefault(section, []).append(words)
    for needed in (":bonedata", ":hierarchy", ":root"):
        if needed not in sections:
            raise ClipError(
                f"{path}: this is not an ASF skeleton, or it is cut short: no '{needed}'"
            )
    try:
        units = {
            words[0].lower(): words[1] for words in sections.get(":units", []) if len(words) > 1
        }
        length = float(units.get("length", "1"))
        if not 1e-6 < length < 1e6:
            raise ValueError(f"length unit {length:g}")
        root = {words[0].lower(): words[1:] for words in sections[":root"]}
        bones = _bones(sections[":bonedata"])
        # CMU's files say 0.45: their lengths are inches divided by it. 1 says nothing.
        metres = _INCH_M / length if length != 1 else 0.0
        root_bone = Bone(
            "root",
            axis=_three(root.get("orientation", ["0", "0", "0"])),
            dof=tuple(w.lower() for w in root.get("order", "TX TY TZ RX RY RZ".split())),
            order=root.get("axis", ["XYZ"])[0].upper(),
        )
        skeleton = Skeleton(
            _hierarchy(bones, sections[":hierarchy"]),
            root_bone,
            metres,
            units.get("angle", "deg").lower().startswith("deg"),
        )
    except (ValueError, IndexError, KeyError) as error:
        raise ClipError(f"{path}: the ASF skeleton is damaged ({error})") from error
    _check(path, skeleton)
    return skeleton


def _check(path: Path, skeleton: Skeleton) -> None:
    for bone in (*skeleton.bones.values(), skeleton.root):
        known = set(ROTATIONS) | (set(TRANSLATIONS) if bone is skeleton.root else set()) | {"l"}
        if not set(bone.dof) <= known or sorted(bone.order) != ["X", "Y", "Z"]:
            raise ClipError(
                f"{path}: bone '{bone.name}' has dof {' '.join(bone.dof)} and axis order "
                f"{bone.order}: damaged"
            )


def finite(word: str) -> float:
    """The number a word says. Raises ValueError for what is none, or is too large."""
    value = float(word)
    if not abs(value) < LARGEST_VALUE:
        raise ValueError(f"'{word}' is no finite number")
    return value


def _three(words: list[str]) -> np.ndarray:
    out = np.array([finite(w) for w in words[:3]])
    if out.shape != (3,):
        raise ValueError(f"three numbers expected, found '{' '.join(words[:3])}'")
    return out


def _bones(lines: list[list[str]]) -> dict[str, Bone]:
    bones: dict[str, Bone] = {}
    bone = Bone("")
    for words in lines:
        key = words[0].lower()
        if key == "begin":
            bone = Bone("")
        elif key == "name":
            bone.name = words[1]
        elif key == "direction":
            bone.direction = _three(words[1:])
        elif key == "length":
            bone.length = finite(words[1])
        elif key == "axis":
            bone.axis, bone.order = _three(words[1:]), words[4].upper() if len(words) > 4 else "XYZ"
        elif key == "dof":
            bone.dof = tuple(w.lower() for w in words[1:])
        elif key == "end":
            if not bone.name or bone.name in bones or len(bones) > _MOST_BONES:
                raise ValueError(f"bone '{bone.name}' stands twice or has no name")
            bones[bone.name] = bone
    return bones


def _hierarchy(bones: dict[str, Bone], lines: list[list[str]]) -> dict[str, Bone]:
    """The bones that hang on the root, parents before children. A loop cannot arise: a bone has one
    parent.
    """
    ordered: dict[str, Bone] = {}
    for words in lines:
        if words[0].lower() in ("begin", "end"):
            continue
        if words[0] != "root" and words[0] not in ordered:
            raise ValueError(
                f"the hierarchy hangs bones on '{words[0]}', which hangs on nothing yet"
            )
        for name in words[1:]:
            if name in ordered:
                raise ValueError(f"bone '{name}' hangs on two others")
            bones[name].parent = words[0]
            ordered[name] = bones[name]
    if not ordered:
        raise ValueError("no bone hangs on the root")
    return ordered
