"""OpenSim's names for our segments and hinges: those of its Rajagopal model where it has them."""

import re

_BODIES = {
    "thorax": "torso",
    "upper_arm": "humerus",
    "forearm": "ulna",
    "thigh": "femur",
    "shank": "tibia",
    "foot": "calcn",
}
# Theirs, and -1 where they count the other way: adduction, inward rotation, inversion, extension
# of the trunk.
_HINGES = {
    "hip_flexion": ("hip_flexion", 1),
    "hip_abduction": ("hip_adduction", -1),
    "hip_rotation": ("hip_rotation", -1),
    "knee": ("knee_angle", 1),
    "ankle": ("ankle_angle", 1),
    "ankle_eversion": ("subtalar_angle", -1),
    "toes": ("mtp_angle", 1),
    "elbow": ("elbow_flex", 1),
    "wrist": ("wrist_flex", 1),
    "lumbar_bend": ("lumbar_extension", -1),
    "lumbar_side": ("lumbar_bending", 1),
    "lumbar_twist": ("lumbar_rotation", 1),
    "thorax_bend": ("thorax_extension", -1),
    "thorax_side": ("thorax_bending", 1),
    "thorax_twist": ("thorax_rotation", 1),
    "neck_bend": ("neck_extension", -1),
    "neck_side": ("neck_bending", 1),
    "neck_twist": ("neck_rotation", 1),
}


def _split(name: str) -> tuple[str, str]:
    """(the name without its side, "_l", "_r" or nothing)."""
    found = re.fullmatch(r"([lr])_(.*)", name)
    return (found[2], f"_{found[1]}") if found else (name, "")


def body(name: str) -> str:
    """Of one of our segments."""
    part, side = _split(name)
    return _BODIES.get(part, part) + side


def hinge(name: str) -> tuple[str, int]:
    """(coordinate, sign of ours in it) of one of our hinges."""
    part, side = _split(name)
    theirs, sign = _HINGES.get(part, (part, 1))
    return theirs + side, sign
