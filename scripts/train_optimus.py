#!/usr/bin/env python3
"""Meta-trains a learned optimizer: motionrecon train."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["train", *sys.argv[1:]]))
