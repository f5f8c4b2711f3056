"""A histogram as SVG text."""

from html import escape

import numpy as np

_WIDTH, _HEIGHT, _BINS = 260, 110, 24
_TOP, _BOTTOM = 8, 18


def histogram(values: list[float], title: str) -> str:
    """Figure of finite values: bars, median and the ends of the range; the largest hundredth is in
    the last bar.
    """
    v = np.asarray(values, float)
    low, high = float(v.min()), float(np.quantile(v, 0.99)) if len(v) > 20 else float(v.max())
    high = high if high > low else low + max(abs(low), 1.0) * 1e-3
    counts, edges = np.histogram(np.minimum(v, high), bins=_BINS, range=(low, high))
    across = (_WIDTH - 10) / _BINS
    tall = _HEIGHT - _TOP - _BOTTOM
    bars = []
    for i, n in enumerate(counts):
        if n:
            h = max(1.5, tall * n / counts.max())
            label = f"{edges[i]:.4g} to {edges[i + 1]:.4g}: {n}"
            bars.append(
                f'<rect class="bar" x="{5 + i * across:.1f}" y="{_HEIGHT - _BOTTOM - h:.1f}" '
                f'width="{across - 1:.1f}" height="{h:.1f}"><title>{label}</title></rect>'
            )
    median = float(np.median(v))
    x = 5 + (min(median, high) - low) / (high - low) * (_WIDTH - 10)
    more = "" if v.max() <= high else "&#8805; "
    ends = (
        f'<text x="5" y="{_HEIGHT - 4}">{low:.3g}</text>'
        f'<text x="{_WIDTH - 5}" y="{_HEIGHT - 4}" text-anchor="end">{more}{high:.3g}</text>'
        f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
    )
    numbers = f"median {median:.3g}, largest {v.max():.3g}, {len(v)} clips"
    caption = f"{escape(title)}<br><small>{numbers}</small>"
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    picture = f'<svg {box} role="img">{"".join(bars)}{ends}</svg>'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
