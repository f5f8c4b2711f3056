"""Archives of plain arrays (npz), read without ever unpickling and without trusting the sizes they
declare.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from motionrecon.inputs import open_input, too_large

# In all, unpacked: a minute at 240 Hz takes 40 MiB.
LARGEST_BYTES = 512 * 2**20
# What zipfile, zlib and NumPy raise on damaged archives. RuntimeError: one that is encrypted, and,
# as its subclass NotImplementedError, one packed in a way that Python cannot unpack. OSError: one
# whose headers point out of the file.
DAMAGE = (
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    MemoryError,
    OverflowError,
    OSError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path, error: type[Exception]) -> dict[str, np.ndarray]:
    """All arrays of an npz by name. Raises `error`, with one line that names the file and the
    array.

    An array whose declared size is not that of its bytes is refused before memory is taken for it,
    and so is an archive of more than LARGEST_BYTES.
    """
    with open_input(path, error) as opened:
        try:
            archive = zipfile.ZipFile(opened)
        except DAMAGE as e:
            raise error(
                f"{path}: this is not an npz archive, or it is damaged ({e}); write it anew"
            ) from e
        members = archive.infolist()
        if (size := sum(i.file_size for i in members)) > LARGEST_BYTES:
            raise too_large(path, size, LARGEST_BYTES, error)
        return {i.filename.removesuffix(".npy"): _array(archive, i, path, error) for i in members}


def write_arrays(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    blocks: Callable[[np.ndarray], Iterable[np.ndarray]] = lambda array: [array],
) -> None:
    """As np.savez_compressed does; blocks: an array's rows, some at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if not array.ndim or not array.flags.c_contiguous:
                    np.lib.format.write_array(member, array, allow_pickle=False)
                    continue
                head = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(member, head)
                for rows in blocks(array):
                    member.write(rows.tobytes())


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, Fortran order, type) of an array in npy format. Raises ValueError, whatever numpy's
    evaluation of a damaged header raises.
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
        raise ValueError(f"its header: {why(error)}") from error


def check_letters(content: bytes, dtype: np.dtype) -> None:
    """Raises ValueError where the numbers of a text array are no letters: Python fails on them
    later, and elsewhere.
    """
    letters = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
    surrogates = (letters >= 0xD800) & (letters <= 0xDFFF)  # which no file can be written with
    if letters.size and (letters.max() > 0x10FFFF or surrogates.any()):
        raise ValueError("text with letters that do not exist")


def why(error: BaseException) -> str:
    """What an error says, on one line and cut short: the zip library quotes the bytes that it
    found, however many.
    """
    return " ".join(str(error).split())[:200]


def _array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, error: type[Exception]
) -> np.ndarray:
    try:
        with archive.open(info) as file:
            shape, fortran, dtype = read_header(file)
            if dtype.hasobject:
                raise error(
                    f"{path}: array '{info.filename}' holds pickled Python objects, which are "
                    "never loaded because they can run "
                    "code; save plain arrays"
                )
            size, left = int(np.prod(shape, dtype=object)) * dtype.itemsize, info.file_size
            left -= file.tell()
            if min(shape, default=0) < 0 or size != left:
                raise ValueError(f"{size} bytes declared, {left} there")
            content = file.read()
        if len(content) != size:
            raise ValueError(f"{size} bytes declared, {len(content)} there")
        if not size:
            return np.empty(shape, dtype)
        if dtype.kind == "U":
            check_letters(content, dtype)
        array = np.frombuffer(bytearray(content), dtype)
        return array.reshape(shape, order="F" if fortran else "C")
    except DAMAGE as e:
        raise error(
            f"{path}: array '{info.filename[:80]}' is damaged ({why(e)}); write the file anew"
        ) from e
