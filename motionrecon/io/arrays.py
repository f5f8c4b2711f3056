"""NumPy's files, opened with what they declare checked first: a damaged header may announce any
size.
"""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from motionrecon.archive import DAMAGE
from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_BYTES

# all that arrays, dictionaries and text need; a pickle that asks for anything else is refused
_SAFE = {
    *(("numpy", n) for n in ("ndarray", "dtype")),
    *(
        (f"numpy.{core}.multiarray", n)
        for core in ("core", "_core")
        for n in ("_reconstruct", "scalar")
    ),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _SAFE:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def read_array(
    path: Path, what: str, file: IO[bytes], size: int, allow_pickle: bool = False
) -> np.ndarray:
    """One array in npy format from a file that has `size` bytes of it.

    Raises ClipError where it is damaged, too large, or holds pickled objects; with allow_pickle
    those are loaded if they consist of arrays, dictionaries, lists, numbers and text only.
    """
    if size > LARGEST_BYTES:
        raise ClipError(
            f"{path}: {what} has {size / 2**20:.0f} MiB; expected at most "
            f"{LARGEST_BYTES / 2**20:.0f}: cut it"
        )
    try:
        content = file.read(size)
        stream = io.BytesIO(content)
        shape, fortran, dtype = _header(stream)
        if dtype.hasobject:
            return _objects(path, what, stream, allow_pickle)
        count = 1
        for n in shape:
            count *= int(n)
        if min(shape, default=0) < 0 or count * dtype.itemsize > len(content) - stream.tell():
            raise ValueError(
                f"it announces {shape} of {dtype}, and has {len(content) - stream.tell()} bytes"
            )
        if dtype.kind == "U" and dtype.itemsize:
            _check_letters(content[stream.tell() : stream.tell() + count * dtype.itemsize], dtype)
        array = (
            np.frombuffer(content, dtype, count, stream.tell())
            if count and dtype.itemsize
            else np.empty(shape, dtype)
        )
        return array.reshape(shape, order="F" if fortran else "C")
    except DAMAGE as error:
        raise ClipError(f"{path}: {what} is damaged ({error}); write the file anew") from error


def _check_letters(content: bytes, dtype: np.dtype) -> None:
    """Raises ValueError where the numbers of a text array are no letters: Python fails on them
    later, and elsewhere.
    """
    letters = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
    if letters.size and letters.max() > 0x10FFFF:
        raise ValueError("text with letters that do not exist")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, Fortran order, type). Raises ValueError, whatever numpy's evaluation of a damaged
    header raises.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        return read(stream)
    except Exception as error:  # noqa: BLE001  it is parsed as Python: SyntaxError, TokenError, TypeError, ...
        raise ValueError(f"its header: {' '.join(str(error).split())[:200]}") from error


def _objects(path: Path, what: str, stream: IO[bytes], allow_pickle: bool) -> np.ndarray:
    if not allow_pickle:
        raise ClipError(
            f"{path}: {what} holds pickled Python objects, which are never loaded unasked "
            "because they can run code; "
            "save plain arrays (for names: numpy.array(names, dtype=str)), or give "
            "--allow-pickle if you trust the file"
        )
    try:
        return _Unpickler(stream).load()
    except Exception as error:  # noqa: BLE001  a damaged pickle may raise anything
        raise ClipError(
            f"{path}: {what} holds a pickle that is damaged or not plain data ({error})"
        ) from error


def read_members(
    path: Path, wanted: Callable[[str], bool], allow_pickle: bool = False
) -> tuple[dict[str, np.ndarray], list[str]]:
    """(the arrays of an npz whose name `wanted` accepts, the names of all). Raises ClipError as
    read_array does.
    """
    arrays, total = {}, 0
    with path.open("rb") as file:
        if file.read(6) == b"\x93NUMPY":
            raise ClipError(f"{path}: this is a single npy array, not an npz archive: name it .npy")
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise ClipError(
            f"{path}: this is not an npz archive, or it is damaged (a bare pickle is never "
            "loaded); "
            "write it with numpy.savez(path, keypoints=..., keypoint_names=..., fps=...)"
        ) from error
    with archive:
        names = [i.filename.removesuffix(".npy") for i in archive.infolist()]
        for info, name in zip(archive.infolist(), names, strict=True):
            if not wanted(name):
                continue
            total += info.file_size
            try:
                with archive.open(info) as file:
                    arrays[name] = read_array(
                        path, f"array '{name}'", file, max(info.file_size, total), allow_pickle
                    )
            except DAMAGE as error:
                raise ClipError(
                    f"{path}: array '{name}' is damaged ({error}); copy the file anew"
                ) from error
    return arrays, names
