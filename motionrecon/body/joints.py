"""The body's hinges: axes, ranges, strength and stiffness. Fixed for every subject.

All frames are aligned in the zero pose (standing, arms hanging; x forward, y left, z up). Hinges of
one body are applied in the order listed. Angles of the right side mirror those of the left.
Positive: bending forward, to the right and turning left for the trunk; flexion, abduction
(elevation), outward rotation for limbs; ankle dorsiflexion and eversion; toes up; wrist towards the
front. Ranges are generous (dancers, acrobats). Strengths follow isokinetic maxima of strong adults
(for example Anderson, Madigan and Nussbaum, J. Biomechanics 40, 2007, for the legs) and are
generous too: they bound, they do not model.
"""

from dataclasses import dataclass

import numpy as np

# strengths and stiffnesses scale with mass * stature
REFERENCE_MASS, REFERENCE_STATURE = 75.0, 1.75


@dataclass(frozen=True)
class Hinge:
    """axis: on the left side or midline; range: degrees; strength: N m, kp: N m/rad for the
    reference body.
    """

    name: str
    axis: tuple[float, float, float]
    range: tuple[float, float]
    strength: float
    kp: float


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
NY, NZ = (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)

# The shoulder's sequence is singular where the upper arm lies along its first axis. That axis
# points forward, inward and down, through the chest (its other end backward, outward and up), 50
# degrees or more from an arm that hangs, is raised, or is held forward or sideways. The second axis
# is perpendicular to it and to the hanging arm; the third is the arm itself. First and second angle
# of an arm held sideways: 68, 64; forward: 112, -16; up: 180, 48; back: -30, 34. Whole circles of
# the arm wind the first angle, hence its range.
_FIRST = np.array([0.65, -0.65, -0.40]) / np.linalg.norm([0.65, -0.65, -0.40])
_SECOND = np.cross(_FIRST, [0.0, 0.0, -1.0]) / np.linalg.norm(np.cross(_FIRST, [0.0, 0.0, -1.0]))

MIDLINE: dict[str, tuple[Hinge, ...]] = {
    "lumbar": (
        Hinge("lumbar_bend", Y, (-50, 80), 300, 400),
        Hinge("lumbar_side", X, (-45, 45), 250, 400),
        Hinge("lumbar_twist", Z, (-45, 45), 180, 300),
    ),
    "thorax": (
        Hinge("thorax_bend", Y, (-50, 60), 250, 350),
        Hinge("thorax_side", X, (-45, 45), 220, 350),
        Hinge("thorax_twist", Z, (-60, 60), 150, 250),
    ),
    "head": (
        Hinge("neck_bend", Y, (-80, 75), 60, 60),
        Hinge("neck_side", X, (-60, 60), 50, 60),
        Hinge("neck_twist", Z, (-95, 95), 30, 50),
    ),
}
SIDED: dict[str, tuple[Hinge, ...]] = {
    "clavicle": (
        Hinge("girdle_protraction", NZ, (-40, 45), 150, 250),
        Hinge("girdle_elevation", X, (-25, 50), 200, 300),
    ),
    "upper_arm": (
        Hinge("shoulder_first", tuple(_FIRST), (-400, 480), 150, 150),
        Hinge("shoulder_second", tuple(_SECOND), (-63, 110), 150, 150),
        Hinge("shoulder_twist", NZ, (-200, 200), 90, 100),
    ),
    "forearm": (Hinge("elbow", NY, (-10, 160), 110, 120),),
    "hand": (Hinge("wrist", NY, (-85, 95), 40, 50),),
    "thigh": (
        Hinge("hip_flexion", NY, (-60, 150), 300, 400),
        Hinge("hip_abduction", X, (-50, 95), 250, 400),
        Hinge("hip_rotation", Z, (-70, 90), 150, 200),
    ),
    "shank": (Hinge("knee", Y, (-10, 165), 300, 350),),
    "foot": (
        Hinge("ankle", NY, (-80, 60), 250, 400),
        Hinge("ankle_eversion", X, (-50, 50), 120, 200),
    ),
    "toes": (Hinge("toes", NY, (-50, 90), 60, 50),),
}
ARMATURE = 0.02  # kg m^2, on every hinge
DAMPING = 0.5  # N m s/rad for the reference body, on every hinge


def mirrored(axis: tuple[float, float, float]) -> tuple[float, float, float]:
    """The right side's axis for the same anatomical angle: a rotation axis is a pseudovector, so x
    and z turn round.
    """
    return -axis[0], axis[1], -axis[2]
