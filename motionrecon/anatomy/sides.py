"""Which side of the body a segment is on."""


def side_of(name: str) -> str:
    """Of a segment, from its name: "left", "right" or "middle"."""
    return {"l_": "left", "r_": "right"}.get(name[:2], "middle")
