"""Runs a parser that is not Python in a process of its own: a damaged file may crash it, or make it
ask for any memory.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from motionrecon import children
from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_BYTES
from motionrecon.plain_paths import plain_paths

# a whole file takes less than 1 s a MiB; a damaged one may go on for ever
_TIMEOUT_S, _SECONDS_A_MIB = 20.0, 2.0
# address space: the libraries alone, and for every byte of the file
_BASE_BYTES, _BYTES_A_BYTE = 900 * 2**20, 16

_CHILD = """
import os, sys
reply_to = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # whatever the parser prints is not the reply
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError):
    pass  # Windows has no such limits
import io, json, runpy
import numpy as np
try:
    arrays = runpy.run_path(sys.argv[2])["parse"](*json.loads(sys.argv[3]))
    if (size := sum(a.nbytes for a in arrays.values())) > int(sys.argv[4]):
        raise MemoryError(f"it holds {size >> 20} MiB of numbers")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    reply = b"+" + buffer.getvalue()
except BaseException as error:
    reply = b"-" + (type(error).__name__ + ": " + " ".join(str(error).split())[:300]).encode()
reply_to.write(reply)
reply_to.flush()
"""


def run(
    path: Path, child: str, *arguments: object, timeout_s: float | None = None
) -> dict[str, np.ndarray]:
    """The arrays that parse(*arguments) of the file `child` beside this one returns, run apart with
    bounded memory.

    Raises ClipError, naming `path`, where it raises, crashes, takes too long or too much memory.
    """
    size = path.stat().st_size
    timeout_s = _TIMEOUT_S + _SECONDS_A_MIB * size / 2**20 if timeout_s is None else timeout_s
    limit = _BASE_BYTES + _BYTES_A_BYTE * size
    environment = children.environment() | {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    try:
        with plain_paths(arguments) as given:
            command = [sys.executable, "-c", _CHILD, str(limit)]
            command += [str(Path(__file__).parent / child), json.dumps(given), str(LARGEST_BYTES)]
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=timeout_s,
                env=environment,
                stdin=subprocess.DEVNULL,
            )
    except subprocess.TimeoutExpired as error:
        raise ClipError(
            f"{path}: not read after {timeout_s:.0f} s; it is damaged, or too long: cut it"
        ) from error
    if done.returncode or not done.stdout:
        raise ClipError(
            f"{path}: the file is damaged: its parser crashed (exit code {done.returncode})"
        )
    if done.stdout[:1] == b"-":
        raise ClipError(f"{path}: cannot be read: {done.stdout[1:].decode(errors='replace')}")
    reply = io.BytesIO(done.stdout[1:])
    del done  # as large as the reply
    with np.load(reply, allow_pickle=False) as content:
        return {key: content[key] for key in content.files}
