"""The lines between keypoints that make a stick figure."""

from collections.abc import Sequence

_CHAINS = (
    "pelvis spine spine2 chest neck head",
    "neck nose",
    "nose eye ear",
    "neck|chest collar shoulder elbow wrist hand",
    "pelvis hip knee ankle heel",
    "ankle|heel toe",
    "ankle|heel big_toe",
)


def edges(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of columns to join; a keypoint that a clip lacks is skipped along its limb."""
    at = {n: i for i, n in enumerate(names)}
    out = []
    for chain in _CHAINS:
        sides = ("",) if chain.startswith(("pelvis spine", "neck nose")) else ("l_", "r_")
        for side in sides:
            found = []
            for part in chain.split():
                options = [p for one in part.split("|") for p in (side + one, one)]
                found.append(next((at[p] for p in options if p in at), None))
            known = [i for i in found if i is not None]
            if found[0] is not None or len(known) > 1:
                out += list(zip(known, known[1:], strict=False))
    for pair in (("l_shoulder", "r_shoulder"), ("l_hip", "r_hip")):
        if all(p in at for p in pair):
            out.append((at[pair[0]], at[pair[1]]))
    if not any(n in at for n in ("pelvis", "neck", "chest", "spine")):
        out += [
            (at[f"{s}_shoulder"], at[f"{s}_hip"])
            for s in "lr"
            if f"{s}_shoulder" in at and f"{s}_hip" in at
        ]
    return sorted(set(out))
