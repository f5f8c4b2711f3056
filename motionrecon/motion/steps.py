"""The simulated steps of a reconstruction: collected window after window, and what is kept of them
in the result.
"""

import threading
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from motionrecon.motion import schema
from motionrecon.motion.assemble import Piece
from motionrecon.motion.columns import Column, as_float32
from motionrecon.motion.motion import Motion

# How the arrays at every step are kept: as they are, in single precision, not at all.
Simulation = Literal["full", "float32", "none"]


class Steps:
    """The pieces so far, column by column. One thread adds, others may look."""

    def __init__(self) -> None:
        self._columns = {name: Column() for name in Piece._fields}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self._columns["ctrl"])

    def add(self, piece: Piece) -> None:
        """The next piece. Raises OutputError."""
        with self._lock:
            for name, rows in piece._asdict().items():
                self._columns[name].append(rows)

    def first(
        self, count: int, qpos: Float[np.ndarray, "nq"], qvel: Float[np.ndarray, "nv"]
    ) -> Piece:
        """So many of them, with the state that the last of these reached; more may be added."""
        with self._lock:
            rows = {name: column.array()[:count] for name, column in self._columns.items()}
        rows["qpos"] = np.concatenate([rows["qpos"], qpos[None]])
        rows["qvel"] = np.concatenate([rows["qvel"], qvel[None]])
        return Piece(**rows)

    def ended(self, qpos: Float[np.ndarray, "nq"], qvel: Float[np.ndarray, "nv"]) -> Piece:
        """All of them, with the state that the last one reached. Raises OutputError."""
        self._columns["qpos"].append(qpos[None])
        self._columns["qvel"].append(qvel[None])
        return Piece(**{name: column.array() for name, column in self._columns.items()})


def kept(motion: Motion, simulation: Simulation) -> Motion:
    """The motion with its arrays at every step as they are to be kept."""
    if simulation == "full":
        return motion
    changed: dict[str, Any] = {}
    for name in schema.of_steps(Motion):
        values = getattr(motion, name)
        single = simulation == "float32" and values is not None
        changed[name] = as_float32(values) if single else None
    return replace(motion, **changed)
