"""Coordinate search over a few meta-parameters on fixed tasks: where evolution strategies are too
noisy for small gains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from motionrecon.learned.train.options import Clock
from motionrecon.learned.train.tasks.run import Run
from motionrecon.learned.train.tasks.windows import Task
from motionrecon.optimizers.base import Optimizer


def losses(
    optimizer: Optimizer, tasks: Sequence[Task], clock: Clock, episode: float
) -> Float[np.ndarray, " T"]:
    """Meta-loss of each task over an episode, in the clock's units."""
    return np.array([Run(task, clock).advance(optimizer, episode) for task in tasks])


@threadpool_limits.wrap(limits=1)
def search(
    make: Callable[[np.ndarray], Optimizer],
    theta: Float[np.ndarray, " D"],
    coordinates: Sequence[int],
    deltas: Sequence[float],
    tasks: Sequence[Task],
    clock: Clock = "milliseconds",
    episode: float = 240.0,
    say: Callable[[str], None] = print,
) -> Float[np.ndarray, " D"]:
    """theta after one round: a coordinate moves by the best of the deltas if the mean gain over the
    tasks, paired with the present theta's, exceeds its standard error.
    """
    theta = np.array(theta, float)
    now = losses(make(theta), tasks, clock, episode)
    for i in coordinates:
        trials = []
        for delta in deltas:
            moved = theta.copy()
            moved[i] += delta
            trials.append((moved, losses(make(moved), tasks, clock, episode)))
        moved, then = min(trials, key=lambda t: t[1].mean())
        gain = now - then
        error = gain.std() / np.sqrt(len(gain))
        kept = gain.mean() > error
        verdict = " kept" if kept else ""
        say(f"{i}: {then.mean():.4f} against {now.mean():.4f} +- {error:.4f}{verdict}")
        if kept:
            theta, now = moved, then
    return theta
