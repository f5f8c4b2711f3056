"""Kernels that numba compiles, their code kept on disk for the next process: where it is damaged it
is compiled anew, and where none can be kept everything works without.

numba itself unpickles whatever it finds, and does not import where it cannot write.
"""

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

_DIGEST = hashlib.sha256().digest_size
_lost: list[str] = []  # why code could not be kept


def njit(function: Callable | None = None, **options: Any) -> Any:
    """numba.njit with these options, the code kept on disk; with or without parentheses."""
    if function is None:
        return lambda function: njit(function, **options)
    kernel: Any = numba.njit(**options)(function)
    if hasattr(kernel, "_cache"):  # with NUMBA_DISABLE_JIT it is the function itself
        try:
            kernel._cache = _Cache(function)
        except RuntimeError as e:  # no folder can be written
            _lost.append(str(e))
    return kernel


def kept() -> bool:
    """Whether the code of all kernels loaded so far could be kept, or is there already."""
    return not _lost


class _Cache(FunctionCache):
    """A kernel's code on disk, which is a convenience: nothing that befalls it is an error."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, stamp)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save what was compiled, where it can be."""
        try:
            super().save_overload(sig, data)
        except OSError as e:
            _lost.append(str(e))


class _Files(IndexDataCacheFile):
    """numba's index and files of code, each with a digest before its content: a flipped bit in
    machine code would be run.
    """

    def load(self, key: Any) -> Any:
        """What was saved under the key; None where it is absent or damaged."""
        try:
            return super().load(key)
        except (ValueError, OSError):
            return None

    def _load_index(self) -> dict:
        try:
            version, stamp, overloads = pickle.loads(_read(self._index_path))
        except (ValueError, OSError):
            return {}
        fresh = (version, stamp) == (self._version, self._source_stamp)
        return overloads if fresh else {}

    def _save_index(self, overloads: dict) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_read(self._data_path(name)))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, value: Any) -> None:
        content = self._dump(value)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(content).digest() + content)


def _read(path: str) -> bytes:
    """The content of a file that `_Files` wrote. Raises ValueError where it is another by now."""
    with open(path, "rb") as file:
        content = file.read()
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        raise ValueError("damaged")
    return content[_DIGEST:]
