"""Folders that appear whole or not at all, and what killed processes left of them.

A job writes into `.part-...` beside its target and renames it when all is on the disk. While it
writes it holds a lock on that folder (flock), which the kernel drops when the process ends in
whatever way: a folder whose lock can be taken is a dead process's and is swept, whatever its
process number means by now, also from another container.
"""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from motionrecon.atomic import alone
from motionrecon.interrupts import held_back

fcntl: Any
try:
    import fcntl
except ImportError:  # not a Unix: only age tells a dead folder
    fcntl = None

PART, NEW, OLD = ".part-", ".new-", ".old-"
_STALE_S = (
    24 * 3600.0
)  # age at which a folder that cannot be locked (some network file systems) counts as left over


def write_folder(
    target: Path,
    fill: Callable[[Path], None],
    may_replace: Callable[[Path], bool] = lambda there: True,
) -> bool:
    """Make `target` a folder with what `fill` writes into an empty one; a folder of that name is
    replaced, or stays where `may_replace` of it is False. Returns whether target is the new one.

    Everything is on the disk before the rename. Raises what `fill` raises, and OSError; then target
    is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=NEW, dir=target.parent))
    # The lock is taken before the folder has the name that sweep looks for.
    lock = _lock(made)
    part = made.with_name(PART + made.name.removeprefix(NEW))
    try:
        os.chmod(made, 0o777 & ~_umask())
        os.rename(made, part)
        fill(part)
        for path in part.rglob("*"):
            _sync(path)
        _sync(part)
        if not _swap_in(part, target, may_replace):
            return False
        _sync(target.parent)
        return True
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(made, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _swap_in(part: Path, target: Path, may_replace: Callable[[Path], bool]) -> bool:
    """Rename part to target, with what was there moved out of the way under a name that sweep puts
    back, where the process is killed between the two, or removes.

    Alone, so that what `may_replace` saw is what is replaced; no Ctrl-C between the two, nor in
    rmtree, which may make an OSError of it.
    """
    with held_back():
        away: list[Path] = []
        try:
            with alone(target.parent):
                try:
                    return _renamed(part, target, may_replace, away)
                finally:
                    for old in away:
                        _put_back(old, target.parent)
        finally:
            for old in away:
                shutil.rmtree(old, ignore_errors=True)


def _renamed(
    part: Path, target: Path, may_replace: Callable[[Path], bool], away: list[Path]
) -> bool:
    """away: gets the folders that hold what was moved out of the way."""
    while True:
        try:
            os.rename(part, target)
            return True
        except OSError as e:
            if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if not may_replace(target):
            return False
        away.append(Path(tempfile.mkdtemp(prefix=OLD, dir=target.parent)))
        with suppress(FileNotFoundError):  # another process moved it, where none can be alone
            os.rename(target, away[-1] / target.name)


def _put_back(old: Path, folder: Path) -> None:
    """What was moved out of the way for a folder that never came."""
    with suppress(OSError):  # where none can be alone: another one stands there by now
        for kept in old.iterdir():
            if not (folder / kept.name).exists():
                os.rename(kept, folder / kept.name)


def sweep(folder: Path) -> int:
    """Remove what dead processes left half written in folder, and put back what they had moved out
    of the way; returns how many.
    """
    count = 0
    with alone(folder):
        for path in _hidden(folder, OLD):
            _put_back(path, folder)
    for path in _hidden(folder, OLD, PART, NEW):
        if path.name.startswith(OLD) or _dead(path):
            shutil.rmtree(path, ignore_errors=True)
            count += not path.exists()
    return count


def _hidden(folder: Path, *beginnings: str) -> list[Path]:
    with os.scandir(folder) as entries:
        return [
            Path(e.path)
            for e in entries
            if e.name.startswith(beginnings) and e.is_dir(follow_symlinks=False)
        ]


def _dead(path: Path) -> bool:
    try:
        if path.name.startswith(PART) and fcntl is not None:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                return False
            finally:
                os.close(descriptor)
    except FileNotFoundError:
        return False
    except OSError:
        pass  # a file system that cannot lock folders
    try:
        return time.time() - path.stat().st_mtime > _STALE_S
    except FileNotFoundError:
        return False


def _lock(path: Path) -> int | None:
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # a file system that cannot lock folders: sweep goes by age
    return descriptor


def _sync(path: Path) -> None:
    """What is in a file, or the names in a folder, to the disk."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
