"""NumPy archives: `keypoints` (T, J, 3) with `keypoint_names` or `skeleton`, `fps`, optional `confidence` (T, J).

Nothing is ever unpickled: a pickle can run any code, so object arrays are refused with numpy's allow_pickle=False.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import Raw, reader

KEYPOINTS = ("keypoints", "keypoints_3d", "keypoints3d", "joints", "joints_3d", "joints3d", "positions")
NAMES = ("keypoint_names", "names", "joint_names")
FPS = ("fps", "frame_rate", "mocap_framerate", "mocap_frame_rate", "rate")
CONFIDENCE = ("confidence", "conf", "scores", "visibility")
EXTRAS = ("body_mass_kg", "activity", "subject")


@reader(".npz")
def read_npz(path: Path) -> Raw:
    """Raises ClipError for what is not an npz, holds pickled objects, or has no keypoints."""
    arrays = _arrays(path)
    key = next((k for k in KEYPOINTS if k in arrays), None)
    if key is None:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise ClipError(f"{path}: no keypoints: expected an array 'keypoints' (T, J, 3), the file holds {held}")
    positions = arrays[key]
    if positions.dtype.kind not in "fiu":
        raise ClipError(f"{path}: '{key}' has type {positions.dtype}; expected numbers (T, J, 3)")
    positions = positions.astype(float)
    confidence = next((arrays[k] for k in CONFIDENCE if k in arrays), None)
    if confidence is None and positions.ndim == 3 and positions.shape[2] == 4:
        positions, confidence = positions[:, :, :3], positions[:, :, 3]
    names = next((arrays[k] for k in NAMES if k in arrays), None)
    return Raw(
        positions=positions,
        names=None if names is None else tuple(str(n) for n in np.atleast_1d(names)),
        skeleton=_text(arrays, "skeleton"),
        fps=_number(path, arrays, FPS),
        time=_numbers(path, arrays, "time"),
        units=_text(arrays, "units"),
        up=_text(arrays, "up"),
        confidence=None if confidence is None else _numeric(path, "confidence", confidence),
        extras={k: v for k, v in arrays.items() if k in EXTRAS or k.startswith("grf_")},
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        content = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ClipError(
            f"{path}: this is not an npz archive (or it is a bare pickle, which is never loaded); "
            "write it with numpy.savez(path, keypoints=..., keypoint_names=..., fps=...)"
        ) from error
    if isinstance(content, np.ndarray):
        raise ClipError(f"{path}: this is a single npy array, not an npz archive; write it with numpy.savez")
    arrays = {}
    with content:
        for key in content.files:
            try:
                arrays[key] = content[key]
            except ValueError as error:
                if "pickle" not in str(error).lower():
                    raise ClipError(f"{path}: array '{key}' is damaged ({error}); write the file anew") from error
                raise ClipError(
                    f"{path}: array '{key}' holds pickled Python objects, which are never loaded because they can "
                    "run code; save plain arrays (for names: numpy.array(names, dtype=str))"
                ) from error
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                raise ClipError(f"{path}: array '{key}' is damaged ({error}); copy the file anew") from error
    return arrays


def _text(arrays: dict, key: str) -> str | None:
    if key not in arrays or arrays[key].size != 1 or arrays[key].dtype.kind not in "US":
        return None
    value = arrays[key].item()
    return value.decode() if isinstance(value, bytes) else str(value)


def _numeric(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise ClipError(f"{path}: '{key}' has type {array.dtype}; expected numbers")
    return array.astype(float)


def _number(path: Path, arrays: dict, keys: tuple[str, ...]) -> float | None:
    key = next((k for k in keys if k in arrays), None)
    if key is None:
        return None
    value = _numeric(path, key, arrays[key])
    if value.size != 1:
        raise ClipError(f"{path}: '{key}' has shape {value.shape}; expected one number, the frames per second")
    return float(value.reshape(()))


def _numbers(path: Path, arrays: dict, key: str) -> np.ndarray | None:
    return _numeric(path, key, arrays[key]).reshape(-1) if key in arrays else None
