"""The closed loop: knots of a window, found frame by frame while its motion is simulated."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.learned.law import network
from motionrecon.learned.law.config import LawConfig
from motionrecon.learned.law.network import Theta
from motionrecon.learned.law.plan import Plan
from motionrecon.learned.law.view import View
from motionrecon.objective.window import Window


@dataclasses.dataclass(frozen=True, eq=False)
class Loop:
    """A closed loop that was run. x: knots 1..F, rad, of which the first `given` were not the
    law's; h: the frames' embeddings; seen: errors as the network saw them; bounded: where the
    knot's limit held.
    """

    view: View
    x: Float[np.ndarray, "F nu"]
    given: int
    h: Float[np.ndarray, "K width"]
    seen: Float[np.ndarray, "F E"]
    bounded: Bool[np.ndarray, "F nu"]


class Law:
    """A feedback law: the regulator, corrected by a network where there are weights."""

    def __init__(self, config: LawConfig, theta: Theta | None) -> None:
        """theta: flat by path; None: nothing is corrected, and the config's sizes play no part."""
        self.config, self.theta = config, theta

    def start(
        self, plan: Plan, window: Window, first: int, ahead: Float[np.ndarray, "n nu"]
    ) -> Loop:
        """The loop through the window that begins at the reference's frame `first`: the knots
        `ahead` that are known, then the law's. x is not finite where the motion falls apart.
        """
        c, sim, found = self.config, window.simulator, ahead[: window.frames]
        view, h = View(plan, first - plan.first), np.zeros((window.frames + 1, 0))
        if self.theta is not None:
            view = View.of(plan, first, np.concatenate([window.first_knot[None], found]), c)
            h = network.encode(self.theta, c, view.tokens, np)
        sim.begin(window.qpos, window.qvel)
        qpos, qvel, knot = window.qpos, window.qvel, window.first_knot
        x = np.empty((window.frames, window.nu))
        seen = np.zeros((window.frames, 2 * len(qvel) + window.nu), np.float32)
        bounded = np.zeros(x.shape, bool)
        for f in range(window.frames):
            if f < len(found):
                x[f] = found[f]
            else:
                error = view.error(window, f, qpos, qvel, knot)
                wish = base(c, view, f, error)
                if self.theta is not None:
                    seen[f] = view.turned(f, error)
                    wish = wish + network.decide(self.theta, h[f], h[f + 1], seen[f], np)
                x[f] = np.clip(wish, -plan.limit, plan.limit)
                bounded[f] = x[f] != wish
            qpos, qvel = sim.advance(window.frame_controls(f, knot, x[f]))
            knot = x[f]
        return Loop(view, x, len(found), h, seen, bounded)


def base(
    config: LawConfig, view: View, frame: int, error: Float[np.ndarray, " E"]
) -> Float[np.ndarray, " nu"]:
    """The knot that the network corrects, rad: the regulator's, or that of balance alone."""
    p, f = view.plan, view.first + frame
    if not config.regulator:
        return p.knots[f + 1]
    return regulated(p, f, error)


def regulated(plan: Plan, frame: int, error: Float[np.ndarray, " E"]) -> Float[np.ndarray, " nu"]:
    """The knot of the plan's regulator after the plan's `frame`, rad."""
    assert plan.regulator is not None
    return plan.regulator.push[frame] + plan.regulator.gains[frame] @ error


def base_gradient(
    config: LawConfig, view: View, frame: int, by_knot: Float[np.ndarray, " nu"]
) -> Float[np.ndarray, " E"]:
    """Its gradient with respect to the error."""
    if not config.regulator:
        return np.zeros(config.error)
    assert view.plan.regulator is not None
    return view.plan.regulator.gains[view.first + frame].T @ by_knot
