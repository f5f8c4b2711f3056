#!/usr/bin/env python3
"""What a motion file holds and what looks wrong in it: motionrecon inspect."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["inspect", *sys.argv[1:]]))
