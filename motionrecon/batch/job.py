"""One clip as one idempotent job: its folder appears whole, with a status that says how it went."""

import hashlib
import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from motionrecon.batch.configuration import Settings, code_version
from motionrecon.batch.folders import write_folder
from motionrecon.errors import BodyError, ClipError, MotionReconError, OutputError
from motionrecon.inputs import open_input
from motionrecon.motion import Motion, Report

STATUS = "status.json"
FAILED = ".failed"  # after a job's name: the folder of a failure beside an earlier result
# What went wrong, in a word; the message says the rest.
KINDS = {
    "input": "the file cannot be read or used",
    "body": "its keypoints do not determine a body",
    "memory": "out of memory",
    "killed": "its process was killed or crashed",
    "timeout": "it took longer than allowed",
    "bug": "an unforeseen error",
    "other": "refused",
}


_UNREAD = {"bytes": None, "modified_ns": None, "sha256": None}


@dataclass(frozen=True)
class Job:
    """source: the clip's file; name: its folder's name in `out`, the folder of clips."""

    source: str
    name: str
    out: str
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where its results go."""
        return Path(self.out) / self.name

    @property
    def beside(self) -> Path:
        """Where a failure goes that must not replace an earlier result."""
        return Path(self.out) / (self.name + FAILED)

    def to_json(self) -> dict:
        """Plain values, from which from_json makes an equal one."""
        return asdict(self) | {"settings": self.settings.to_json()}

    @classmethod
    def from_json(cls, values: dict) -> "Job":
        """The job of what to_json gave."""
        return cls(**values | {"settings": Settings.from_json(values["settings"])})


def run_job(job: Job, progress: Callable[[float], None] = lambda share: None) -> dict:
    """Reconstruct the clip, write its folder and return its status, which is also in status.json.

    ``progress`` is called with the share done. An error of the clip is a status, not an exception.
    Raises OutputError where nothing can be written: that is no fault of the clip's, and other clips
    will fare no better.
    """
    begun = time.perf_counter()
    head = head_of(job)  # before anything is read: another content by the end is noticed
    try:
        motion = _reconstruct(job, progress)
        if head_of(job) != head:
            raise ClipError(
                f"{job.source}: this file, a mapping or a model changed while it was read; give "
                "the same command again"
            )
    except OutputError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the batch goes on and the clip is explained
        return _fail(job, head, *explain(error), time.perf_counter() - begun)
    report = motion.require_report()
    verdict = report.require_verdict()
    status = {
        **head,
        "state": "done",
        "verdict": {"is": verdict.verdict, "reasons": list(verdict.reasons)},
        "measures": {**verdict.measures, "worst_half_second_at": verdict.worst_half_second_at},
        "reconstruction": report.status,
        "metrics": _metrics(report),
        "frames": report.frames,
        "motion_seconds": (report.frames - 1) / motion.fps,
        "evaluations": report.evaluations,
        "warnings": list(report.warnings),
    }

    def fill(folder: Path) -> None:
        motion.save(folder)
        if job.settings.export:
            from motionrecon.export import write

            write(motion, folder, job.settings.export)
        status["seconds"] = {**asdict(report.seconds), "job": time.perf_counter() - begun}
        status["process_memory_bytes"] = _memory_bytes()
        _write_status(folder, status)

    try:
        _write(job, job.folder, fill)
    except OutputError:
        raise
    except Exception as error:  # noqa: BLE001 - an exporter that cannot hold this motion, say
        return _fail(job, head, *explain(error), time.perf_counter() - begun)
    shutil.rmtree(job.beside, ignore_errors=True)
    return status


def fail_job(job: Job, kind: str, message: str, seconds: float) -> dict:
    """Write and return the status of a clip whose process cannot do so itself (killed, hung).
    Raises OutputError.
    """
    return _fail(job, head_of(job), kind, message, seconds)


def explain(error: Exception) -> tuple[str, str]:
    """(kind, message) of what an exception says about a clip."""
    if isinstance(error, ClipError):
        return "input", str(error)
    if isinstance(error, BodyError):
        return "body", str(error)
    if isinstance(error, MotionReconError):
        return "other", str(error)
    if isinstance(error, MemoryError):
        return (
            "memory",
            "out of memory: use fewer workers, or leave out exports; a damaged file can also ask "
            "for too much",
        )
    where = traceback.extract_tb(error.__traceback__)
    at = f" ({Path(where[-1].filename).name}, line {where[-1].lineno})" if where else ""
    return "bug", f"{type(error).__name__}: {error}{at}: please report it with the clip"


def identify(source: str | Path) -> dict:
    """Size, time of change and content of a clip's file; Nones where it cannot be read."""
    path = Path(source)
    try:
        stat = path.stat()
        with open_input(path, OSError) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns, "sha256": digest}
    except OSError:
        return dict(_UNREAD)


def _reconstruct(job: Job, progress: Callable[[float], None]) -> Motion:
    from motionrecon.clip.load import load_clip
    from motionrecon.pipeline import reconstruct

    s = job.settings
    clip = load_clip(job.source, **s.reading).until(s.seconds)
    return reconstruct(clip, s.options, progress)


def _metrics(report: Report) -> dict[str, float | None]:
    scores = {f"ik_{name}": value for name, value in asdict(report.ik).items()}
    scores |= {f"result_{name}": value for name, value in asdict(report.result).items()}
    return {**scores, "noise_mm": report.noise_mm, "mass_kg": report.mass_kg}


def head_of(job: Job) -> dict:
    """What a result is of: a status's first entries."""
    return {
        "name": job.name,
        "source": job.source,
        "input": identify(job.source),
        "configuration": job.settings.hash,
        "code": code_version(),
    }


def read_status(folder: Path) -> dict | None:
    """The status of a finished clip, None where there is none or it cannot be understood."""
    try:
        with open_input(folder / STATUS, OSError) as file:
            status = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    return (
        status if isinstance(status, dict) and status.get("state") in ("done", "failed") else None
    )


def _is_done(folder: Path) -> bool:
    status = read_status(folder)
    return status is not None and status["state"] == "done"


def _fail(job: Job, head: dict, kind: str, message: str, seconds: float) -> dict:
    """Write and return the status of a failure: in the job's folder, or beside it where that holds
    an earlier result.
    """
    verdict = {"is": "failed", "reasons": [f"{KINDS[kind]}: {message}"]}
    error = {"kind": kind, "message": message}
    if head_of(job) != head:  # which content failed is not known: none counts as done
        head = {**head, "input": dict(_UNREAD)}
    status = {**head, "state": "failed", "verdict": verdict, "error": error}
    status |= {"seconds": {"job": seconds}, "earlier_result_kept": False}

    def fill(folder: Path) -> None:
        _write_status(folder, status)

    if _is_done(job.folder) or not _write(job, job.folder, fill, lambda old: not _is_done(old)):
        status["earlier_result_kept"] = True
        _write(job, job.beside, fill)
    return status


def _write(
    job: Job,
    folder: Path,
    fill: Callable[[Path], None],
    may_replace: Callable[[Path], bool] = lambda there: True,
) -> bool:
    try:
        return write_folder(folder, fill, may_replace)
    except (OSError, OutputError) as e:
        # what saving a motion says names the temporary folder
        cause = e if isinstance(e, OSError) or not isinstance(e.__cause__, OSError) else e.__cause__
        why = getattr(cause, "strerror", None) or cause
        raise OutputError(
            f"{job.out}: cannot be written ({why}); make room or give another --out"
        ) from e


def _write_status(folder: Path, status: dict) -> None:
    (folder / STATUS).write_text(json.dumps(status, indent=1, allow_nan=False) + "\n")


def _memory_bytes() -> int | None:
    """The most memory this process has held so far."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
