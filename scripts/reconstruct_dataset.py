#!/usr/bin/env python3
"""A folder or glob of clips to physically real motions, resumable; `--help` lists the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.batch.command import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
