"""Paths whose names libraries in C++ can be told: those that are UTF-8."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def plain_paths(names: Iterable[object]) -> Iterator[list[str]]:
    """The names as text; a link stands for a path whose bytes are not UTF-8, as long as the block
    lasts.
    """
    texts = list(map(str, names))
    odd = [i for i, text in enumerate(texts) if _has_bytes(text)]
    if not odd:
        yield texts
        return
    with tempfile.TemporaryDirectory() as folder:
        for i in odd:
            link = Path(folder) / f"{i}{Path(texts[i]).suffix}"
            link.symlink_to(os.path.abspath(texts[i]))
            texts[i] = str(link)
        yield texts


def _has_bytes(text: str) -> bool:
    """Python writes bytes of a name that are not UTF-8 as surrogates."""
    return any("\ud800" <= c <= "\udfff" for c in text)
