#!/usr/bin/env python3
"""The studies behind the documentation's figures: motionrecon benchmark."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["benchmark", *sys.argv[1:]]))
