"""One worker process as its owner sees it."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

from motionrecon import children
from motionrecon.batch.job import Job

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_TAIL_BYTES = 600


def environment() -> dict[str, str]:
    """That of children, with every library's threads bounded to one."""
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    xla = " ".join(filter(None, [os.environ.get("XLA_FLAGS"), flags]))
    return {**children.environment(), **dict.fromkeys(_THREADS, "1"), "XLA_FLAGS": xla}


class WorkerProcess:
    """A worker, the job it is at, and since when it has not been heard of."""

    def __init__(self, events: queue.Queue) -> None:
        """events: receives (worker, event dict) and, when the process has ended, (worker, None)."""
        self.job: Job | None = None
        self.ready = False
        self.begun = self.heard = time.monotonic()
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "motionrecon.batch.schedulers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(),
            text=True,
            start_new_session=True,  # Ctrl-C reaches the owner alone, which decides
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._jobs, self._events = self._process.stdin, self._process.stdout
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: queue.Queue) -> None:
        for line in self._events:
            try:
                events.put((self, json.loads(line)))
            except ValueError:
                break  # cut off in the middle of a line: the process died
        events.put((self, None))

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def start(self, job: Job) -> None:
        """Hand over a job. A process that has died by now is told by its last event."""
        self.job, self.begun = job, time.monotonic()
        self.heard = self.begun
        try:
            self._jobs.write(json.dumps(job.to_json()) + "\n")
            self._jobs.flush()
        except OSError:
            pass

    def kill(self) -> None:
        """End the process now and wait until it is gone, so that its folder's lock is free."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and let go of what it held."""
        self.kill()
        if not self._jobs.closed:
            self._jobs.close()
        self._errors.close()

    def why(self) -> str:
        """How the process ended, in words."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            how = (
                "was killed (signal 9), by the system for want of memory most often: use fewer "
                "workers"
            )
        elif code < 0:
            how = f"crashed ({signal.Signals(-code).name})"
        else:
            how = f"ended by itself with exit code {code}"
        said = self._last_words()
        return f"the worker process {how}" + (f"; it said: {said}" if said else "")

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _TAIL_BYTES))
        return " ".join(self._errors.read().decode(errors="replace").split())
