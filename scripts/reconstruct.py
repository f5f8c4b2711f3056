#!/usr/bin/env python3
"""3D keypoints of a person to physically real motion: motionrecon reconstruct."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["reconstruct", *sys.argv[1:]]))
