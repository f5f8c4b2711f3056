"""The command line of scripts/export.py: a saved motion in, files of other tools out."""

import argparse
import sys
from pathlib import Path

from motionrecon.errors import MotionReconError
from motionrecon.export.registry import FORMATS, missing, resolve
from motionrecon.export.write import write
from motionrecon.motion.motion import Motion


def left_out(formats: str) -> list[str]:
    """Lines about the formats that "all" goes without, because their packages are not installed."""
    asked = [f.strip().lower() for f in formats.split(",")]
    return [f"{f} left out: {remedy}" for f in FORMATS if "all" in asked and (remedy := missing(f))]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 2 after one line on standard error about what the user can mend."""
    p = argparse.ArgumentParser(description="A saved motion in the files of other tools.")
    p.add_argument("motion", type=Path, help="a motion.npz, or the folder it is in")
    p.add_argument(
        "--formats", default="all", help=f"with commas: {', '.join(FORMATS)}, all (default all)"
    )
    p.add_argument("--out", type=Path, help="folder of the files (default: beside the motion)")
    a = p.parse_args(arguments)
    try:
        names = resolve(a.formats)
        beside = a.motion if a.motion.is_dir() else a.motion.parent
        paths = write(Motion.load(a.motion), a.out or beside, names)
    except MotionReconError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    for line in left_out(a.formats):
        print(line)
    print("results:", *paths)
    return 0
