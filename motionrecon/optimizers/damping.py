"""The damped Gauss-Newton matrix that Levenberg-Marquardt and its like solve with."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor

# An unknown that moves nothing has curvature 0, and a multiple of 0 damps nothing: its scale is
# this share of the largest. Small enough that the matrix stays as it is, and far enough above the
# roundoff of a sum of n terms (n 1e-16) that the Cholesky factor exists.
_DEAD = 1e-9


def damped_factor(hessian: Float[np.ndarray, "n n"], damping: float) -> Any | None:
    """Cholesky factor of hessian + damping * its diagonal (Moré 1978), for scipy's cho_solve; None
    where that is not positive definite. A diagonal entry counts at least a billionth of the
    largest.
    """
    diagonal = np.diag(hessian)
    scale = np.maximum(diagonal, _DEAD * max(diagonal.max(initial=0), 1e-12))
    damped = hessian.copy()
    damped[np.diag_indices_from(damped)] += (damping * scale).astype(damped.dtype)
    try:
        return cho_factor(damped, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
