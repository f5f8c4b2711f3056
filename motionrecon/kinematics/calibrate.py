"""Where a clip's keypoints sit on the subject's body: offsets found together with the poses of some
frames.
"""

import numpy as np
from jaxtyping import Float

from motionrecon.body.build import Body
from motionrecon.compiled import njit
from motionrecon.kinematics.forward import carried, forward, point_jacobian
from motionrecon.kinematics.frame import Constants, frame_terms
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.start import Starter

MODEL_ERROR = 0.004  # m, spread of a keypoint about its place on a rigid body
FRAMES = 120  # at most, spread over the clip
_MEDIAN_CHI2_3 = 2.4  # median of a sum of three squared standard normals (2.37)
# frames' worth of independent evidence: a source's bias does not average out over frames
_EVIDENCE = 4.0


def calibrate(
    body: Body,
    target: Float[np.ndarray, "T K 3"],
    weight: Float[np.ndarray, "T K"],
    noise_m: float = 0.0,
    rounds: int = 4,
) -> Float[np.ndarray, "K 3"]:
    """keypoint_pos (K, 3) m refined on target (T, K, 3) m (NaN: missing) with weight (T, K) in [0,
    1].

    Minimises robust distances over poses and offsets at once: poses are eliminated frame by frame
    (Schur complement), so an offset is not held back by poses that have adapted to it. The prior of
    an offset is its default and spread.
    """
    default, spread = body.keypoint_pos, body.keypoint_spread
    frames = _choose(target, weight)
    target, seen = target[frames], np.isfinite(target[frames]).all(axis=2)
    sigma2 = noise_m**2 + (MODEL_ERROR + 0.05 * spread) ** 2
    weight = np.where(seen, weight[frames], 0.0) / sigma2
    target = np.nan_to_num(target)
    pos = default.copy()
    problem = FrameProblem(body)
    # the first poses count loosely defined keypoints little, since their defaults may be 10 cm off
    loose = weight * (sigma2 / (sigma2 + spread**2))
    qpos = Starter(problem).sweep(target, loose, 48 * (sigma2 + spread**2), 15)
    for _ in range(rounds):
        scale2 = 3 * 16 * np.maximum(sigma2, _spread_of(problem, qpos, target, weight))
        hess, grad = _reduced(qpos, target, weight, scale2, problem, _EVIDENCE / len(frames))
        prior = np.repeat(1 / spread**2, 3)
        step = np.linalg.solve(hess + np.diag(prior), -(grad + prior * (pos - default).ravel()))
        pos = pos + np.clip(step.reshape(-1, 3), -0.1, 0.1)
        problem = problem.with_points(pos)
        starter = Starter(problem)
        qpos = np.array(
            [starter.refine(q, t, w, scale2) for q, t, w in zip(qpos, target, weight, strict=True)]
        )
    return pos


def _choose(target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Indices of at most FRAMES frames, evenly spread over those that show more than half of the
    keypoints.
    """
    seen = (np.isfinite(target).all(axis=2) & (weight > 0)).sum(axis=1)
    good = np.flatnonzero(seen >= 0.5 * seen.max())
    return good[np.unique(np.linspace(0, len(good) - 1, min(FRAMES, len(good))).astype(int))]


def _spread_of(
    problem: FrameProblem, qpos: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Robust mean squared distance per coordinate of each keypoint (K,), m^2."""
    d2 = ((problem.points_of(qpos) - target) ** 2).sum(axis=2)
    d2 = np.where(weight > 0, d2, np.nan)
    return (
        np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in d2.T]) / _MEDIAN_CHI2_3
    )


def _reduced(
    qpos: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    scale2: np.ndarray,
    problem: FrameProblem,
    evidence: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations (3K, 3K), (3K,) of the offsets with all poses eliminated, times
    `evidence`.
    """
    n = 3 * target.shape[1]
    hess, grad = np.zeros((n, n)), np.zeros(n)
    for q, t, w in zip(qpos, target, weight, strict=True):
        h, g = np.zeros((len(q) - 1, len(q) - 1)), np.zeros(len(q) - 1)
        _, d2 = frame_terms(q, t, w, scale2, problem.constants, problem.no_floor, h, g)
        w = np.where(w > 0, w / (1 + d2 / scale2), 0.0)
        cross, own, mine = _coupling(q, t, w, problem.constants)
        h = np.tril(h) + np.tril(h, -1).T + 1e-6 * np.eye(len(h))
        solved = np.linalg.solve(h, np.column_stack([cross, g]))
        hess += np.diag(own) - cross.T @ solved[:, :-1]
        grad += mine - cross.T @ solved[:, -1]
    return evidence * hess, evidence * grad


@njit
def _coupling(
    q: np.ndarray, target: np.ndarray, weight: np.ndarray, c: Constants
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """J_q' W J_o (nv, 3K), diagonal of J_o' W J_o (3K,) and J_o' W residual (3K,); J_o is the
    bodies' rotation.
    """
    nb, nv, count = len(c.parent), len(c.axis), len(target)
    xpos, xmat, dof_axis = np.empty((nb, 3)), np.empty((nb, 3, 3)), np.empty((nv, 3))
    forward(q, c.parent, c.body_pos, c.first_dof, c.dof_count, c.axis, xpos, xmat, dof_axis)
    at = np.empty((count, 3))
    carried(c.point_body, c.point_pos, xpos, xmat, at)
    cross, own, mine = np.zeros((nv, 3 * count)), np.zeros(3 * count), np.zeros(3 * count)
    jac = np.empty((3, c.chain.shape[1]))
    for k in range(count):
        b = c.point_body[k]
        point_jacobian(b, at[k], c.chain, c.chain_length, c.dof_body, xpos, dof_axis, jac)
        for i in range(3):
            own[3 * k + i] = weight[k]
            for r in range(3):
                mine[3 * k + i] += weight[k] * xmat[b, r, i] * (at[k, r] - target[k, r])
                for j in range(c.chain_length[b]):
                    cross[c.chain[b, j], 3 * k + i] += weight[k] * jac[r, j] * xmat[b, r, i]
    return cross, own, mine
