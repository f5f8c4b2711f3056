"""Which of several subjects a file's labels belong to."""

import re

from motionrecon.errors import ClipError

_RIG_PREFIX = re.compile(
    r"^(mixamorig\d*|bip0*1|character\d*|armature|skeleton\d*)[\s_:.|]+(?=.)", re.IGNORECASE
)


def one_subject(source, names, subject, findings) -> tuple[tuple[str, ...], list[int]]:
    """(labels without prefixes, their columns) of one subject. Raises ClipError, a question, where
    there are several.

    Subjects are told by a prefix, SUBJECT:LABEL, or by a set of labels that stands twice.
    """
    split = [n.rpartition(":") for n in names]
    prefixes = list(dict.fromkeys(p for p, _, _ in split if p))
    labels = [_RIG_PREFIX.sub("", label.strip()) for _, _, label in split]
    keep = list(range(len(names)))
    bases = [label for p, _, label in split if p]
    if len(prefixes) > 1 and len(set(bases)) < len(bases):
        fits = [p for p in prefixes if subject is not None and p.lower() == subject.lower()]
        if (
            not fits
            and subject is not None
            and subject.isdigit()
            and 1 <= int(subject) <= len(prefixes)
        ):
            fits = [prefixes[int(subject) - 1]]
        if not fits:
            what = "which one?" if subject is None else f"none is '{subject}'."
            raise ClipError(
                f"{source}: {len(prefixes)} subjects: {what} Give --subject, one of: {', '.join(prefixes)}"
            )
        findings.append(f"subject {fits[0]} of {', '.join(prefixes)}")
        keep = [i for i, (p, _, _) in enumerate(split) if p in ("", fits[0])]
    elif subject is not None and subject.isdigit():
        which = int(subject)
        rank = {i: labels[: i + 1].count(labels[i]) for i in keep}
        total = {i: labels.count(labels[i]) for i in keep}
        keep = [i for i in keep if rank[i] == min(which, total[i])]
        findings.append(f"of labels that stand several times, number {which} was taken")
    elif subject is not None and subject.lower() not in (p.lower() for p in prefixes):
        one = f", {prefixes[0]}" if prefixes else ""
        raise ClipError(f"{source}: no subject '{subject}'; the file shows one person{one}")
    return tuple(labels[i] for i in keep), keep
