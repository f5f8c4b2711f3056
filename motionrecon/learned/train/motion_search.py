"""Coordinate search over a few meta-parameters on fixed tasks: where evolution strategies are too
noisy for small gains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from motionrecon.learned.train.motion_tasks import Task
from motionrecon.learned.train.motion_train import Run
from motionrecon.optimizers.base import Optimizer


def losses(optimizer: Optimizer, tasks: Sequence[Task], clock: str, episode: float) -> np.ndarray:
    """Meta-loss of each task over an episode."""
    return np.array([Run(task, clock).advance(optimizer, episode) for task in tasks])


@threadpool_limits.wrap(limits=1)
def search(
    make: Callable[[np.ndarray], Optimizer],
    theta: np.ndarray,
    coordinates: Sequence[int],
    deltas: Sequence[float],
    tasks: Sequence[Task],
    clock: str = "milliseconds",
    episode: float = 240.0,
    say=print,
) -> np.ndarray:
    """theta (D,) after one round: a coordinate moves by the best of the deltas if the mean gain
    over the tasks, paired with the present theta's, exceeds its standard error.
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
        kept = gain.mean() > gain.std() / np.sqrt(len(gain))
        error = gain.std() / np.sqrt(len(gain))
        say(
            f"{i}: {then.mean():.4f} against {now.mean():.4f} +- {error:.4f}{' kept' if kept else ''}"
        )
        if kept:
            theta, now = moved, then
    return theta
