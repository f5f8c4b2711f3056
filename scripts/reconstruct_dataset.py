#!/usr/bin/env python3
"""A folder or glob of clips to physically real motions, resumable: motionrecon batch."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["batch", *sys.argv[1:]]))
