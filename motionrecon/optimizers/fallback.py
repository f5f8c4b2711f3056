"""Levenberg-Marquardt takes over where a learned optimizer does no better than its start."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from motionrecon.optimizers.base import (
    LeastSquaresProblem,
    Optimizer,
    Problem,
    Result,
    S,
    State,
    Status,
    minimize,
)
from motionrecon.optimizers.levenberg_marquardt import LevenbergMarquardt


def minimize_or_fall_back(
    problem: Problem,
    x0: Float[np.ndarray, " n"],
    optimizer: Optimizer[S],
    max_evaluations: int,
    callback: Callable[[State], object] | None = None,
) -> tuple[Result, bool]:
    """As minimize; a learned optimizer that neither lowers the loss below that of x0 nor says that
    x0 is a minimum is followed by Levenberg-Marquardt from x0, with a budget of its own. Returns
    the better result, with the evaluations of both, and whether it fell back.
    """
    result = minimize(problem, x0, optimizer, max_evaluations, callback)
    if (
        not optimizer.learned
        or not isinstance(problem, LeastSquaresProblem)
        or result.status in (Status.CONVERGED, Status.STOPPED)
    ):
        return result, False
    start = result.history[0][2]  # the first evaluation of every optimizer is that of x0
    if result.loss < start:
        return result, False
    second = minimize(problem, x0, LevenbergMarquardt(), max_evaluations, callback)
    best = second if second.loss <= result.loss else result
    spent, seconds = result.evaluations, result.history[-1][1]
    later = [(spent + n, seconds + s, min(loss, result.loss)) for n, s, loss in second.history]
    message = (
        f"{optimizer.name} did not get below its start ({result.status}); "
        "levenberg-marquardt took over"
    )
    return dataclasses.replace(
        best,
        evaluations=spent + second.evaluations,
        iterations=result.iterations + second.iterations,
        linearizations=result.linearizations + second.linearizations,
        history=result.history + later,
        message=message,
    ), True
