"""What there is to do: the clips of a data set, and what the output folder says is done."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from motionrecon.batch.configuration import Settings, code_version
from motionrecon.batch.job import Job, identify, read_status
from motionrecon.errors import ClipError

# Taken from a folder unasked: what is nearly always a motion. .json, .xml and .txt lie about for
# many other reasons, and a folder of OpenPose's has thousands of them to one clip: those a glob
# names.
TAKEN = (".npz", ".npy", ".trc", ".c3d", ".bvh", ".amc", ".csv", ".tsv")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Plan:
    """todo: jobs to run; kept: statuses of the others, finished before with the same settings."""

    todo: list[Job]
    kept: list[dict]


def find_clips(given: str | Path) -> tuple[Path, list[Path]]:
    """(root, files) of a folder (its clips at any depth), a glob (** included), or one file, in a
    fixed order.

    From a folder the files with one of the extensions TAKEN; from a glob all it matches. Raises
    ClipError where there is none.
    """
    text = str(given)
    if Path(text).is_dir():
        root = Path(text)
        files = [p for p in _files(root) if p.suffix.lower() in TAKEN]
        if not files:
            raise ClipError(
                f"{text}: no clip in this folder; taken are {', '.join(TAKEN)} (a glob takes "
                "others)"
            )
    elif Path(text).is_file():
        root, files = Path(text).parent, [Path(text)]
    else:
        parts = Path(text).parts
        fixed = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
        root = Path(*parts[:fixed]) if fixed else Path(".")
        files = [p for p in map(Path, glob.glob(text, recursive=True)) if p.is_file()]
        for i in (i for i, part in enumerate(parts) if _MAGIC.search(part)):
            _check_readable(parts[:i], parts[i] == "**")
        if not files:
            raise ClipError(
                f"{text}: no such folder, and no file matches; check the path (quote a glob)"
            )
    return root, sorted(files, key=lambda p: p.relative_to(root).as_posix())


def _check_readable(prefix: tuple[str, ...], recursive: bool) -> None:
    """Raises ClipError for a folder that a glob would look into but cannot: it passes those over.

    prefix: the glob up to the part that looks into folders; recursive: that part is **.
    """
    start = os.path.join(*prefix, "") if prefix else ""
    folders = glob.glob(os.path.join(start, "**", "") if recursive else start, recursive=True)
    for folder in folders or [start]:
        try:
            os.scandir(folder or ".").close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            _unreadable(error)


def _unreadable(error: OSError) -> None:
    raise ClipError(
        f"{error.filename}: cannot be read ({error.strerror}); make it readable, or name the "
        "clips by a glob that leaves it out"
    )


def _files(root: Path) -> Iterable[Path]:
    """Raises ClipError for a folder below that cannot be read: its clips would be left out."""
    for folder, below, names in os.walk(root, onerror=_unreadable):
        below[:] = [d for d in below if not d.startswith(".")]
        yield from (Path(folder) / n for n in names if not n.startswith("."))


def job_name(relative: str) -> str:
    """A folder's name for a clip: readable, safe on any file system, and another one for every path
    below the root.

    relative: the clip's path below the data set's root, with forward slashes. Ten hexadecimal
    digits of its hash tell files apart whose readable parts are alike (one stem in two folders, odd
    characters).
    """
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(relative).stem).strip("._-")[:60] or "clip"
    return (
        f"{readable}-{hashlib.sha256(relative.encode(errors='surrogateescape')).hexdigest()[:10]}"
    )


def jobs_of(root: Path, files: Iterable[Path], out: Path, settings: Settings) -> list[Job]:
    """One job a file; sources absolute, folders `out`/NAME."""
    folder = os.path.abspath(out)
    return [
        Job(os.path.abspath(p), job_name(p.relative_to(root).as_posix()), folder, settings)
        for p in files
    ]


def status_of(job: Job) -> dict | None:
    """The status that settles a job: its result, or its failure, of the same configuration and
    content; a failure may stand beside a result of other ones. None where it is still to be done.
    """
    for folder in (job.folder, job.beside):
        status = read_status(folder)
        if status is not None and is_current(job, status):
            return status
    return None


def is_current(job: Job, status: dict) -> bool:
    """Whether a status is of this job: the same configuration, and a file with the same content."""
    if status.get("configuration") != job.settings.hash:
        return False
    was = status.get("input") or {}
    try:
        stat = os.stat(job.source)
    except OSError:
        return was.get("sha256") is None
    if (was.get("bytes"), was.get("modified_ns")) == (stat.st_size, stat.st_mtime_ns):
        return True
    return was.get("bytes") == stat.st_size and was.get("sha256") == identify(job.source)["sha256"]


def plan(jobs: Iterable[Job], retry_failed: bool = False, redo_old_code: bool = False) -> Plan:
    """Which jobs are left; failed clips and those of other code are done again on request only."""
    todo, kept = [], []
    for job in jobs:
        status = status_of(job)
        if (
            status is None
            or (retry_failed and status["state"] == "failed")
            or (redo_old_code and status.get("code") != code_version())
        ):
            todo.append(job)
        else:
            kept.append(status)
    return Plan(todo, kept)
