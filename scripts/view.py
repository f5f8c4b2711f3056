#!/usr/bin/env python3
"""Page, video and figures of a reconstruction: motionrecon view."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["view", *sys.argv[1:]]))
