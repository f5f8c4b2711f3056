"""Files that appear whole or not at all: written beside their place, then renamed into it."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from motionrecon.errors import OutputError
from motionrecon.interrupts import held_back

fcntl: Any
try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None

_TRIES = 100  # names of 64 random bits: a second try means that somebody plants them


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yields the path of an empty file beside `path`, of the same suffix, which replaces `path`
    when the block ends and is removed when the block raises. Folders are made where need be.

    The temporary file is created here under a name nobody can know (O_CREAT | O_EXCL), so two
    writers do not meet and a link planted under the name is not followed; it has the permissions
    of any new file. An OSError, the block's own included, becomes an OutputError that names `path`.

    In plain words: whoever reads `path` sees the old file or the new one, never half of one.
    """
    path = Path(path)
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _create(path)
        yield part
        os.replace(part, path)
        part = None
    except OSError as e:
        raise _error(path, e) from e
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


@contextmanager
def write_files_atomically(folder: str | Path) -> Iterator[Path]:
    """Yields an empty temporary folder inside `folder`; when the block ends, the files written
    into it replace those of the same names in `folder`, in the order of their names: all of them
    or, where the block raises or one cannot be replaced, none. Raises OutputError, which names
    `folder`, for any OSError.

    In plain words: several files that belong together are never those of two writers.
    """
    folder = Path(folder)
    ours = False  # an empty folder that is left behind says that something was written
    try:
        ours = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".files-", dir=folder) as part:
            yield Path(part)
            # On the folder above: on its own a job of a batch holds a lock.
            with held_back(), alone(folder.resolve().parent):
                _replace_all(Path(part), folder)
        ours = False
    except OSError as e:
        raise _error(folder, e) from e
    finally:
        if ours:
            with suppress(OSError):
                folder.rmdir()


def _replace_all(part: Path, folder: Path) -> None:
    """Move the files of part into folder; what stood there comes back where one cannot be moved."""
    new = sorted(part.iterdir())
    kept = Path(tempfile.mkdtemp(prefix=".kept-", dir=part))
    try:
        for file in new:
            place = folder / file.name
            if place.is_dir() and not place.is_symlink():
                raise IsADirectoryError(errno.EISDIR, f"{file.name} there is a folder")
            if place.is_symlink() or place.exists():
                _keep(place, kept / file.name)
            os.replace(file, place)
    except BaseException:
        for file in [f for f in new if not f.exists()]:
            place, old = folder / file.name, kept / file.name
            if old.is_symlink() or old.exists():
                os.replace(old, place)
            else:
                place.unlink()
        raise


def _keep(file: Path, under: Path) -> None:
    """A second name for a file, or a copy where the file system has no such thing."""
    try:
        os.link(file, under, follow_symlinks=False)
    except OSError:
        shutil.copy2(file, under, follow_symlinks=False)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While no other process is in this block for the same folder, where the file system can tell
    (flock; the kernel lets go when a process ends in whatever way).
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot lock folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> Path:
    for _ in range(_TRIES):
        part = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return part
    raise FileExistsError(17, f"no free temporary name in {_TRIES} tries", str(path))


def _error(path: Path, e: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({e.strerror or e}); make room or give another place with --out"
    )
