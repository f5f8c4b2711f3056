#!/usr/bin/env python3
"""A saved motion in the files of other tools: python scripts/export.py OUT/motion.npz --formats
bvh,glb
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.export.command import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
