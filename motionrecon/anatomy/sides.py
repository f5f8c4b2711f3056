"""Which side of the body a segment is on."""


def side_of(name: str) -> str:
    """Of a segment, or of a robot's link, from its name: "left", "right" or "middle"."""
    if (side := {"l_": "left", "r_": "right"}.get(name[:2])) is not None:
        return side
    return next((side for side in ("left", "right") if side in name.lower()), "middle")
