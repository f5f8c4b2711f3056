"""NumPy's files, opened with what they declare checked first: a damaged header may announce any
size.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from motionrecon.archive import DAMAGE, check_letters, read_header, why
from motionrecon.errors import ClipError
from motionrecon.inputs import open_input, too_large
from motionrecon.io import isolated
from motionrecon.io.base import LARGEST_BYTES


def read_array(path: Path, what: str, file: IO[bytes], size: int) -> np.ndarray | None:
    """One array in npy format from a file that has `size` bytes of it; None where it holds pickled
    objects. Raises ClipError where it is damaged or too large.
    """
    if size > LARGEST_BYTES:
        raise too_large(f"{path}: {what}", size, LARGEST_BYTES, ClipError)
    try:
        content = file.read(size)
        stream = io.BytesIO(content)
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            return None
        count = 1
        for n in shape:
            count *= int(n)
        if min(shape, default=0) < 0 or count * dtype.itemsize > len(content) - stream.tell():
            raise ValueError(
                f"it announces {shape} of {dtype}, and has {len(content) - stream.tell()} bytes"
            )
        if dtype.kind == "U" and dtype.itemsize:
            check_letters(content[stream.tell() : stream.tell() + count * dtype.itemsize], dtype)
        array = (
            np.frombuffer(content, dtype, count, stream.tell())
            if count and dtype.itemsize
            else np.empty(shape, dtype)
        )
        return array.reshape(shape, order="F" if fortran else "C")
    except DAMAGE as error:
        raise ClipError(f"{path}: {what} is damaged ({error}); write the file anew") from error


def unpickled(
    path: Path, what: str, member: str, allow_pickle: bool, wanted: str = ""
) -> dict[str, np.ndarray]:
    """The plain arrays of pickled objects, which a process of its own loads (pickle_child.py says
    which there are). member: the archive's, empty for a file of one array. Raises ClipError.
    """
    if not allow_pickle:
        raise ClipError(
            f"{path}: {what} holds pickled Python objects, which are never loaded unasked "
            "because they can run code; "
            "save plain arrays (for names: numpy.array(names, dtype=str)), or give "
            "--allow-pickle if you trust the file"
        )
    return isolated.run(path, "pickle_child.py", path, member, wanted)


def read_members(
    path: Path, wanted: Callable[[str], bool]
) -> tuple[dict[str, np.ndarray | None], list[str]]:
    """(the arrays of an npz whose name `wanted` accepts, None for pickled ones; the names of all).
    Raises ClipError as read_array does.
    """
    arrays: dict[str, np.ndarray | None] = {}
    total = 0
    with open_input(path, ClipError) as opened:
        if opened.read(6) == b"\x93NUMPY":
            raise ClipError(f"{path}: this is a single npy array, not an npz archive: name it .npy")
        try:
            archive = zipfile.ZipFile(opened)
        except DAMAGE as error:
            raise ClipError(
                f"{path}: this is not an npz archive, or it is damaged (a bare pickle is never "
                "loaded); "
                "write it with numpy.savez(path, keypoints=..., keypoint_names=..., fps=...)"
            ) from error
        names = [i.filename.removesuffix(".npy") for i in archive.infolist()]
        for info, name in zip(archive.infolist(), names, strict=True):
            if not wanted(name):
                continue
            total += info.file_size
            try:
                with archive.open(info) as file:
                    arrays[name] = read_array(
                        path, f"array '{name}'", file, max(info.file_size, total)
                    )
            except DAMAGE as error:
                raise ClipError(
                    f"{path}: array '{name[:80]}' is damaged ({why(error)}); copy the file anew"
                ) from error
    return arrays, names
