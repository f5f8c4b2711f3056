#!/usr/bin/env python3
"""Writes motionrecon/assets/opensim/adult.osim: the body of an adult of usual proportions, 1.75 m
and 75 kg, for who has no OpenSim model. `python scripts/make_osim.py PATH`
"""

import sys
from pathlib import Path

from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.body import Body, Proportions, assemble
from motionrecon.body.joints import REFERENCE_MASS, REFERENCE_STATURE
from motionrecon.export.osim import write_model

PAIRS = ("thigh", "shank", "upper_arm", "forearm")
NAMES = ("l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle", "neck")


def pair(length: float) -> tuple[float, float]:
    """Left and right alike."""
    return length, length


def adult(stature: float = REFERENCE_STATURE, mass: float = REFERENCE_MASS) -> Body:
    """Of usual proportions; m, kg."""
    single = {k: share * stature for k, share in STATURE.items() if k not in PAIRS}
    thigh, shank, upper_arm, forearm = (pair(STATURE[k] * stature) for k in PAIRS)
    proportions = Proportions(
        stature=stature,
        thigh=thigh,
        shank=shank,
        upper_arm=upper_arm,
        forearm=forearm,
        hip_width=single["hip_width"],
        shoulder_width=single["shoulder_width"],
        trunk=single["trunk"],
        neck=single["neck"],
        head=single["head"],
        hand=single["hand"],
        foot=single["foot"],
        ankle_height=single["ankle_height"],
    )
    return assemble(proportions, mass, NAMES)


if __name__ == "__main__":
    write_model(adult().model, Path(sys.argv[1]))
