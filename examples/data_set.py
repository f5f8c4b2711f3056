#!/usr/bin/env python3
"""A folder of clips, a clip a core: `python examples/data_set.py [FOLDER]`, or the bundled ones.

Run it again after a crash or Ctrl-C: what is done is skipped.
"""

import os
import sys
from pathlib import Path

from motionrecon import assets
from motionrecon.batch.configuration import Settings
from motionrecon.batch.run import prepare, run_batch
from motionrecon.batch.schedulers import make
from motionrecon.batch.summary import write_summary


def main(clips: Path, out: Path, settings: Settings = Settings(), workers: int = 1) -> None:
    plan = prepare(clips, out, settings)
    print(f"{len(plan.kept)} clips are done, {len(plan.todo)} are left.")
    statuses = run_batch(plan, make("local", workers, timeout_s=300.0, out=str(out)))
    for status in statuses:
        verdict = status["verdict"]
        print(f"{status['name']}: {verdict['is']}", *verdict["reasons"], sep="; ")
    print("Look at", *write_summary(statuses, out))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else assets.folder()
    main(folder, Path("out/data_set"), workers=os.cpu_count() or 1)
