"""Files that appear whole or not at all: written beside their place, then renamed into it."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from motionrecon.errors import OutputError

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
    into it replace those of the same names in `folder`, in the order of their names. When the
    block raises, none does. Raises OutputError, which names `folder`, for any OSError.

    In plain words: several files that belong together are all on the disk before the first
    takes its place.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".files-", dir=folder) as part:
            yield Path(part)
            for file in sorted(Path(part).iterdir()):
                os.replace(file, folder / file.name)
    except OSError as e:
        raise _error(folder, e) from e


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
