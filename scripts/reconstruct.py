#!/usr/bin/env python3
"""3D keypoints of a person to physically real motion; `--help` lists the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.cli.reconstruct import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
