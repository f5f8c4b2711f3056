#!/usr/bin/env python3
"""One clip reconstructed by several optimizers, side by side; `--help` lists the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.view.compare import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
