#!/usr/bin/env python3
"""What a motion file holds and what looks wrong in it: python scripts/inspect_clip.py FILE;
`--help` lists the options.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.clip.inspection import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
