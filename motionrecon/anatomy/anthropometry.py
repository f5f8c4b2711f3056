"""Published body proportions and segment inertias.

Segment inertias: P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters",
J. Biomechanics 29(9), 1996, tables 4: mass in percent of body mass, centre of mass in percent of
the segment's length from its proximal end, radii of gyration in percent of that length about the
sagittal (x, forward), transverse (y, to the left) and longitudinal axes. The subject's sex is not
known, so the values for men and women are averaged. Lengths: R. Drillis, R. Contini, "Body segment
parameters", 1966 (as in Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1), in
fractions of stature; trunk levels from de Leva's segment lengths.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentInertia:
    """mass: fraction of body mass; com: fraction of length from the proximal end; gyration: (x, y,
    long) fractions.
    """

    mass: float
    com: float
    gyration: tuple[float, float, float]


def _mean(male: tuple[float, ...], female: tuple[float, ...]) -> SegmentInertia:
    """The average of two rows in percent; radii of gyration are averaged as squares, since inertia
    adds so.
    """
    mass, com = ((m + f) / 200 for m, f in zip(male[:2], female[:2], strict=True))
    rog = tuple(
        ((m * m + f * f) / 2) ** 0.5 / 100 for m, f in zip(male[2:], female[2:], strict=True)
    )
    return SegmentInertia(mass, com, rog)


SEGMENTS: dict[str, SegmentInertia] = {
    # head: vertex to mid-gonion; upper trunk: suprasternale to xiphion; middle: to omphalion;
    # lower: to mid-hip
    "head": _mean((6.94, 59.76, 36.2, 37.6, 31.2), (6.68, 58.94, 33.0, 35.9, 31.8)),
    "upper_trunk": _mean((15.96, 29.99, 71.6, 45.4, 65.9), (15.45, 20.77, 74.6, 50.2, 71.8)),
    "middle_trunk": _mean((16.33, 45.02, 48.2, 38.3, 46.8), (14.65, 45.12, 43.3, 35.4, 41.5)),
    "lower_trunk": _mean((11.17, 61.15, 61.5, 55.1, 58.7), (12.47, 49.20, 43.3, 40.2, 44.4)),
    "upper_arm": _mean((2.71, 57.72, 28.5, 26.9, 15.8), (2.55, 57.54, 27.8, 26.0, 14.8)),
    "forearm": _mean((1.62, 45.74, 27.6, 26.5, 12.1), (1.38, 45.59, 26.1, 25.7, 9.4)),
    "hand": _mean((0.61, 79.00, 62.8, 51.3, 40.1), (0.56, 74.74, 53.1, 45.4, 33.5)),
    "thigh": _mean((14.16, 40.95, 32.9, 32.9, 14.9), (14.78, 36.12, 36.9, 36.4, 16.2)),
    "shank": _mean((4.33, 44.59, 25.5, 24.9, 10.3), (4.81, 44.16, 27.1, 26.7, 9.3)),
    "foot": _mean((1.37, 44.15, 25.7, 24.5, 12.4), (1.29, 40.14, 29.9, 27.9, 13.9)),
}
TWICE = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")

# Levels of the trunk as fractions of mid-hip to suprasternale (which lies at the height of the
# shoulder joints), de Leva table 4, men and women averaged: (145.7 / 531.9 + 181.5 / 529.3) / 2 and
# so on.
OMPHALION, XIPHION = 0.308, 0.705
# The model's two spinal joints, at about L4/L5 and T12/L1 on the same scale.
LUMBAR_JOINT, THORAX_JOINT = 0.25, 0.62

# Share of the foot's mass beyond the metatarsal heads (toes of the OpenSim gait models, Delp et al.
# 1990).
TOES_SHARE = 0.14
# Share of the upper trunk's mass that moves with each shoulder girdle (scapula, clavicle and their
# muscles).
GIRDLE_SHARE = 0.08

# Lengths as fractions of stature (Drillis and Contini). Hip and shoulder widths are those between
# joint centres; neck: shoulder line to C7; head: C7 to vertex.
STATURE = {
    "thigh": 0.245,
    "shank": 0.246,
    "ankle_height": 0.039,
    "foot": 0.152,
    "hip_width": 0.110,
    "trunk": 0.288,
    "shoulder_width": 0.230,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "hand": 0.108,
    "neck": 0.030,
    "head": 0.152,
}
VERTEX_TO_GONION = 0.116  # fraction of stature, de Leva's length of the head segment
# fraction of stature, wrist to third metacarpal head, de Leva's length of the hand
HAND_TO_KNUCKLE = 0.048
HEEL_BEHIND_ANKLE = 0.25  # fraction of the foot's length
BALL_AHEAD_OF_HEEL = 0.72  # metatarsal heads, fraction of the foot's length
BODY_MASS_INDEX = 22.5  # kg/m^2, where the mass is not given
