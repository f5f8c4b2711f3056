"""What pickled NumPy objects hold, as plain arrays. Run by motionrecon.io.isolated as a file: it
imports nothing of ours.
"""

import io
import pickle
import zipfile
from typing import Any

import numpy as np

_MOST_BYTES = 400 * 2**20  # more the process has no memory for
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


def parse(path: str, member: str, wanted: str) -> dict[str, np.ndarray]:
    """array: of anything but a table. A table of subjects and actions: takes, their names
    SUBJECT/ACTION, and take, the one whose name is `wanted`, or begins so, or is the only one. Of
    a table of arrays, entry:NAME for each.
    """
    try:
        content = _Unpickler(_stream(path, member)).load()
    except Exception as error:
        raise ValueError(f"a pickle that is damaged or not plain data ({error})") from error
    table = content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    if not isinstance(table, dict):
        return {"array": _plain(np.array(np.asarray(table).tolist()))}
    if not any(isinstance(value, dict) for value in table.values()):
        return _entries(table)
    if not all(isinstance(actions, dict) for actions in table.values()):
        raise ValueError("it is not a table of subjects and actions")
    takes = {
        f"{subject}/{action}": array
        for subject, actions in table.items()
        for action, array in actions.items()
        if isinstance(array, np.ndarray)
    }
    fits = [k for k in takes if k.lower() == wanted.lower()]
    fits = fits or [k for k in takes if wanted and k.lower().startswith(wanted.lower())]
    fits = fits or ([] if wanted else list(takes))
    if len(fits) == 1:
        return {"takes": np.array(fits), "name": np.array(fits[0]), "take": _plain(takes[fits[0]])}
    return {"takes": np.array(fits or list(takes), dtype=str)}


def _entries(table: dict) -> dict[str, np.ndarray]:
    """KEY: of every entry that is an array, a number, text, or a list of such."""
    found = {}
    for key, value in table.items():
        array = np.asarray(value) if isinstance(value, (np.generic, np.ndarray)) else None
        if array is None and isinstance(value, (int, float, str, list, tuple)):
            array = np.array(value)
        if isinstance(key, str) and array is not None and array.dtype.kind in "fiubUS":
            found[f"entry:{key}"] = np.array(array)
    return found


def _stream(path: str, member: str) -> io.BytesIO:
    """What follows the header of an npy array."""
    if member:
        with zipfile.ZipFile(path) as archive:
            name = member if member in archive.namelist() else f"{member}.npy"
            stream = io.BytesIO(archive.open(name).read(_MOST_BYTES))
    else:
        with open(path, "rb") as file:
            stream = io.BytesIO(file.read(_MOST_BYTES))
    if np.lib.format.read_magic(stream) == (1, 0):
        np.lib.format.read_array_header_1_0(stream)
    else:
        np.lib.format.read_array_header_2_0(stream)
    return stream


def _plain(array: np.ndarray) -> np.ndarray:
    """The array itself, of numbers or text. A damaged pickle makes arrays of other kinds, whose
    elements no longer are what they point to.
    """
    if array.dtype.kind not in "fiubUS":
        raise ValueError(f"it holds {array.dtype}, not numbers or text")
    return np.array(array)
