#!/usr/bin/env python3
"""3D keypoints of a person to physically real motion; `--help` lists the options."""

from motionrecon.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
