"""How the loss of a take's windows fell: one curve for all of them."""

import numpy as np


def curve(report: dict, axis: str, points: int = 120) -> tuple[np.ndarray, np.ndarray] | None:
    """(x (M,), loss (M,)): geometric mean over the windows of the best loss after x evaluations or
    seconds in a window.

    axis: "evaluations" or "seconds". Those that grow a window count, and leave the loss where it
    began; a window that is done keeps its last loss. None where the report has no histories. Losses
    are floored at 1e-12.
    """
    column, growing = {
        "evaluations": (0, "evaluations_growing"),
        "seconds": (1, "seconds_growing"),
    }[axis]
    windows = [w for w in report.get("windows", ()) if w.get("history") and w.get("loss_start")]
    if not windows:
        return None
    ends = [w[growing] + w["history"][-1][column] for w in windows]
    x = (
        np.arange(int(max(ends)) + 1.0)
        if axis == "evaluations"
        else np.linspace(0, max(ends), points)
    )
    logs = np.zeros(len(x))
    for w in windows:
        at = np.array([0.0, *(w[growing] + h[column] for h in w["history"])])
        loss = np.log(np.maximum([w["loss_start"], *(h[2] for h in w["history"])], 1e-12))
        logs += np.minimum.accumulate(loss)[np.searchsorted(at, x + 1e-9, side="right") - 1]
    return x, np.exp(logs / len(windows))
