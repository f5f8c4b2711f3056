#!/usr/bin/env python3
"""Page, video and figures of a reconstruction; `--help` lists the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.view.command import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
