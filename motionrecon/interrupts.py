"""Ctrl-C where it must not fall, and as what it comes out of compiled code."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Around what is done whole or not at all: a Ctrl-C inside takes effect at the block's end."""
    before = signal.getsignal(signal.SIGINT)
    # Python raises KeyboardInterrupt in the main thread alone; None is a handler of other make.
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    came: list[tuple] = []
    signal.signal(signal.SIGINT, lambda *event: came.append(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(*came[0])


@contextmanager
def says(what: str) -> Iterator[None]:
    """A Ctrl-C inside is a KeyboardInterrupt with these words, which the command line prints."""
    try:
        yield
    except BaseException as error:
        if not is_interrupt(error):
            raise
        raise KeyboardInterrupt(what) from error


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is a Ctrl-C, or what compiled code made of one: numba's dispatchers turn it
    into a SystemError, an extension that is being imported into an ImportError.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen is not None
