#!/usr/bin/env python3
"""One clip reconstructed by several optimizers, side by side: motionrecon compare."""

import sys

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["compare", *sys.argv[1:]]))
