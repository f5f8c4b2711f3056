"""NumPy archives: `keypoints` (T, J, 3) with `keypoint_names` or `skeleton`, `fps`, optional
`confidence` (T, J).

Nothing is unpickled unasked: a pickle can run any code. VideoPose3D's archives are pickles; with
allow_pickle they are loaded in a process of its own, by an unpickler that knows arrays,
dictionaries, lists, numbers and text only.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.inputs import open_input
from motionrecon.io import extras
from motionrecon.io.arrays import read_array, read_members, unpickled
from motionrecon.io.base import MOST_LABELS, Raw, ReadOptions, check_count, reader

KEYPOINTS = (
    "keypoints",
    "keypoints_3d",
    "keypoints3d",
    "joints",
    "joints_3d",
    "joints3d",
    "positions",
    "Jtr",
    "xyz",
    "poses_3d",
)
NAMES = ("keypoint_names", "names", "joint_names")
FPS = ("fps", "frame_rate", "mocap_framerate", "mocap_frame_rate", "rate")
CONFIDENCE = ("confidence", "conf", "scores", "visibility")
_VIDEOPOSE = "positions_3d"
# Human3.6M's 32 joints, of which 15 stand still or twice; the 17 that are left are in the order of
# h36m17.
_H36M_17_OF_32 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
_VIDEOPOSE_FPS = 50.0


@reader(".npz")
def read_npz(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Raises ClipError for what is not an npz, holds pickled objects, or has no keypoints."""
    known = {
        *KEYPOINTS,
        *NAMES,
        *FPS,
        *CONFIDENCE,
        *extras.SINGLE,
        "skeleton",
        "units",
        "up",
        "time",
        _VIDEOPOSE,
    }
    found, held = read_members(path, lambda key: key in known or key.startswith(extras.MEASURED))
    arrays = {}
    for member, array in found.items():
        if array is None:
            what, wanted = f"array '{member}'", options.subject or ""
            content = unpickled(path, what, member, options.allow_pickle, wanted)
            if member == _VIDEOPOSE:
                return _videopose(path, content)
            if "array" not in content:
                raise ClipError(f"{path}: '{member}' holds a table; expected an array")
            array = content["array"]
        arrays[member] = array
    return from_arrays(path, arrays, held)


@reader(".npy")
def read_npy(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """One array (T, J, 3), or (T, J, 4) with confidence, as FreeMoCap writes them; names, rate and
    units by option. With allow_pickle, a dictionary of arrays named as those of an npz.
    """
    with open_input(path, ClipError) as file:
        array = read_array(path, "the array", file, path.stat().st_size)
    if array is None:
        content = unpickled(path, "the array", "", options.allow_pickle)
        if "array" not in content:
            entries = {k[6:]: v for k, v in content.items() if k.startswith("entry:")}
            return from_arrays(path, entries, entries)
        array = content["array"]
    positions = _coordinates(path, "the array", array)
    confidence = None
    if positions.ndim in (3, 4) and positions.shape[-1] == 4:
        positions, confidence = positions[..., :3], positions[..., 3]
    return Raw(positions, confidence=confidence)


def from_arrays(path: Path, arrays: dict[str, np.ndarray], held: Iterable[str]) -> Raw:
    """The content of a file whose arrays are named as those of an npz; held: the names of all that
    it holds. Raises ClipError.
    """
    key = next((k for k in KEYPOINTS if k in arrays), None)
    if key is None and {"poses", "trans"} <= set(held):
        raise ClipError(
            f"{path}: this is an AMASS archive: it holds a body model's parameters, not joints, "
            "and the model's licence "
            "lets nobody ship it. Compute the joints with the smplx package and save them with "
            "numpy.savez(path, "
            "keypoints=joints[:, :24], skeleton='smpl24', fps=..., units='m', up='z')"
        )
    if key is None:
        holds = ", ".join(sorted(held)) or "nothing"
        raise ClipError(
            f"{path}: no keypoints: expected an array 'keypoints' (T, J, 3), the file holds {holds}"
        )
    positions = _coordinates(path, f"'{key}'", arrays[key])
    confidence = next((arrays[k] for k in CONFIDENCE if k in arrays), None)
    if confidence is None and positions.ndim in (3, 4) and positions.shape[-1] == 4:
        positions, confidence = positions[..., :3], positions[..., 3]
    names = next((arrays[k] for k in NAMES if k in arrays), None)
    return Raw(
        positions=positions,
        names=None if names is None else _texts(path, names),
        skeleton=_text(arrays, "skeleton"),
        fps=_number(path, arrays, FPS),
        time=_numbers(path, arrays, "time"),
        units=_text(arrays, "units"),
        up=_text(arrays, "up"),
        confidence=None if confidence is None else _numeric(path, "confidence", confidence),
        extras=extras.checked(path, arrays),
    )


def _videopose(path: Path, content: dict[str, np.ndarray]) -> Raw:
    """positions_3d[subject][action] (T, 32 or 17, 3), m, z up, 50 Hz; --subject names one as
    SUBJECT/ACTION.
    """
    if "takes" not in content:
        raise ClipError(f"{path}: '{_VIDEOPOSE}' is not a table of subjects and actions")
    if "take" not in content:
        some = ", ".join(map(str, content["takes"][:8]))
        raise ClipError(
            f"{path}: {len(content['takes'])} takes: which one? Give --subject SUBJECT/ACTION, one "
            f"of: {some}, ..."
        )
    name = str(content["name"])
    positions = _coordinates(path, f"'{name}'", content["take"])
    if positions.ndim != 3 or positions.shape[1] not in (17, 32):
        raise ClipError(
            f"{path}: '{name}' has shape {positions.shape}; expected (frames, 32, 3) or "
            "(frames, 17, 3)"
        )
    positions = positions[:, _H36M_17_OF_32] if positions.shape[1] == 32 else positions
    finding = (f"VideoPose3D: {name}, the data set's {_VIDEOPOSE_FPS:g} Hz",)
    return Raw(positions, skeleton="h36m17", fps=_VIDEOPOSE_FPS, units="m", findings=finding)


def _coordinates(path: Path, what: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise ClipError(f"{path}: {what} has type {array.dtype}; expected numbers (T, J, 3)")
    check_count(path, array.size)  # a byte becomes eight
    return array.astype(float)


def _texts(path: Path, array: np.ndarray) -> tuple[str, ...]:
    if array.size > MOST_LABELS:
        raise ClipError(f"{path}: {array.size} names; expected at most {MOST_LABELS}")
    return tuple(
        n.decode("latin-1") if isinstance(n, bytes) else str(n)
        for n in np.atleast_1d(array).ravel()
    )


def _text(arrays: dict, key: str) -> str | None:
    if key not in arrays or arrays[key].size != 1 or arrays[key].dtype.kind not in "US":
        return None
    value = arrays[key].item()
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _numeric(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise ClipError(f"{path}: '{key}' has type {array.dtype}; expected numbers")
    check_count(path, array.size)
    return array.astype(float)


def _number(path: Path, arrays: dict, keys: tuple[str, ...]) -> float | None:
    key = next((k for k in keys if k in arrays), None)
    if key is None:
        return None
    value = _numeric(path, key, arrays[key])
    if value.size != 1:
        raise ClipError(
            f"{path}: '{key}' has shape {value.shape}; expected one number, the frames per second"
        )
    return float(value.reshape(()))


def _numbers(path: Path, arrays: dict, key: str) -> np.ndarray | None:
    return _numeric(path, key, arrays[key]).reshape(-1) if key in arrays else None
