"""From a file's own names (joints of a rig, markers, a convention) to canonical keypoints."""

from dataclasses import dataclass

import numpy as np

from motionrecon.anatomy.skeletons import NEEDS, SKELETONS, canonical, find_skeleton
from motionrecon.errors import ClipError
from motionrecon.io import detect
from motionrecon.io.base import Raw
from motionrecon.io.centres import metres_per_unit, place
from motionrecon.io.mapping import Centre, Mapping, find_mapping, plain, shipped
from motionrecon.io.subjects import one_subject

_SAME = 1e-6  # of the extent: labels that stand twice on one trajectory are one
# a way to make a keypoint must be there in so large a share of the frames in which the best is
_SEEN_OFTEN = 0.5


@dataclass(frozen=True)
class Named:
    """names; positions (T, K, 3) and confidence (T, K) of the keypoints."""

    names: tuple[str, ...]
    positions: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Choice:
    """What the user says: skeleton, mapping (a name, a YAML file, or "none"), subject; metres a
    unit where known.
    """

    skeleton: str | None = None
    mapping: str | None = None
    subject: str | None = None
    metres: float | None = None


def name_keypoints(
    source, raw: Raw, positions, confidence, choice: Choice, findings, warnings
) -> Named:
    """Canonical keypoints. Raises ClipError where names are unknown, do not fit, or leave a
    question open.
    """
    if choice.skeleton is not None or raw.names is None:
        names = _convention(source, raw, choice, positions, findings, warnings)
        return _seen(tuple(names), positions, confidence, warnings)
    if len(raw.names) != positions.shape[1]:
        raise ClipError(
            f"{source}: {len(raw.names)} keypoint names for {positions.shape[1]} keypoints"
        )
    given = tuple(
        "".join(c if c.isprintable() else "?" for c in n) for n in raw.names
    )  # they end up in messages
    labels, keep = one_subject(source, given, choice.subject, findings)
    positions, confidence = positions[:, keep], confidence[:, keep]
    mapping = _choose_mapping(labels, choice.mapping, positions)
    if mapping is None:
        names = _canonical_names(source, labels, warnings)
        return _seen(tuple(names), positions, confidence, warnings)
    return _apply(source, mapping, labels, positions, confidence, choice, findings, warnings)


def _convention(source, raw, choice, positions, findings, warnings) -> list[str]:
    columns, wanted = positions.shape[1], choice.skeleton or raw.skeleton
    if wanted is not None:
        key = find_skeleton(wanted)
        if key is None:
            raise ClipError(
                f"{source}: unknown skeleton {wanted!r}; known are {', '.join(SKELETONS)}"
            )
        if len(SKELETONS[key]) != columns:
            raise ClipError(
                f"{source}: skeleton {key} has {len(SKELETONS[key])} keypoints, the clip has {columns}"
            )
        findings.append(f"skeleton {key} ({'given' if choice.skeleton else 'from the file'})")
        return list(SKELETONS[key])
    key = detect.detect_skeleton(positions)
    if key is None:
        raise ClipError(
            f"{source}: {columns} keypoints without names: add 'keypoint_names' or 'skeleton' to the file, or give "
            f"--skeleton (known: {', '.join(SKELETONS)})"
        )
    warnings.append(
        f"keypoints have no names: they were taken as {key}, which their bone lengths fit best"
    )
    findings.append(f"skeleton {key} (detected)")
    return list(SKELETONS[key])


def _seen(names, positions, confidence, warnings) -> Named:
    """Without unknown names and keypoints that are never seen."""
    seen = np.isfinite(positions).all(axis=-1).any(axis=0)
    if empty := [n for n, s in zip(names, seen, strict=True) if n and not s]:
        warnings.append(f"never seen, left out: {', '.join(empty)}")
    keep = [i for i, n in enumerate(names) if n and seen[i]]
    return Named(tuple(names[i] for i in keep), positions[:, keep], confidence[:, keep])


def _columns(labels: tuple[str, ...]) -> dict[str, list[int]]:
    """Plain label -> its columns; where it stands several times, LABEL#1, LABEL#2 ... too."""
    columns: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        columns.setdefault(plain(label).replace("#", ""), []).append(i)
    for label, at in list(columns.items()):
        if len(at) > 1:
            columns.update({f"{label}#{k}": [i] for k, i in enumerate(at, 1)})
    return columns


def _ways(mapping: Mapping, columns: dict[str, list[int]], seen: np.ndarray) -> dict[str, Centre]:
    """Keypoint -> the first of its ways whose labels are all there, in as many frames as the best
    of them, nearly.
    """
    out = {}
    for name, ways in mapping.keypoints.items():
        able = [w for w in ways if all(n in columns for n in w.labels)]
        share = [seen[:, [columns[n][0] for n in w.labels]].all(axis=1).mean() for w in able]
        out |= {
            name: w
            for w, s in list(zip(able, share, strict=True))[::-1]
            if s > 0 and s >= _SEEN_OFTEN * max(share)
        }
    return out


def _enough(names) -> bool:
    return all(any(set(names) >= set(option) for option in need) for need in NEEDS)


def _choose_mapping(
    labels: tuple[str, ...], given: str | None, positions: np.ndarray
) -> Mapping | None:
    """The mapping to use, None for canonical names: the one given; else, unless canonical names as
    written are enough, the shipped one that makes a body and uses most labels.
    """
    if given is not None:
        return None if given.lower() == "none" else find_mapping(given)
    if _enough(label for label in labels if canonical(label) == label):
        return None
    columns, seen = _columns(labels), np.isfinite(positions).all(axis=-1)
    best, best_score = None, (0, 0)
    for mapping in shipped():
        ways = _ways(mapping, columns, seen)
        score = (len(ways), len({n for w in ways.values() for n in w.labels}))
        if score > best_score and _enough(ways):
            best, best_score = mapping, score
    return best


def _apply(source, mapping, labels, positions, confidence, choice, findings, warnings) -> Named:
    columns, seen = _columns(labels), np.isfinite(positions).all(axis=-1)
    ways = _ways(mapping, columns, seen)
    if not ways:
        asked = ", ".join(sorted(mapping.labels)[:8])
        raise ClipError(
            f"{source}: mapping {mapping.name} finds none of its labels ({asked}, ...) among {', '.join(labels[:8])}, ..."
        )
    used = sorted({n for w in ways.values() for n in w.labels})
    _ask_for_doubles(source, used, columns, labels, positions)
    metres = choice.metres or metres_per_unit(positions)

    def at(label: str) -> np.ndarray:
        return positions[:, columns[label][0]]

    points = np.stack([place(w, at, metres) for w in ways.values()], axis=1)
    trust = np.stack(
        [confidence[:, [columns[n][0] for n in w.labels]].min(axis=1) for w in ways.values()],
        axis=1,
    )
    taken = {i for n in used for i in columns[n]}
    how = "given" if choice.mapping else "detected"
    findings.append(
        f"mapping {mapping.name} ({how}): {len(ways)} keypoints from {len(used)} of {len(labels)} labels"
    )
    if idle := [labels[i] for i in range(len(labels)) if i not in taken]:
        findings.append(
            f"labels not used: {', '.join(idle[:12])}{', ...' if len(idle) > 12 else ''}"
        )
    if absent := sorted(set(mapping.keypoints) - set(ways)):
        findings.append(
            f"keypoints that the mapping knows and this file's labels do not make: {', '.join(absent)}"
        )
    return _seen(tuple(ways), points, trust, warnings)


def _ask_for_doubles(source, used, columns, labels, positions) -> None:
    extent = np.nanmax(np.abs(positions)) if np.isfinite(positions).any() else 1.0
    double = []
    for label in used:
        first, *others = columns[label]
        pairs = [np.abs(positions[:, i] - positions[:, first]) for i in others]
        if any(np.isfinite(d).any() and np.nanmax(d) > _SAME * extent for d in pairs):
            double.append(labels[first])
    if double:
        raise ClipError(
            f"{source}: {len(double)} labels stand more than once on different trajectories ({', '.join(double[:6])}): "
            "which one? Give --subject 1 for the first of each, --subject 2 for the second, or name them LABEL#1, LABEL#2 "
            "in a --mapping file"
        )


def _canonical_names(source: str, given: tuple[str, ...], warnings: list[str]) -> list[str | None]:
    """Canonical names, None for those unknown. One that is canonical as written beats others that
    mean the same.
    """
    meant = [canonical(n) for n in given]
    unknown = [g for g, m in zip(given, meant, strict=True) if m is None]
    if len(unknown) == len(given):
        raise ClipError(
            f"{source}: no keypoint name is known ({', '.join(given[:6])}{', ...' if len(given) > 6 else ''}); "
            f"expected names such as l_hip, left_knee, RAnkle, neck, or give --skeleton or --mapping{closest(given)}"
        )
    if unknown:
        some = ", ".join(unknown[:12]) + (f", ... ({len(unknown)})" if len(unknown) > 12 else "")
        warnings.append(f"unknown keypoint names, left out: {some}")
    for name in {m for m in meant if m is not None and meant.count(m) > 1}:
        rivals = [i for i, m in enumerate(meant) if m == name]
        exact = [i for i in rivals if given[i] == name]
        if len(exact) > 1:
            raise ClipError(
                f"{source}: the keypoint name '{name}' stands {len(exact)} times; names must be unique "
                "(--subject 1 takes the first of each)"
            )
        best = exact[0] if exact else rivals[0]
        for i in rivals:
            if i != best:
                meant[i] = None
                warnings.append(f"'{given[i]}' means {name} as '{given[best]}' does; left out")
    return meant


def closest(labels: tuple[str, ...]) -> str:
    """In words: the shipped mapping that comes nearest, and what it lacks; empty where none is
    near.
    """
    columns = _columns(labels)
    near, shortest = "", 99
    for mapping in shipped():
        able = {
            k
            for k, ways in mapping.keypoints.items()
            if any(all(n in columns for n in w.labels) for w in ways)
        }
        lacking = [
            option for need in NEEDS for option in need[:1] if not any(set(o) <= able for o in need)
        ]
        names = [n for option in lacking for n in option if n not in able]
        if len(able) >= 4 and len(names) < shortest:
            near = f" (nearest shipped mapping: {mapping.name}, whose labels for {', '.join(names)} are absent)"
            shortest = len(names)
    return near
