"""How the loss of a take's windows fell: one curve for all of them."""

from collections.abc import Sequence

import numpy as np

from motionrecon.motion.report import WindowReport


def curve(
    windows: Sequence[WindowReport], axis: str, points: int = 120
) -> tuple[np.ndarray, np.ndarray] | None:
    """(x (M,), loss (M,)): geometric mean over the windows of the best loss after x evaluations or
    seconds in a window.

    axis: "evaluations" or "seconds". Those that grow a window count, and leave the loss where it
    began; a window that is done keeps its last loss. None without histories. Losses are
    floored at 1e-12.
    """
    column = {"evaluations": 0, "seconds": 1}[axis]
    known = [(w, w.loss_start) for w in windows if w.history and w.loss_start]
    if not known:
        return None
    growing = [w.evaluations_growing if column == 0 else w.seconds_growing for w, _ in known]
    ends = [before + w.history[-1][column] for before, (w, _) in zip(growing, known, strict=True)]
    x = (
        np.arange(int(max(ends)) + 1.0)
        if axis == "evaluations"
        else np.linspace(0, max(ends), points)
    )
    logs = np.zeros(len(x))
    for before, (w, start) in zip(growing, known, strict=True):
        at = np.array([0.0, *(before + h[column] for h in w.history)])
        loss = np.log(np.maximum([start, *(h[2] for h in w.history)], 1e-12))
        logs += np.minimum.accumulate(loss)[np.searchsorted(at, x + 1e-9, side="right") - 1]
    return x, np.exp(logs / len(known))
