"""Checkpoints of a training: all of its state, and the options that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orbax.checkpoint as ocp

from motionrecon.errors import OptimizerError
from motionrecon.learned.store import leaves

_KEPT = 2  # the last ones, in case the newest is cut short by a full disk


class Checkpoints:
    """Of one training, in a folder; a context manager that waits until the last one is written."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """identity: the options without which a state means something else; plain values."""
        self.folder, self.identity = folder, _plain(identity)
        options = ocp.CheckpointManagerOptions(max_to_keep=_KEPT)
        self._manager = ocp.CheckpointManager(
            folder, options=options, item_names=("state", "identity")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._manager.wait_until_finished()
        self._manager.close()

    def save(self, step: int, state: Any) -> None:
        """Keeps `state`, a pytree of arrays, as that after meta-step `step`."""
        if step in self._manager.all_steps():
            return
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state), identity=ocp.args.JsonSave(self.identity)
        )
        self._manager.save(step, args=items)

    def latest(self, like: Any) -> Any:
        """The newest state, of the shapes and types of `like`; `like` itself where there is none.

        Raises OptimizerError where the checkpoint is of other options or cannot be read.
        """
        step = self._manager.latest_step()
        if step is None:
            return like
        try:
            identity = self._manager.restore(
                step, args=ocp.args.Composite(identity=ocp.args.JsonRestore())
            )["identity"]
            self._check(identity)
            return self._manager.restore(
                step, args=ocp.args.Composite(state=ocp.args.StandardRestore(like))
            )["state"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise OptimizerError(
                f"{self.folder / str(step)}: a checkpoint that cannot be read ({reason}); give "
                "another folder with --out"
            ) from error

    def _check(self, identity: Mapping[str, Any]) -> None:
        there, here = leaves(identity), leaves(self.identity)
        other = sorted(k for k in there.keys() | here.keys() if there.get(k) != here.get(k))
        if other:
            k = other[0]
            raise OptimizerError(
                f"{self.folder}: a checkpoint of other options ({k} is {there.get(k)} there, "
                f"{here.get(k)} here); give another folder with --out"
            )


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON gives them back."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
