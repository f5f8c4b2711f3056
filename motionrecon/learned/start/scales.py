"""The learned start of optimus-motion-plain's preconditioner: one scale a joint, by name, and a
curve over the window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from motionrecon.errors import ModelError
from motionrecon.learned import store
from motionrecon.learned.optimus.rules import GAIN
from motionrecon.optimizers.base import Grid

CURVE = 3
Rows = Array | np.ndarray  # JAX's or numpy's


class Start(NamedTuple):
    """names of J joints; joints (J,), curve (CURVE,): logs of scales over GAIN."""

    names: tuple[str, ...]
    joints: Rows
    curve: Rows


def basis(frames: int) -> Float[np.ndarray, "F 3"]:
    """Log of the share of the window that is left, a line and a parabola over it; for any number F
    of frames.
    """
    at = (np.arange(frames) + 0.5) / frames
    return np.stack([np.log1p(-at) + 1.0, at - 0.5, (at - 0.5) ** 2 - 1.0 / 12.0], axis=1)


def scale(start: Start, grid: Grid | None, n: int, xp: Any = np) -> Float[Rows, " n"]:
    """What each unknown is multiplied with, mean square 1; ones where the problem has no grid.

    grid: frames and joint names of the problem's unknowns (frames * joints = n). A joint never seen
    counts 1. xp: numpy, or jax.numpy where derivatives are wanted.
    """
    if grid is None:
        return xp.ones(n)
    frames, names = grid
    known = {name: start.joints[i] for i, name in enumerate(start.names)}
    joints = xp.stack([xp.asarray(known.get(name, 0.0)) for name in names])
    log = GAIN * (basis(frames) @ start.curve)[:, None] + GAIN * joints[None, :]
    out = xp.exp(xp.clip(log, -5.0, 5.0)).ravel()
    return out / xp.sqrt(xp.mean(out**2))


def save(folder: Path, start: Start) -> None:
    """Writes start.safetensors and start.json into `folder`."""
    arrays = {"joints": np.asarray(start.joints), "curve": np.asarray(start.curve)}
    store.write_arrays(Path(folder) / "start.safetensors", arrays)
    store.write_json(Path(folder) / "start.json", {"joints": list(start.names)})


def load(where: str | Path) -> Start:
    """The start saved beside weights: of a shipped name (str), or in a folder (Path). Raises
    ModelError for files that are missing, damaged or do not fit each other.
    """
    folder = store.locate(where) if isinstance(where, str) else where
    arrays = store.read_arrays(folder / "start.safetensors")
    names = store.read_json(folder / "start.json").get("joints")
    wanted = {"joints": (len(names),) if isinstance(names, list) else None, "curve": (CURVE,)}
    found = {name: a.shape for name, a in arrays.items()}
    if wanted != found:
        raise ModelError(
            f"{folder}: start.safetensors does not fit start.json: shapes {found}, expected "
            f"{wanted}; train it again"
        )
    return Start(tuple(map(str, names or ())), arrays["joints"], arrays["curve"])
