"""Keypoints by a mapping (motionrecon.io.mapping): which one fits a file's labels, and its
points.
"""

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.anatomy.skeletons import LEGS, NEEDS, canonical, meets
from motionrecon.clip.reading import Reading
from motionrecon.clip.subjects import bare
from motionrecon.io import detect
from motionrecon.io.centres import metres_per_unit, place
from motionrecon.io.mapping import Centre, Mapping, find_mapping, plain, shipped

_SAME = 1e-6  # of the extent: labels that stand twice on one trajectory are one
# a way to make a keypoint must be there in so large a share of the frames in which the best is
_SEEN_OFTEN = 0.5


def choose_mapping(
    labels: tuple[str, ...], given: str | None, positions: Float[np.ndarray, "T L 3"]
) -> Mapping | None:
    """The mapping to use, None for canonical names: the one given; else, unless canonical names as
    written are enough, the shipped one that makes a body and uses most labels.
    """
    if given is not None:
        return None if given.lower() == "none" else find_mapping(given)
    as_written = [label for label in labels if canonical(label) == label]
    columns, seen = _columns(labels), np.isfinite(positions).all(axis=-1)
    able = [(mapping, _ways(mapping, columns, seen)) for mapping in shipped()]
    # A whole body by any way comes before legs alone.
    for needs in (NEEDS, LEGS):
        if meets(as_written, needs):
            return None
        best, best_score = None, (0, 0)
        for mapping, ways in able:
            score = (len(ways), len({n for w in ways.values() for n in w.labels}))
            if score > best_score and meets(ways, needs):
                best, best_score = mapping, score
        if best is not None:
            return best
    return None


def apply_mapping(reading: Reading, mapping: Mapping, labels: tuple[str, ...]) -> Reading:
    """The keypoints that the mapping makes of positions (T, L, 3) with these L labels. Raises
    ClipError where it makes none, or where a label stands on two trajectories.
    """
    positions, confidence = reading.positions, reading.confidence
    columns, seen = _columns(labels), np.isfinite(positions).all(axis=-1)
    ways = _ways(mapping, columns, seen)
    if not ways:
        wanted = ", ".join(sorted(mapping.labels)[:8])
        raise reading.error(
            f"mapping {mapping.name} finds none of its labels ({wanted}, ...) "
            f"among {', '.join(labels[:8])}, ..."
        )
    used = sorted({n for w in ways.values() for n in w.labels})
    _ask_for_doubles(reading, used, columns, labels)
    units = reading.asked.units or reading.raw.units or ""
    metres = detect.metres_of(units) or metres_per_unit(positions)

    def at(label: str) -> Float[np.ndarray, "T 3"]:
        return positions[:, columns[label][0]]

    points = np.stack([place(w, at, metres) for w in ways.values()], axis=1)
    trust = np.stack(
        [confidence[:, [columns[n][0] for n in w.labels]].min(axis=1) for w in ways.values()],
        axis=1,
    )
    reading = reading.replace(positions=points, confidence=trust, names=tuple(ways))
    how = "given" if reading.asked.mapping else "detected"
    reading = reading.found(
        f"mapping {mapping.name} ({how}): {len(ways)} keypoints "
        f"from {len(used)} of {len(labels)} labels"
    )
    taken = {i for n in used for i in columns[n]}
    if idle := [label for i, label in enumerate(labels) if i not in taken]:
        more = ", ..." if len(idle) > 12 else ""
        reading = reading.found(f"labels not used: {', '.join(idle[:12])}{more}")
    if absent := sorted(set(mapping.keypoints) - set(ways)):
        reading = reading.found(
            "keypoints that the mapping knows and this file's labels do not make: "
            f"{', '.join(absent)}"
        )
    return reading


def closest(labels: tuple[str, ...]) -> str:
    """In words: the shipped mapping that comes nearest, and which labels or which keypoints it
    lacks; empty where none is near.
    """
    columns = _columns(tuple(map(bare, labels)))
    near, shortest = "", 99
    for mapping in shipped():
        able = {
            k
            for k, ways in mapping.keypoints.items()
            if any(all(n in columns for n in w.labels) for w in ways)
        }
        lacking = [
            option for need in LEGS for option in need[:1] if not any(set(o) <= able for o in need)
        ]
        names = [n for option in lacking for n in option if n not in able]
        if len(able) >= 4 and len(names) < shortest:
            near = f" (nearest shipped mapping: {mapping.name}{_lacks(mapping, names, columns)})"
            shortest = len(names)
    return near


def _lacks(mapping: Mapping, names: list[str], columns: dict[str, list[int]]) -> str:
    """What keeps the mapping from these keypoints: labels that are not there, by the last of the
    ways that lack fewest (markers come after model outputs), or that it knows no way.
    """
    unknown = [n for n in names if n not in mapping.keypoints]
    absent: list[str] = []
    for name in names:
        if name not in unknown:
            ways = [[n for n in w.labels if n not in columns] for w in mapping.keypoints[name]]
            fewest: list[str] = min(ways[::-1], key=len)
            absent += fewest
    if not names:
        return ", which finds all its labels but not often enough in one frame"
    of_labels = f"; absent labels: {', '.join(dict.fromkeys(absent))}" if absent else ""
    return of_labels + (f"; it does not make {', '.join(unknown)}" if unknown else "")


def _columns(labels: tuple[str, ...]) -> dict[str, list[int]]:
    """Plain label -> its columns; where it stands several times, LABEL#1, LABEL#2 ... too."""
    columns: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        columns.setdefault(plain(label).replace("#", ""), []).append(i)
    for label, at in list(columns.items()):
        if len(at) > 1:
            columns.update({f"{label}#{k}": [i] for k, i in enumerate(at, 1)})
    return columns


def _ways(
    mapping: Mapping, columns: dict[str, list[int]], seen: Bool[np.ndarray, "T L"]
) -> dict[str, Centre]:
    """Keypoint -> the first of its ways whose labels are all there, in as many frames as the best
    of them, nearly.
    """
    out: dict[str, Centre] = {}
    for name, ways in mapping.keypoints.items():
        able = [w for w in ways if all(n in columns for n in w.labels)]
        share = [seen[:, [columns[n][0] for n in w.labels]].all(axis=1).mean() for w in able]
        often = [
            w for w, s in zip(able, share, strict=True) if s > 0 and s >= _SEEN_OFTEN * max(share)
        ]
        if often:
            out[name] = often[0]
    return out


def _ask_for_doubles(
    reading: Reading, used: list[str], columns: dict[str, list[int]], labels: tuple[str, ...]
) -> None:
    positions = reading.positions
    extent = np.nanmax(np.abs(positions)) if np.isfinite(positions).any() else 1.0
    double = []
    for label in used:
        first, *others = columns[label]
        pairs = [np.abs(positions[:, i] - positions[:, first]) for i in others]
        if any(np.isfinite(d).any() and np.nanmax(d) > _SAME * extent for d in pairs):
            double.append(labels[first])
    if double:
        raise reading.error(
            f"{len(double)} labels stand more than once on different trajectories "
            f"({', '.join(double[:6])}): which one? Give --subject 1 for the first of each, "
            "--subject 2 for the second, or name them LABEL#1, LABEL#2 in a --mapping file"
        )
