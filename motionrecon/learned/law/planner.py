"""Plans along a reference of any length, some seconds at a time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from motionrecon.learned import store
from motionrecon.learned.law.plan import Followed, Plan, plan
from motionrecon.learned.law.rollout import Law
from motionrecon.objective.window import Window

_FRAMES = 60  # that windows begin at in one plan: two seconds, as those it was trained on


class Planner:
    """The law along one reference. Plans are made where windows need them, so that a long clip
    begins as soon as a short one and takes no more memory.
    """

    def __init__(self, law: Law, reference: Followed) -> None:
        self.law, self.reference = law, reference
        self._plan: Plan | None = None

    @classmethod
    def shipped(cls, reference: Followed) -> Planner | None:
        """With the packaged weights; None where they are for another kind of body."""
        config, tree = store.load("optimus-start")
        joints = reference.simulator.model.nu
        if config.joints != joints:
            return None
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
        c, last = self.law.config, len(self.reference.qpos) - 1
        need = min(first + c.frames + c.ahead, last)
        p = self._plan
        if p is None or first < p.first or need > p.first + len(p.knots) - 1:
            frames = min(_FRAMES + c.frames + c.ahead, last - first)
            self._plan = p = plan(self.reference, first, frames)
        return p
