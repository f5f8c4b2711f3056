"""The step from a file's own names (joints of a rig, markers, a convention) to canonical ones."""

import numpy as np

from motionrecon.anatomy.skeletons import (
    LEGS,
    NEEDS,
    SKELETONS,
    canonical,
    find_skeleton,
    meets,
    shows_trunk,
    wrong_skeleton,
)
from motionrecon.clip.mapped import apply_mapping, choose_mapping, closest
from motionrecon.clip.reading import Reading
from motionrecon.clip.subjects import one_subject
from motionrecon.io import detect

_LONGEST_LABEL = 500  # characters
_LEAST_SEEN = 3  # frames in which a keypoint that a body needs must be seen


def name(reading: Reading) -> Reading:
    """Canonical keypoints, those that are never seen left out. Raises ClipError where names are
    unknown, do not fit, leave a question open, or do not determine a body.
    """
    labels = reading.raw.names
    if reading.asked.skeleton is not None or labels is None:
        return _needed(_seen(*_by_convention(reading)))
    if len(labels) != reading.positions.shape[1]:
        raise reading.error(
            f"{len(labels)} keypoint names for {reading.positions.shape[1]} keypoints"
        )
    if (longest := max(map(len, labels), default=0)) > _LONGEST_LABEL:
        raise reading.error(f"a keypoint name has {longest} characters: the file is damaged")
    # they end up in messages
    printable = tuple("".join(c if c.isprintable() else "?" for c in n) for n in labels)
    reading, labels = one_subject(reading, printable)
    mapping = choose_mapping(labels, reading.asked.mapping, reading.positions)
    if mapping is not None:
        reading = apply_mapping(reading, mapping, labels)
        return _needed(_seen(reading, reading.names))
    return _needed(_seen(*_by_canonical_names(reading, labels)))


def _by_convention(reading: Reading) -> tuple[Reading, tuple[str | None, ...]]:
    """Names by the order of the columns: of the skeleton that is given, stated or detected."""
    columns, asked = reading.positions.shape[1], reading.asked.skeleton
    wanted = asked or reading.raw.skeleton
    if wanted is not None:
        key = find_skeleton(wanted)
        if key is None:
            raise reading.error(str(wrong_skeleton(wanted)))
        if len(SKELETONS[key]) != columns:
            raise reading.error(
                f"skeleton {key} has {len(SKELETONS[key])} keypoints, the clip has {columns}"
            )
        how = "given" if asked else "from the file"
        return reading.found(f"skeleton {key} ({how})"), SKELETONS[key]
    key = detect.detect_skeleton(reading.positions)
    if key is None:
        raise reading.error(
            f"{columns} keypoints without names: add 'keypoint_names' or 'skeleton' to the file, "
            f"or give --skeleton (known: {', '.join(SKELETONS)})"
        )
    reading = reading.warned(
        f"keypoints have no names: they were taken as {key}, which their bone lengths fit best"
    )
    return reading.found(f"skeleton {key} (detected)"), SKELETONS[key]


def _by_canonical_names(
    reading: Reading, given: tuple[str, ...]
) -> tuple[Reading, tuple[str | None, ...]]:
    """Canonical names, None for those unknown. One that is canonical as written beats others that
    mean the same.
    """
    meant = [canonical(n) for n in given]
    unknown = [g for g, m in zip(given, meant, strict=True) if m is None]
    if len(unknown) == len(given):
        raise reading.error(
            "no keypoint name is known "
            f"({', '.join(given[:6])}{', ...' if len(given) > 6 else ''}); "
            "expected names such as l_hip, left_knee, RAnkle, neck, or give --skeleton or --mapping"
            f"{closest(given)}"
        )
    if unknown:
        some = ", ".join(unknown[:12]) + (f", ... ({len(unknown)})" if len(unknown) > 12 else "")
        reading = reading.warned(f"unknown keypoint names, left out: {some}")
    columns: dict[str, list[int]] = {}
    for i, meaning in enumerate(meant):
        if meaning is not None:
            columns.setdefault(meaning, []).append(i)
    for doubled, rivals in columns.items():
        if len(rivals) == 1:
            continue
        exact = [i for i in rivals if given[i] == doubled]
        if len(exact) > 1:
            raise reading.error(
                f"the keypoint name '{doubled}' stands {len(exact)} times; names must be unique "
                "(--subject 1 takes the first of each)"
            )
        best = exact[0] if exact else rivals[0]
        for i in rivals:
            if i != best:
                meant[i] = None
                reading = reading.warned(
                    f"'{given[i]}' means {doubled} as '{given[best]}' does; left out"
                )
    return reading, tuple(meant)


def _seen(reading: Reading, names: tuple[str | None, ...]) -> Reading:
    """Without unknown names and keypoints that are never seen."""
    seen = np.isfinite(reading.positions).all(axis=-1).any(axis=0)
    if empty := [n for n, s in zip(names, seen, strict=True) if n and not s]:
        reading = reading.warned(f"never seen, left out: {', '.join(empty)}")
    keep = {i: n for i, n in enumerate(names) if n and seen[i]}
    return reading.replace(
        names=tuple(keep.values()),
        positions=reading.positions[:, list(keep)],
        confidence=reading.confidence[:, list(keep)],
    )


def _needed(reading: Reading) -> Reading:
    """The reading itself. Raises ClipError unless its keypoints determine a body."""
    names, has = reading.names, set(reading.names)
    # One shoulder is a side that is missing, not an upper body that is.
    alone = len(has & {"l_shoulder", "r_shoulder"}) != 1
    needs = LEGS if alone else NEEDS
    missing = [
        " or ".join("+".join(n for n in option if n not in has) for option in need)
        for need in needs
        if not any(has >= set(option) for option in need)
    ]
    if missing:
        labels = reading.raw.names if reading.asked.mapping is None else None
        raise reading.error(
            f"too few joints to determine a body: missing {'; '.join(missing)}; "
            f"the clip has {', '.join(names)}{closest(labels) if labels else ''}"
        )
    needed = {n for need in NEEDS for option in need for n in option if n in has}
    often = np.isfinite(reading.positions[..., 0]).sum(axis=0) >= _LEAST_SEEN
    rare = {n for n in sorted(needed) if not often[names.index(n)]}
    if not meets(has - rare, NEEDS if meets(has, NEEDS) else needs):
        raise reading.error(
            f"seen in fewer than {_LEAST_SEEN} frames: {', '.join(sorted(rare))}; "
            "that does not determine a body"
        )
    if shows_trunk(names):
        return reading
    return reading.found(
        "no keypoint shows the trunk: head, arms and trunk are one upright piece on the pelvis, "
        "whose posture is presumed"
    )
