"""A worker process: jobs as lines of JSON on standard input, events as lines of JSON on standard
output.

It starts once and reconstructs clip after clip. When its standard input ends, because whoever
started it is done or was killed, it ends at once, in the middle of a clip if need be.
"""

import json
import os
import queue
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Until standard input ends."""
    # A cluster signals every process of a task, a terminal all of a group: the owner hears it and
    # decides.
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # What libraries print must not come between the events.
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()

    def send(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    from motionrecon.batch.job import Job, run_job
    from motionrecon.errors import OutputError

    send(event="ready")
    while True:
        job = Job.from_json(json.loads(lines.get()))
        try:
            status = run_job(job, lambda share: send(event="progress", share=share))
            send(event="finished", status=status)
        except OutputError as error:
            send(event="unwritable", message=str(error))


def _listen(lines: queue.Queue) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
