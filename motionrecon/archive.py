"""Archives of plain arrays (npz), read without ever unpickling and without trusting the sizes they
declare.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What zipfile, zlib and NumPy raise on damaged archives. RuntimeError: one that is encrypted, and,
# as its subclass NotImplementedError, one packed in a way that Python cannot unpack.
DAMAGE = (
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    MemoryError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path, error: type[Exception]) -> dict[str, np.ndarray]:
    """All arrays of an npz by name. Raises `error`, with one line that names the file and the
    array.

    An array whose declared size is not that of its bytes is refused before memory is taken for it.
    """
    if not path.is_file():
        raise error(f"{path}: there is no such file; check the path")
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                i.filename.removesuffix(".npy"): _array(archive, i, path, error)
                for i in archive.infolist()
            }
    except OSError as e:
        raise error(f"{path}: cannot be read ({e.strerror or e}); check its permissions") from e
    except DAMAGE as e:
        raise error(
            f"{path}: this is not an npz archive, or it is damaged ({e}); write it anew"
        ) from e


def _array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, error: type[Exception]
) -> np.ndarray:
    try:
        with archive.open(info) as file:
            read_header = _HEADERS.get(
                np.lib.format.read_magic(file), np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(file)
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if dtype.hasobject:
                raise error(
                    f"{path}: array '{info.filename}' holds pickled Python objects, which are "
                    "never loaded because they can run "
                    "code; save plain arrays"
                )
            if size != info.file_size - file.tell():
                raise ValueError(f"{size} bytes declared, {info.file_size - file.tell()} there")
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except DAMAGE as e:
        raise error(f"{path}: array '{info.filename}' is damaged ({e}); write the file anew") from e
