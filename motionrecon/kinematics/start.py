"""A start for every frame: root from the torso, limbs from several poses, then frame after frame
from its neighbour.
"""

import numpy as np

from motionrecon.kinematics.frame import solve_frame
from motionrecon.kinematics.problem import LIMBS, FrameProblem

# Angles in degrees of limbs to start from: (shoulder_first, shoulder_second, shoulder_twist, elbow)
_ARMS = [(a, b, c, 50) for a in (0, 80, 170) for b in (0, 55) for c in (-70, 20, 110)]
# (hip_flexion, hip_abduction, hip_rotation, knee)
_LEGS = [
    (10, 5, 0, 20),
    (90, 10, 10, 90),
    (120, 20, 0, 140),
    (45, 30, 20, 60),
    (-20, 5, 0, 60),
    (70, 60, 30, 80),
]
_TORSO = (
    "pelvis",
    "spine",
    "chest",
    "neck",
    "l_hip",
    "r_hip",
    "l_shoulder",
    "r_shoulder",
    "l_collar",
    "r_collar",
)


class Starter:
    """Finds the pose of single frames of one problem (see problem.FrameProblem)."""

    def __init__(self, problem: FrameProblem, floor: np.ndarray | None = None) -> None:
        self.problem = problem
        self.floor = problem.no_floor if floor is None else floor
        self.torso = np.array([n in _TORSO for n in problem.names])
        self.limb_of = np.array([_limb(n) for n in problem.names])
        self.zero = problem.neutral_qpos()
        self.zero_points = problem.points_of(self.zero)

    def sweep(
        self, target: np.ndarray, weight: np.ndarray, scale2: np.ndarray, iterations: int = 8
    ) -> np.ndarray:
        """qpos (T, nq) of targets (T, K, 3), weights (T, K) 1/m^2, from the best seen frame
        outwards.
        """
        frames = len(target)
        first = int(np.argmax((weight > 0).sum(axis=1)))
        qpos = np.empty((frames, self.problem.tree.nv + 1))
        qpos[first], misfit = self.search(target[first], weight[first], scale2)
        usual = misfit
        for order in (range(first + 1, frames), range(first - 1, -1, -1)):
            previous = qpos[first]
            for t in order:
                q, _, d2 = self._solve(previous, target[t], weight[t], scale2, iterations)
                misfit = self._misfit(d2, weight[t])
                if misfit > 4.0 * usual + 3.0:
                    other, other_misfit = self.search(target[t], weight[t], scale2)
                    if other_misfit < 0.6 * misfit:
                        q, misfit = self._unwound(other, previous), other_misfit
                usual = 0.9 * usual + 0.1 * min(misfit, 4.0 * usual + 3.0)
                qpos[t] = previous = q
        return qpos

    def search(
        self, target: np.ndarray, weight: np.ndarray, scale2: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """(qpos, misfit) of one frame from many starts; each limb takes its own best, then all are
        solved together.
        """
        base = self.zero.copy()
        self._place_root(base, target, weight)
        best = {limb: (np.inf, base) for limb in LIMBS}
        for i, arm in enumerate(_ARMS):
            start = self.problem.with_limbs(base, arm, _LEGS[i % len(_LEGS)])
            q, _, d2 = self._solve(start, target, weight, scale2, 15)
            cost = weight * scale2 * np.log1p(d2 / scale2)
            for limb in best:
                # a limb's joints are judged by its own keypoints and a little by the pull to
                # neutral
                value = cost[self.limb_of == limb].sum() + 0.02 * self.problem.unease(q, limb)
                if value < best[limb][0]:
                    best[limb] = (value, q)
        mixed = best[""][1].copy()
        for limb, (_, q) in best.items():
            if limb:
                dofs = self.problem.limb_dofs(limb) + 1
                mixed[dofs] = q[dofs]
        candidates = [self._solve(q, target, weight, scale2, 40) for q in (mixed, best[""][1])]
        q, _, d2 = min(candidates, key=lambda c: c[1])
        return q, self._misfit(d2, weight)

    def refine(
        self, q: np.ndarray, target: np.ndarray, weight: np.ndarray, scale2: np.ndarray
    ) -> np.ndarray:
        """qpos (nq,) of one frame from a pose nearby."""
        return self._solve(q, target, weight, scale2, 12)[0]

    def _solve(
        self,
        q: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        scale2: np.ndarray,
        iterations: int,
    ) -> tuple[np.ndarray, float, np.ndarray]:
        return solve_frame(
            q, target, weight, scale2, self.problem.constants, self.floor, iterations
        )

    def _misfit(self, d2: np.ndarray, weight: np.ndarray) -> float:
        """Mean squared distance in units of its expected spread, over the keypoints seen."""
        seen = weight > 0
        return float((weight[seen] * d2[seen]).mean()) if seen.any() else 0.0

    def _unwound(self, q: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """q with whole turns taken off where that brings a hinge nearer to the frame before, within
        its range.
        """
        out = q.copy()
        nearer = out[7:] - 2 * np.pi * np.round((out[7:] - previous[7:]) / (2 * np.pi))
        inside = (nearer >= self.problem.tree.limits[6:, 0]) & (
            nearer <= self.problem.tree.limits[6:, 1]
        )
        out[7:] = np.where(inside, nearer, out[7:])
        return out

    def _place_root(self, q: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
        """Root pose by the rigid fit of the torso (W. Kabsch, Acta Cryst. A32, 1976); never assumes
        upright.
        """
        use = self.torso & (weight > 0)
        if use.sum() < 3:
            use = weight > 0
        if use.sum() < 3:
            return
        a, b = self.zero_points[use], target[use]
        ca, cb = a.mean(axis=0), b.mean(axis=0)
        u, _, vt = np.linalg.svd((b - cb).T @ (a - ca))
        rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        q[3:7] = _quat(rotation)
        q[:3] = cb + rotation @ (self.zero[:3] - ca)


def _limb(name: str) -> str:
    side, rest = name[:2], name[2:]
    if side not in ("l_", "r_"):
        return ""
    if rest in ("elbow", "wrist", "hand", "pinky", "index", "thumb"):
        return side + "arm"
    return (
        side + "leg"
        if rest in ("knee", "ankle", "heel", "toe", "foot", "big_toe", "small_toe")
        else ""
    )


def _quat(r: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) to a unit quaternion w, x, y, z, by the largest eigenvector
    (Bar-Itzhack 2000).
    """
    k = np.array(
        [
            [r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [0, r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
            [0, 0, r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1]],
            [0, 0, 0, r[2, 2] - r[0, 0] - r[1, 1]],
        ]
    )
    _, vectors = np.linalg.eigh(k + np.triu(k, 1).T)
    q = vectors[:, -1]
    return q if q[0] >= 0 else -q
