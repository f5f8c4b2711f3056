"""Text on pictures, in the typeface that matplotlib brings along."""

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def write(
    picture: np.ndarray,
    place: tuple[int, int],
    text: str,
    colour: str,
    size: int = 16,
    bold: bool = False,
    anchor: str = "la",
) -> int:
    """Write on picture (H, W, 3) uint8 RGB, in place, at x, y; returns the text's width in pixels.

    anchor: Pillow's, for example "la" left and top, "ra" right and top. Text that would run over
    the edge is shortened.
    """
    font, room = _font(size, bold), picture.shape[1] - 8 - (place[0] if anchor[0] == "l" else 0)
    while len(text) > 1 and font.getlength(text) > room:
        text = text[:-2].rstrip() + "…"
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(place, text, fill=colour, font=font, anchor=anchor)
    picture[:] = np.asarray(image)
    return int(font.getlength(text))
