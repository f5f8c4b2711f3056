"""A model of the batch: its processes are killed, stopped and out of disk, two run at once, inputs
change under them; afterwards every clip's outcome must be an undisturbed run's.

    python -m motionrecon_benchmarks.batch_model --steps 2000 --seed 7

A stand-in of milliseconds is in the place of the reconstruction; plans, jobs and folders are the
real ones. It forks: not for Windows.
"""

import argparse
import hashlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from motionrecon.batch import Settings, run_job
from motionrecon.batch.configuration import code_version
from motionrecon.batch.job import Job, read_status
from motionrecon.batch.run import CLIPS, prepare
from motionrecon.errors import ClipError, OutputError
from motionrecon.motion.report import Scores, Seconds
from motionrecon.terminal import say

_CLIPS = 4
_STEP_S = 0.002  # of a stand-in, twice a clip: time for a kill to fall into
_CONTENTS = (b"good 1", b"good 2", b"longer good", b"bad")
_CHANGES = 0.3  # chance of a change before a clip is read, and of one after
_LONGEST_S = 0.06  # until a kill: a batch of all clips takes about that long


class _Motion(SimpleNamespace):
    """What run_job asks of a motion; its files hold the clip's bytes."""

    fps = 30.0

    def require_report(self) -> Any:
        verdict = SimpleNamespace(verdict="ok", reasons=(), measures={}, worst_half_second_at=None)
        scores = Scores(**dict.fromkeys((f.name for f in fields(Scores)), 1.0))
        return SimpleNamespace(
            require_verdict=lambda: verdict,
            status="ok",
            ik=scores,
            result=scores,
            noise_mm=1.0,
            mass_kg=70.0,
            frames=2,
            evaluations=1,
            warnings=(),
            seconds=Seconds(**dict.fromkeys((f.name for f in fields(Seconds)), 0.0)),
        )

    def save(self, folder: Path) -> None:
        for name in ("motion.npz", "report.json"):
            (folder / name).write_bytes(self.content)
            time.sleep(_STEP_S)


def _stand_in(rng: random.Random | None) -> Callable[[Job, Callable[[float], None]], Any]:
    """In the place of a reconstruction. With an rng the clip now and then has another content while
    it is read, and often its own again afterwards: a disturbance from outside falls too rarely
    between the two hashes that a job takes to show what they are for.
    """

    def change(source: Path) -> None:
        if rng is not None and rng.random() < _CHANGES and source.exists():
            source.write_bytes(rng.choice(_CONTENTS))

    def stand_in(job: Job, progress: Callable[[float], None]) -> Any:
        source = Path(job.source)
        change(source)
        try:
            content = source.read_bytes()
        except OSError as e:
            raise ClipError("there is no such file") from e
        time.sleep(_STEP_S)
        change(source)
        if content.startswith(b"bad"):
            raise ClipError("bad")
        return _Motion(content=content)

    return stand_in


def _batch(
    data: Path,
    out: Path,
    rng: random.Random,
    full: bool = False,
    retry: bool = False,
    changing: bool = False,
) -> None:
    """One batch in this process, its clips in any order; full: the disk is, after some files;
    changing: clips do while they are read.
    """
    left = rng.randrange(12) if full else -1
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal left
        if left == 0:
            raise OSError(28, "No space left on device")
        left -= 1
        sync(descriptor)

    stand_in = _stand_in(rng if changing else None)
    with patch("motionrecon.batch.job._reconstruct", stand_in), patch("os.fsync", fsync):
        todo = prepare(data, out, Settings(), retry_failed=retry).todo
        for job in rng.sample(todo, len(todo)):
            run_job(job)


def _forked(data: Path, out: Path, seed: int, full: bool) -> int:
    """The process number of a batch that runs beside this one. Ctrl-C reaches it in the batch
    alone: before and after it would go on as the process that it was forked of.
    """
    held = {signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, held)
    if pid := os.fork():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        return pid
    code = 0
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        rng = random.Random(seed)
        _batch(data, out, rng, full, retry=rng.random() < 0.3, changing=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
    except (KeyboardInterrupt, ClipError):
        pass
    except OutputError:  # of a disk that is full, and of nothing else
        code = 0 if full else 1
    except BaseException:  # noqa: BLE001  the parent counts it
        code = 1
    finally:
        os._exit(code)


def _disturb(data: Path, rng: random.Random) -> None:
    """Another content, a bad one, or none, for a clip."""
    path = data / f"{rng.randrange(_CLIPS)}.npz"
    content = rng.choice([*_CONTENTS, None])
    if content is not None:
        path.write_bytes(content)
    elif sum(1 for _ in data.iterdir()) > 1:  # a folder without a clip is no data set
        path.unlink(missing_ok=True)


def _broken(out: Path, had: set[str]) -> int:
    """How many clips that had a result hold a failure in its place, or hold a result of another
    content than the one whose hash is beside it. had: gets those that have a result.
    """
    broken = 0
    for folder in (out / CLIPS).glob("[!.]*"):
        status = read_status(folder)
        if status is not None and status["state"] == "done":
            had.add(folder.name)
            content = (folder / "motion.npz").read_bytes()
            broken += hashlib.sha256(content).hexdigest() != status["input"]["sha256"]
        elif status is not None and folder.name in had:
            broken += 1
            had.remove(folder.name)
    return broken


def outcomes(data: Path, out: Path) -> dict[str, Any]:
    """Of every clip: its state, error, and the files of a result."""
    found = {}
    for status in prepare(data, out, Settings()).kept:
        folder = out / CLIPS / status["name"]
        files = (
            {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "status.json"}
            if folder.is_dir()
            else {}
        )
        done = status["state"] == "done"
        found[status["name"]] = files if done else status["error"]["message"]
    return found


def model(work: Path, steps: int, seed: int) -> tuple[dict[str, Any], dict[str, Any], int]:
    """(outcomes after `steps` disturbances and one batch to the end, those of an undisturbed batch
    of the same clips, processes that ended by an unforeseen error and results that were not what
    they must be at some time between); files lie below `work`.
    """
    rng, data, out, fresh = random.Random(seed), work / "data", work / "out", work / "fresh"
    data.mkdir()
    for i in range(_CLIPS):
        (data / f"{i}.npz").write_bytes(b"good 1")
    code_version()  # once, not in every fork
    errors, had = 0, set[str]()
    for _ in range(steps):
        batches = [
            _forked(data, out, rng.randrange(2**31), rng.random() < 0.2)
            for _ in range(rng.choice([1, 1, 2]))
        ]
        for pid in batches:
            time.sleep(rng.uniform(0.0, _LONGEST_S / len(batches)))
            if rng.random() < 0.4:
                _disturb(data, rng)
            if (stop := rng.choice([signal.SIGKILL, signal.SIGINT, None])) is not None:
                os.kill(pid, stop)
        errors += sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1 for pid in batches)
        errors += _broken(out, had)
    for folder in (out, fresh):
        _batch(data, folder, random.Random(seed))
    return outcomes(data, out), outcomes(data, fresh), errors


def main() -> int:
    """Exit code 0 where nothing was lost, 1 else."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found, expected, errors = model(Path(work), a.steps, a.seed)
    same = found == expected and not errors
    say(f"{a.steps} steps, seed {a.seed}: {'the same' if same else (found, expected, errors)}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
