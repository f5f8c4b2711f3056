"""Groups of the cache on disk: npz files of plain arrays, read without unpickling.

A cache belongs to an objective. That is checked by what it is about: the loss of a stored solution,
computed again, must be the stored loss.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from motionrecon import archive
from motionrecon.atomic import write_atomically
from motionrecon.engine import mujoco
from motionrecon.errors import ModelError
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.objective.points import Points
from motionrecon.physics.rollout import Simulator
from motionrecon.windows import Handover, Options, Reference

FORMAT = 1  # of the files; raise it where their arrays change
_SAME = 1e-9  # relative; the same code gives the same bits, another machine's libraries nearly so
_PLAIN = ("first", "last", "seen", "substeps", "noise_m")
_OWN = ("simulator", "points", "options")
_ARRAYS = tuple(f.name for f in dataclasses.fields(Reference) if f.name not in (*_PLAIN, *_OWN))


def save(path: Path, group: Group) -> None:
    """Writes a group, whole or not at all."""
    r = group.reference
    texts = {
        "format": FORMAT,
        "name": group.name,
        "options": dataclasses.asdict(r.options),
        "reference": {name: getattr(r, name) for name in _PLAIN},
        "xml": group.xml,
    }
    arrays = {name: getattr(r, name) for name in _ARRAYS}
    arrays |= {"points_body": r.points.body, "points_offset": r.points.offset}
    arrays["texts"] = np.frombuffer(json.dumps(texts).encode(), np.uint8)
    arrays |= _stacked(group.windows)
    with write_atomically(path) as part, open(part, "wb") as file:
        np.savez(file, **arrays)


def load(path: Path) -> Group:
    """The group in a file. Raises ModelError where it is missing, damaged, or of another
    objective.
    """
    arrays = archive.read_arrays(path, ModelError)
    try:
        texts = json.loads(arrays["texts"].tobytes())
        if texts["format"] != FORMAT:
            raise ModelError(
                f"{path}: a cache of format {texts['format']}, expected {FORMAT}; build it anew"
            )
        group = _rebuilt(texts, arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"{path}: not a group of windows ({error!r}); build it anew") from error
    _check(path, group)
    return group


def listed(folder: Path, part: str) -> list[Path]:
    """The files of "training" or "validation" in a cache, in order."""
    return sorted(Path(folder).glob(f"{part}-*.npz"))


def _rebuilt(texts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Group:
    simulator = Simulator(mujoco.MjModel.from_xml_string(texts["xml"]))
    fields: dict[str, Any] = {name: arrays[name] for name in _ARRAYS} | texts["reference"]
    reference = Reference(
        **fields,
        simulator=simulator,
        points=Points(simulator.constants, arrays["points_body"], arrays["points_offset"]),
        options=Options(**texts["options"]),
    )
    return Group(texts["name"], reference, texts["xml"], _taken_apart(arrays))


def _stacked(windows: tuple[Solved, ...]) -> dict[str, np.ndarray]:
    """Arrays of all windows; rows that a window does not have are zeros."""

    def rows(parts: list[np.ndarray]) -> np.ndarray:
        most, nu = max(len(p) for p in parts), parts[0].shape[1]
        return np.array([np.concatenate([p, np.zeros((most - len(p), nu))]) for p in parts])

    begins = [w.begin for w in windows]
    names = ("frames", "start_loss", "loss", "linearizations", "evaluations")
    return {f"window_{name}": np.array([getattr(w, name) for w in windows]) for name in names} | {
        "window_frame": np.array([b.frame for b in begins]),
        "window_qpos": np.array([b.qpos for b in begins]),
        "window_qvel": np.array([b.qvel for b in begins]),
        "window_knot": np.array([b.knot for b in begins]),
        "window_ahead_frames": np.array([len(b.ahead) for b in begins]),
        "window_ahead": rows([b.ahead for b in begins]),
        "window_x": rows([w.x for w in windows]),
    }


def _taken_apart(arrays: Mapping[str, np.ndarray]) -> tuple[Solved, ...]:
    a = {k.removeprefix("window_"): v for k, v in arrays.items() if k.startswith("window_")}
    return tuple(
        Solved(
            Handover(
                int(a["frame"][i]),
                a["qpos"][i],
                a["qvel"][i],
                a["knot"][i],
                a["ahead"][i, : a["ahead_frames"][i]],
            ),
            int(a["frames"][i]),
            float(a["start_loss"][i]),
            a["x"][i, : a["frames"][i]],
            float(a["loss"][i]),
            int(a["linearizations"][i]),
            int(a["evaluations"][i]),
        )
        for i in range(len(a["frame"]))
    )


def _check(path: Path, group: Group) -> None:
    """The first window and the last, which looks beyond the clip's end."""
    for solved in (group.windows[0], group.windows[-1]):
        now = group.window(solved).value(solved.x.ravel())
        if not abs(now - solved.loss) <= _SAME * abs(solved.loss):
            raise ModelError(
                f"{path}: a cache of another objective (a solution of loss {solved.loss:.6g} has "
                f"{now:.6g} now); build it anew into another folder"
            )
