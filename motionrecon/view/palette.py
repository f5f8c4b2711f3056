"""Colours, dashes and markers that tell takes apart; never by colour alone.

Colours after M. Okabe and K. Ito, "Color Universal Design" (2008), distinguishable with any colour
vision; green darkened, so that it stays apart from purple where neither is seen as a colour.
"""

TAKES = ("#0072b2", "#d55e00", "#007f5c", "#cc79a7", "#2f2f2f", "#56b4e9")
DASHES = ((), (5, 2), (1, 1.5), (6, 2, 1, 2), (3, 1.5), (8, 3))  # in line widths
MARKERS = ("o", "s", "^", "D", "x", "+")
INK, SOFT, PAPER, FLOOR, GRID = "#1b2430", "#566372", "#ffffff", "#e9ecf1", "#b9c2cd"
FORCE, MEASURED, BODY = "#e69f00", "#5b6774", "#b7c9dc"


def rgb(colour: str) -> tuple[float, float, float]:
    """#rrggbb as three numbers from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def tint(colour: str, white: float = 0.3) -> str:
    """#rrggbb, lightened: large bodies in the lines' full colours would hide their own shading."""
    return "#" + "".join(f"{round(255 * (c + white * (1 - c))):02x}" for c in rgb(colour))
