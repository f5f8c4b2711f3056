"""Formulas become MathML while the site is built: no script, nothing from a network."""

import html
import re

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.S)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.S)


def on_page_content(content: str, **_: object) -> str:
    """MkDocs' hook: what pymdownx.arithmatex marked as LaTeX, converted."""
    content = _BLOCK.sub(lambda m: convert(html.unescape(m[1]).strip(), display="block"), content)
    return _INLINE.sub(lambda m: convert(html.unescape(m[1]).strip()), content)
