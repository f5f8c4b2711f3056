#!/usr/bin/env python3
"""A saved motion in the files of other tools: motionrecon export."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["export", *sys.argv[1:]]))
