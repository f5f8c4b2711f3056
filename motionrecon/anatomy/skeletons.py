"""Named keypoint conventions, and the canonical name of a keypoint whatever a tool calls it.

Canonical names are lower case with 'l_' for left and 'r_' for right: pelvis, spine, chest, neck,
head, nose, mouth; and l_/r_ eye, ear, collar, shoulder, elbow, wrist, hand, hip, knee, ankle, heel,
toe, big_toe, small_toe. Where a convention's point has no such name (inner corner of an eye) it
keeps its own and takes no part; a column without a name has none.
"""

import re
from collections.abc import Iterable


def _sides(parts: str, first: str = "lr") -> list[str]:
    """'hip knee' -> l_hip, r_hip, l_knee, r_knee: both sides of each part in turn."""
    return [f"{side}_{part}" for part in parts.split() for side in first]


def _limb(side: str, parts: str) -> list[str]:
    return [f"{side}_{part}" for part in parts.split()]


def _unused(count: int) -> list[str]:
    """Columns that take no part: fingers, the face."""
    return [""] * count


_FACE = ["nose", *_sides("eye ear")]
_COCO = [*_FACE, *_sides("shoulder elbow wrist hip knee ankle")]
_FEET = [*_limb("l", "big_toe small_toe heel"), *_limb("r", "big_toe small_toe heel")]
_SMPL = [
    "pelvis",
    *_sides("hip"),
    "spine",
    *_sides("knee"),
    "spine2",
    *_sides("ankle"),
    "chest",
    *_sides("toe"),
    "neck",
    *_sides("collar"),
    "head",
    *_sides("shoulder elbow wrist"),
]
_EYES = [f"{side}_eye{part}" for side in "lr" for part in ("_inner", "", "_outer")]

SKELETONS: dict[str, tuple[str, ...]] = {
    "coco17": tuple(_COCO),
    "halpe26": (*_COCO, "head", "neck", "pelvis", *_sides("big_toe small_toe heel")),
    "body25": (
        "nose",
        "neck",
        *_limb("r", "shoulder elbow wrist"),
        *_limb("l", "shoulder elbow wrist"),
        "pelvis",
        *_limb("r", "hip knee ankle"),
        *_limb("l", "hip knee ankle"),
        "r_eye",
        "l_eye",
        "r_ear",
        "l_ear",
        *_limb("l", "big_toe small_toe heel"),
        *_limb("r", "big_toe small_toe heel"),
    ),
    # The thorax of Human3.6M lies between the shoulders, where others put the neck; its "neck/nose"
    # is in the face.
    "h36m17": (
        "pelvis",
        *_limb("r", "hip knee ankle"),
        *_limb("l", "hip knee ankle"),
        "spine",
        "neck",
        "nose",
        "head",
        *_limb("l", "shoulder elbow wrist"),
        *_limb("r", "shoulder elbow wrist"),
    ),
    # The joints of the smplx package's models: the body's 22 (HumanML3D's too), which SMPL ends
    # with hands; SMPL-H and SMPL-X with fingers; and SMPL's with the vertices that it adds.
    "smpl22": tuple(_SMPL),
    "smpl24": (*_SMPL, *_sides("hand")),
    "smplh52": (*_SMPL, *_unused(30)),
    "smplx55": (*_SMPL, *_unused(33)),
    "smpl45": (
        *_SMPL,
        *_sides("hand"),
        "nose",
        *_sides("eye ear", "rl"),
        *_FEET,
        *_unused(10),
    ),
    # COCO-WholeBody: body, feet, face, hands (Jin et al., ECCV 2020).
    "wholebody133": (*_COCO, *_FEET, *_unused(68 + 2 * 21)),
    # SAM 3D Body's keypoints of the Momentum Human Rig: the wrists follow each hand's fingers.
    "mhr70": (
        *_FACE,
        *_sides("shoulder elbow hip knee ankle"),
        *_FEET,
        *_unused(20),
        "r_wrist",
        *_unused(20),
        "l_wrist",
        *_unused(6),
        "neck",
    ),
    "mediapipe33": (
        "nose",
        *_EYES,
        *_sides("ear mouth shoulder elbow wrist pinky index thumb hip knee ankle heel toe"),
    ),
    "panoptic19": (
        "neck",
        "nose",
        "pelvis",
        *_limb("l", "shoulder elbow wrist hip knee ankle"),
        *_limb("r", "shoulder elbow wrist hip knee ankle"),
        "l_eye",
        "l_ear",
        "r_eye",
        "r_ear",
    ),
}

# What determines a body's legs: each line is one need, met by any of its alternatives (all the
# names of one).
LEGS = (
    (("l_hip", "r_hip"),),
    (("l_knee", "r_knee"),),
    (("l_ankle", "r_ankle"), ("l_heel", "r_heel"), ("l_toe", "r_toe")),
)
# The same with the trunk: without it its posture is presumed.
NEEDS = (*LEGS, (("l_shoulder", "r_shoulder"), ("neck",), ("chest",)))
_TRUNK = {"l_shoulder", "r_shoulder", "neck", "chest", "head", "nose", "l_ear", "r_ear"}


def shows_trunk(names: Iterable[str]) -> bool:
    """Whether any of the keypoints tells how the trunk leans."""
    return not _TRUNK.isdisjoint(names)


def meets(names: Iterable[str], needs: tuple[tuple[tuple[str, ...], ...], ...]) -> bool:
    """Whether names have what LEGS, or NEEDS, asks for."""
    has = set(names)
    return all(any(has >= set(option) for option in need) for need in needs)


_MIDDLE = {
    "pelvis": "pelvis root hips hip midhip midhips hipcenter hipcentre centerhip hipmid "
    "pelviscenter",
    "spine": "spine spine1 lowerspine abdomen belly",
    "spine2": "spine2 midspine",
    "chest": "chest spine3 upperspine",
    "neck": "neck neckbase thorax midshoulder",
    "head": "head headtop tophead htop vertex",
    "nose": "nose",
    "mouth": "mouth",
}
_SIDED = {
    "eye": "eye",
    "ear": "ear",
    "mouth": "mouth",
    "eye_inner": "eyeinner",
    "eye_outer": "eyeouter",
    "collar": "collar clavicle",
    "shoulder": "shoulder sho",
    "elbow": "elbow elb",
    "wrist": "wrist wri",
    "hand": "hand palm",
    "pinky": "pinky",
    "index": "index",
    "thumb": "thumb",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle ank",
    "heel": "heel calcaneus",
    "toe": "toe toes toebase footindex foot forefoot",
    "big_toe": "bigtoe hallux toebig",
    "small_toe": "smalltoe littletoe toesmall",
}
_PART = {alias: part for part, aliases in _MIDDLE.items() for alias in aliases.split()}
_SIDED_PART = {alias: part for part, aliases in _SIDED.items() for alias in aliases.split()}
_SIDE = {"l": "l", "left": "l", "r": "r", "right": "r"}


def canonical(name: str) -> str | None:
    """The canonical name, or None for one that is not known.

    left_hip, LeftHip, LHip, lhip, hip_l, Hip.L and "left hip" are all l_hip.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=^[LR])(?=[A-Z][a-z])", "_", str(name).strip())
    words = [
        w
        for w in re.split(r"[^a-z0-9]+", spaced.lower())
        if w not in ("", "joint", "center", "centre", "jnt")
    ]
    sides = [_SIDE[w] for w in words if w in _SIDE]
    part = "".join(w for w in words if w not in _SIDE)
    if len(sides) > 1:
        return None
    if sides:
        return f"{sides[0]}_{_SIDED_PART[part]}" if part in _SIDED_PART else None
    if part in _PART:
        return _PART[part]
    for start, side in (("left", "l"), ("right", "r"), ("l", "l"), ("r", "r")):
        if part.startswith(start) and part[len(start) :] in _SIDED_PART:
            return f"{side}_{_SIDED_PART[part[len(start) :]]}"
    return None


def find_skeleton(name: str) -> str | None:
    """The key of SKELETONS meant by COCO-17, coco, Human3.6M, BODY_25, smpl ...; None where there
    is none.
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower()).replace("human36m", "h36m")
    plain = {
        "openpose": "body25",
        "openpose25": "body25",
        "h36m": "h36m17",
        "blazepose": "mediapipe33",
        "smpl": "smpl24",
        "humanml3d": "smpl22",
        "cocowholebody": "wholebody133",
        "cocowholebody133": "wholebody133",
        "sam3dbody": "mhr70",
    }.get(plain, plain)
    fits = [key for key in SKELETONS if plain in (key, re.sub(r"\d+$", "", key))]
    return fits[0] if len(fits) == 1 else None


def wrong_skeleton(name: str) -> str | None:
    """What to say of a skeleton's name that is none."""
    known = ", ".join(SKELETONS)
    return None if find_skeleton(name) else f"unknown skeleton {name!r}; known are {known}"
