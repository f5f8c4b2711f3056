"""Which of several subjects a file's labels belong to."""

import re
from collections import Counter

from motionrecon.clip.reading import Reading

_RIG_PREFIX = re.compile(
    r"^(mixamorig\d*|bip0*1|character\d*|armature|skeleton\d*)[\s_:.|]+(?=.)", re.IGNORECASE
)

_SHOWN = 20  # subjects in a message


def bare(label: str) -> str:
    """A label without its subject's and its rig's prefix."""
    return _RIG_PREFIX.sub("", label.rpartition(":")[2].strip())


def one_subject(reading: Reading, names: tuple[str, ...]) -> tuple[Reading, tuple[str, ...]]:
    """(reading, labels without prefixes) of the columns of one subject. Raises ClipError, a
    question, where there are several.

    Subjects are told by a prefix, SUBJECT:LABEL, or by a set of labels that stands twice.
    """
    subject = reading.asked.subject
    split = [n.rpartition(":") for n in names]
    prefixes = list(dict.fromkeys(p for p, _, _ in split if p))
    labels = [bare(name) for name in names]
    keep = list(range(len(names)))
    bases = [label for p, _, label in split if p]
    if len(prefixes) > 1 and len(set(bases)) < len(bases):
        chosen = _chosen(reading, prefixes)
        reading = reading.found(f"subject {chosen} of {_some(prefixes)}")
        keep = [i for i, (p, _, _) in enumerate(split) if p in ("", chosen)]
    elif subject is not None and subject.isdecimal():
        which, total, seen = int(subject[:9]), Counter(labels), Counter[str]()
        keep = []
        for i, label in enumerate(labels):
            seen[label] += 1
            if seen[label] == min(which, total[label]):
                keep.append(i)
        reading = reading.found(f"of labels that stand several times, number {which} was taken")
    elif subject is not None and subject.lower() not in (p.lower() for p in prefixes):
        one = f", {prefixes[0]}" if prefixes else ""
        raise reading.error(f"no subject '{subject}'; the file shows one person{one}")
    reading = reading.replace(
        positions=reading.positions[:, keep], confidence=reading.confidence[:, keep]
    )
    return reading, tuple(labels[i] for i in keep)


def _chosen(reading: Reading, prefixes: list[str]) -> str:
    """The prefix of the subject asked for, by name or by number."""
    subject = reading.asked.subject
    if subject is not None:
        if fits := [p for p in prefixes if p.lower() == subject.lower()]:
            return fits[0]
        if subject.isdecimal() and 1 <= int(subject[:9]) <= len(prefixes):
            return prefixes[int(subject[:9]) - 1]
    what = "which one?" if subject is None else f"none is '{subject}'."
    raise reading.error(
        f"{len(prefixes)} subjects: {what} Give --subject, one of: {_some(prefixes)}"
    )


def _some(prefixes: list[str]) -> str:
    return ", ".join(prefixes[:_SHOWN]) + (", ..." if len(prefixes) > _SHOWN else "")
