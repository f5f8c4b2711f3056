"""Plans along a reference of any length, some seconds at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from motionrecon.errors import ModelError
from motionrecon.learned import store
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.plan import Followed, Plan, plan
from motionrecon.learned.law.rollout import Law
from motionrecon.objective.window import Window

# Of Options.start: the law that ships where it fits, else grown.
AUTO, GROWN, REGULATOR = "auto", "grown", "regulator"
SHIPPED = "optimus-start"
_FRAMES = 60  # that windows begin at in one plan: two seconds, as those it was trained on


class Planner:
    """The law along one reference. Plans are made where windows need them, so that a long clip
    begins as soon as a short one and takes no more memory.
    """

    def __init__(self, law: Law, reference: Followed) -> None:
        self.law, self.reference = law, reference
        self._plan: Plan | None = None

    @classmethod
    def of(cls, start: str, reference: Followed) -> Planner | None:
        """As `Options.start` says: "auto", "grown", "regulator", the name of shipped weights, or a
        folder. Raises ModelError for one without weights of a law, or of one for another body or
        shorter windows; "auto" is "grown" there.
        """
        if start == GROWN:
            return None
        if start == REGULATOR:
            return cls(Law(LawConfig(), None), reference)
        where = SHIPPED if start == AUTO else start
        config, tree = store.load(where if where in store.available() else Path(where))
        joints, frames = reference.simulator.model.nu, reference.options.window_frames
        fits = isinstance(config, LawConfig) and config.joints == joints and config.frames >= frames
        if not fits and start == AUTO:
            return None
        if not fits:
            raise ModelError(
                f"{start}: expected the weights of a law for {joints} joints and windows of "
                f"{frames} frames; train one with motionrecon train optimus-start"
            )
        return cls(Law(config, store.leaves(tree)), reference)

    def start(
        self, window: Window, first: int, ahead: Float[np.ndarray, "n nu"]
    ) -> Float[np.ndarray, F * nu]:
        """x of the window that begins at the reference's frame `first`, with the knots `ahead`
        given; not finite where the motion falls apart.
        """
        return self.law.start(self.prepare(first), window, first, ahead).x.ravel()

    def prepare(self, first: int) -> Plan:
        """The plan that the window beginning at `first` needs, made where it is not yet."""
        last = len(self.reference.qpos) - 1
        window = self.reference.options.window_frames + self.law.config.ahead
        need = min(first + window, last)
        p = self._plan
        if p is None or first < p.first or need > p.first + len(p.knots) - 1:
            frames = min(_FRAMES + window, last - first)
            self._plan = p = plan(self.reference, first, frames, self.law.config.regulator)
        return p
