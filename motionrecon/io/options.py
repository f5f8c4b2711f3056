"""The command-line options that settle what a file does not say, the same for every command that
reads a clip.
"""

import argparse

from motionrecon.anatomy.skeletons import SKELETONS
from motionrecon.io.detect import ALL_UNITS, UP_AXES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the reading options in a group of their own."""
    g = parser.add_argument_group(
        "reading the file", "each overrides what the file says or what is detected"
    )
    g.add_argument(
        "--skeleton",
        metavar="NAME",
        help=f"what the columns are, by their order: {', '.join(SKELETONS)}",
    )
    g.add_argument(
        "--mapping",
        metavar="NAME|FILE",
        help="keypoints from joints or markers: a shipped one, a YAML file, none",
    )
    g.add_argument(
        "--units", metavar="UNIT", help=f"{', '.join(ALL_UNITS)}, or the metres in a unit"
    )
    g.add_argument(
        "--up", metavar="AXIS", help=f"the file's up axis: {', '.join(UP_AXES)} (write --up=-y)"
    )
    g.add_argument("--fps", type=float, metavar="HZ", help="frames a second")
    g.add_argument(
        "--subject",
        metavar="NAME|N",
        help="which of several subjects; the first or second of doubled labels",
    )
    g.add_argument(
        "--person", type=int, metavar="N", help="which of several persons, by number or track"
    )
    g.add_argument(
        "--model",
        metavar="FILE",
        help="a motion's skeleton: .asf for .amc, MuJoCo .xml for keyframes alone",
    )
    g.add_argument(
        "--allow-pickle",
        action="store_true",
        help="read pickled arrays (VideoPose3D), plain data only",
    )


def reading(a: argparse.Namespace) -> dict:
    """The keywords of motionrecon.load_clip that the user gave."""
    keys = (
        "skeleton",
        "mapping",
        "units",
        "up",
        "fps",
        "subject",
        "person",
        "model",
        "allow_pickle",
    )
    return {k: getattr(a, k) for k in keys}
