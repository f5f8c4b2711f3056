"""The learned start of optimus-motion-plain's preconditioner: one scale a joint, by name, and a
curve over the window.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from motionrecon.errors import ModelError

GAIN = 10.0  # as in motionrecon.learned.optimus.rules
CURVE = 3


class Start(NamedTuple):
    """names of J joints; joints (J,), curve (CURVE,): logs of scales over GAIN."""

    names: tuple[str, ...]
    joints: np.ndarray
    curve: np.ndarray


def basis(frames: int) -> np.ndarray:
    """(frames, CURVE): log of the share of the window that is left, and a parabola; for any number
    of frames.
    """
    at = (np.arange(frames) + 0.5) / frames
    return np.stack([np.log1p(-at) + 1.0, at - 0.5, (at - 0.5) ** 2 - 1.0 / 12.0], axis=1)


def scale(start: Start, grid: tuple[int, tuple[str, ...]] | None, n: int) -> np.ndarray:
    """(n,) with mean square 1: what each unknown is multiplied with; ones where the problem has no
    grid.

    grid: frames and joint names of the problem's unknowns (frames * joints = n). A joint never seen
    counts 1.
    """
    if grid is None:
        return np.ones(n)
    frames, names = grid
    known = dict(zip(start.names, start.joints, strict=True))
    joints = np.array([known.get(name, 0.0) for name in names])
    log = GAIN * (basis(frames) @ start.curve)[:, None] + GAIN * joints[None, :]
    out = np.exp(np.clip(log, -5.0, 5.0)).ravel()
    return out / np.sqrt(np.mean(out**2))


def save(folder: Path, start: Start) -> None:
    """Writes start.safetensors and start.json into `folder`."""
    save_file(
        {"joints": np.asarray(start.joints), "curve": np.asarray(start.curve)},
        Path(folder) / "start.safetensors",
    )
    (Path(folder) / "start.json").write_text(
        json.dumps({"joints": list(start.names)}, indent=1) + "\n"
    )


def load(folder: Path) -> Start:
    """The start saved in `folder`. Raises ModelError for files that are missing, damaged or do not
    fit each other.
    """
    folder = Path(folder)
    try:
        arrays = load_file(folder / "start.safetensors")
        names = tuple(json.loads((folder / "start.json").read_text())["joints"])
        start = Start(names, arrays["joints"], arrays["curve"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: start.safetensors or start.json is missing or damaged ({error})"
        ) from error
    if start.joints.shape != (len(names),) or start.curve.shape != (CURVE,):
        raise ModelError(f"{folder}: start.safetensors does not fit start.json; train it again")
    if not (np.isfinite(start.joints).all() and np.isfinite(start.curve).all()):
        raise ModelError(
            f"{folder}: start.safetensors holds values that are not finite; train it again"
        )
    return start
