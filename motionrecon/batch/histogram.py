"""A histogram as SVG text."""

from html import escape

import numpy as np

_WIDTH, _HEIGHT, _BINS = 300, 120, 24
_TOP, _BOTTOM, _SIDE = 8, 18, 5


def histogram(values: list[float], label: str, unit: str, most: float | None = None) -> str:
    """Figure of finite values: bars, median, the ends of the range, and where `most` lies within it
    the limit; the largest hundredth is in the last bar.
    """
    v = np.asarray(values, float)
    low, high = float(v.min()), float(np.quantile(v, 0.99)) if len(v) > 20 else float(v.max())
    high = high if high > low else low + max(abs(low), 1.0) * 1e-3
    counts, edges = np.histogram(np.minimum(v, high), bins=_BINS, range=(low, high))
    across, tall = (_WIDTH - 2 * _SIDE) / _BINS, _HEIGHT - _TOP - _BOTTOM
    bars = []
    for i, n in enumerate(counts):
        if n:
            h = max(1.5, tall * n / counts.max())
            told = f"{edges[i]:.4g} to {edges[i + 1]:.4g} {escape(unit)}: {n}"
            bars.append(
                f'<rect class="bar" x="{_SIDE + i * across:.1f}" y="{_HEIGHT - _BOTTOM - h:.1f}" '
                f'width="{across - 1:.1f}" height="{h:.1f}"><title>{told}</title></rect>'
            )

    def line(kind: str, at: float) -> str:
        x = _SIDE + (min(at, high) - low) / (high - low) * (_WIDTH - 2 * _SIDE)
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"'
        return f'<line class="{kind}" {ends}/>'

    median = float(np.median(v))
    marks = line("median", median)
    numbers = f"median {median:.3g}, largest {v.max():.3g} {unit}; {len(v)} clips"
    if most is not None:
        over = int((v > most).sum())
        numbers += f"; over {most:g}: {over}"
        marks += line("limit", most) if low <= most <= high else ""
    more = "" if v.max() <= high else "&#8805; "
    scale = (
        f'<text x="{_SIDE}" y="{_HEIGHT - 4}">{low:.3g}</text>'
        f'<text x="{_WIDTH - _SIDE}" y="{_HEIGHT - 4}" text-anchor="end">{more}{high:.3g}</text>'
    )
    named = escape(f"Histogram of {label}: {numbers}", quote=True)
    picture = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{named}">'
        f"{''.join(bars)}{scale}{marks}</svg>"
    )
    caption = f"<b>{escape(label)}</b><br><small>{escape(numbers)}</small>"
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
