"""Saying that compilers run, before a wait that would look like a standstill."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from motionrecon import compiled
from motionrecon.cli.console import Console

KERNELS = "compiling, once a machine: about 15 s"
UNKEPT = (
    "compiled code cannot be kept here, so it is compiled at every run, about 15 s: "
    "NUMBA_CACHE_DIR names a folder for it"
)
# Networks inside a jitted step: XLA compiles it for every length of window, and keeps nothing.
NETWORKS = (
    "optimus-classical",
    "optimus-classical-factorised",
    "optimus-classical-paper",
    "adafactor-mlp-classical",
    "optimus-motion-plain",
    "adafactor-mlp-motion",
)


def announce(console: Console, optimizers: Iterable[str] = ()) -> None:
    """A note where the physics' kernels have no compiled code on this machine yet, or never will,
    and where one of the optimizers is compiled anew at every run. Raises OptimizerError for an
    unknown optimizer, before anything is said.
    """
    from motionrecon.optimizers import registered

    optimizers = [registered(name) for name in optimizers if name]
    cold = kernels_are_cold()
    if not compiled.kept():
        console.note(UNKEPT)
    elif cold:
        console.note(KERNELS)
    for name in optimizers:
        if name in NETWORKS:
            console.note(f"{name} is compiled at every run, a minute or more")


def kernels_are_cold() -> bool:
    """Whether numba must compile a module of the physics' kernels: it has written no index for this
    Python that is newer than the module's source.
    """
    import motionrecon.physics as physics

    modules = [m.name for m in iter_modules(physics.__path__) if m.name.startswith("kernels")]
    return any(_is_cold(f"{physics.__name__}.{name}") for name in modules)


def _is_cold(name: str) -> bool:
    from numba.core.dispatcher import Dispatcher

    module = import_module(name)
    source = Path(str(module.__file__))
    own = [
        f
        for f in vars(module).values()
        if isinstance(f, Dispatcher) and f.py_func.__module__ == name
    ]
    if not own or not (folder := own[0].stats.cache_path):
        return False
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    made = [p.stat().st_mtime for p in Path(folder).glob(f"{source.stem}.*.{python}*.nbi")]
    return not made or max(made) < source.stat().st_mtime
