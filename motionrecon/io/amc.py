"""ASF/AMC, Acclaim's skeleton and motion as the CMU database has them: the ends of bones by forward
kinematics.

The motion (.amc) needs its skeleton (.asf): --model, or the one beside it whose name the motion's
begins with. Formula: a bone turns by C R C^-1 in its parent's frame, C its axis, R its angles, X
first. (Acclaim skeleton format,
research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/ASF-AMC.html)
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from motionrecon.errors import ClipError
from motionrecon.io.asf import ROTATIONS, TRANSLATIONS, Bone, Skeleton, finite, read_asf
from motionrecon.io.base import Raw, ReadOptions, check_count, reader
from motionrecon.io.text import Numbers, each_line, read_text

_CMU_FPS = 120.0


@reader(".amc", ".asf")
def read_amc(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Bone ends "NAME.end" (T, J, 3), and "root", in metres (lengths in the CMU unit: 1/length of
    an inch).

    Raises ClipError: no skeleton, a bone it does not have, wrong numbers of values, or a skeleton
    without a motion.
    """
    if path.suffix.lower() == ".asf":
        raise ClipError(
            f"{path}: this is a skeleton without motion: name the .amc file, and this one with "
            "--model"
        )
    asf = _find_skeleton(path, options.model)
    skeleton = read_asf(asf)
    frames, degrees = _read_amc(path, skeleton)
    check_count(path, 3 * (1 + len(skeleton.bones)) * len(frames["root"]))
    positions = _forward_kinematics(skeleton, frames, degrees)
    return Raw(
        positions=positions,
        names=tuple(_names(skeleton)),
        units="m" if skeleton.metres else None,
        fps=_CMU_FPS,
        findings=(
            f"AMC: {len(skeleton.bones)} bones of {asf.name}, the format's usual {_CMU_FPS:g} Hz "
            "(it states none)",
        ),
    )


def _names(skeleton: Skeleton) -> list[str]:
    """The names of the positions, in their order."""
    return ["root", *(f"{name}.end" for name in skeleton.bones)]


def _find_skeleton(path: Path, given: Path | None) -> Path:
    if given is not None:
        return given
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    fits = [p for p in beside if path.stem.lower().startswith(p.stem.lower())] or beside
    if len(fits) != 1:
        found = (
            f"{len(fits)} are beside it ({', '.join(p.name for p in fits[:4])})"
            if fits
            else "none is beside it"
        )
        raise ClipError(
            f"{path}: an AMC motion needs its ASF skeleton, and {found}: give it with --model "
            "SKELETON.asf"
        )
    return fits[0]


def _read_amc(path: Path, skeleton: Skeleton) -> tuple[dict[str, np.ndarray], bool]:
    """(values (T, dofs) of each bone that moves, whether angles are degrees)."""
    dofs = {"root": len(skeleton.root.dof)} | {
        b.name: len(b.dof) for b in skeleton.bones.values() if b.dof
    }
    frames = _Frames(path)
    degrees = skeleton.degrees
    for i, line in enumerate(each_line(read_text(path)), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
            continue
        if len(words) == 1 and words[0].isdigit():
            frames.begin()
            continue
        if frames.now is None or words[0] not in dofs:
            raise ClipError(
                f"{path}: line {i}: no bone '{words[0][:40]}' in the skeleton: is it this "
                "motion's (--model)?"
            )
        try:
            values = [finite(w) for w in words[1:]]
        except ValueError as error:
            raise ClipError(f"{path}: line {i} holds what is not a number ({error})") from error
        if len(values) != dofs[words[0]]:
            raise ClipError(
                f"{path}: line {i}: '{words[0]}' has {len(values)} values, its skeleton says "
                f"{dofs[words[0]]}"
            )
        frames.now[words[0]] = values
    return frames.whole(dofs), degrees


class _Frames:
    """Frames as they are read: `now` is the values of each bone in the one under way, None before
    the first. All have the bones of the first; the last may be half a one, where a file was cut.
    """

    def __init__(self, path: Path) -> None:
        self.now: dict[str, list[float]] | None = None
        self._path, self._count, self._kept = path, 0, Numbers(path)
        self._bones: list[str] = []

    def begin(self) -> None:
        """The frame under way is done, another begins. Raises ClipError where it lacks a bone."""
        if self.now is not None:
            lacking = [bone for bone in self._bones if bone not in self.now]
            if lacking:
                raise ClipError(
                    f"{self._path}: frame {self._count + 1} lacks bone '{lacking[0]}': the file is "
                    "damaged"
                )
            self._keep()
        self.now = {}

    def whole(self, dofs: dict[str, int]) -> dict[str, np.ndarray]:
        """Values (T, dofs) of each bone that moves, in the order of `dofs`. Raises ClipError where
        there is no frame, or no root.
        """
        if self.now and all(bone in self.now for bone in self._bones):
            self._keep()
        if not self._count:
            raise ClipError(f"{self._path}: the AMC motion holds no frame")
        table = self._kept.table(1).reshape(self._count, -1)
        first, found = 0, {}
        for bone in self._bones:
            found[bone] = table[:, first : first + dofs[bone]]
            first += dofs[bone]
        return {bone: found[bone] for bone in dofs if bone in found}

    def _keep(self) -> None:
        assert self.now is not None
        if not self._count:
            self._bones = list(self.now)
            if "root" not in self._bones:
                raise ClipError(f"{self._path}: the motion has no root: the file is damaged")
        self._count += 1
        self._kept.add(v for bone in self._bones for v in self.now[bone])


def _forward_kinematics(
    skeleton: Skeleton, frames: dict[str, np.ndarray], degrees: bool
) -> np.ndarray:
    """Root and bone ends (T, J, 3), m where the unit is known."""
    scale = skeleton.metres or 1.0
    count = len(frames["root"])
    turn = {"root": _turn(skeleton.root, frames["root"], count, degrees, degrees)}
    place = {"root": np.zeros((count, 3))}
    for k, dof in enumerate(skeleton.root.dof):
        if dof in TRANSLATIONS:
            place["root"][:, TRANSLATIONS[dof]] = frames["root"][:, k] * scale
    for name, bone in skeleton.bones.items():
        assert bone.parent is not None  # read_asf links all bones
        values = frames.get(name, np.zeros((count, len(bone.dof))))
        turn[name] = turn[bone.parent] * _turn(bone, values, count, degrees, skeleton.degrees)
        place[name] = place[bone.parent] + turn[name].apply(bone.direction * bone.length * scale)
    return np.stack(list(place.values()), axis=1)


def _turn(
    bone: Bone, values: np.ndarray, count: int, degrees: bool, axis_degrees: bool
) -> Rotation:
    """The bone's rotation in its parent's frame, C R C^-1; angles apply about fixed axes in the
    order of the dof.
    """
    axis = Rotation.from_euler(bone.order.lower(), bone.axis, degrees=axis_degrees)
    own = Rotation.identity(count)
    for k, dof in enumerate(bone.dof):
        if dof in ROTATIONS:
            own = Rotation.from_euler("xyz"[ROTATIONS[dof]], values[:, [k]], degrees=degrees) * own
    return axis * own * axis.inv()
