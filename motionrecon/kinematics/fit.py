"""A clip laid against a body: what the solvers of inverse kinematics are given."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip
from motionrecon.kinematics.gaps import fill, gather, leaps
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.start import Starter
from motionrecon.kinematics.trajectory import solve_trajectory


@dataclass(frozen=True)
class IkOptions:
    """Weights of inverse kinematics."""

    model_error: float = 0.004  # m, how far joints of a rigid body lie from a clip's at best, > 0
    outlier: float = 4.0  # a keypoint this many spreads off counts half, > 1
    # m, depth below the floor that costs like one spread of a keypoint; 0: no floor
    floor_spread: float = 0.005
    agitation: float = 0.5  # factor on the usual accelerations (prior.py), > 0
    tail: float = 10.0  # second differences this many squared spreads large count half, > 0
    # s a posture is held: the pull to neutral is spread over its frames
    posture_seconds: float = 0.1
    chunk: int = 600  # frames solved at once; memory is bounded by it
    overlap: int = 40  # frames of a chunk that the next one solves again


class Fit:
    """Weights and targets of T frames of K keypoints; `solve` improves a trajectory on them."""

    def __init__(self, body: Body, clip: Clip, noise_m: float, options: IkOptions) -> None:
        self.options, self.fps, self.problem = options, clip.fps, FrameProblem(body)
        self.target, confidence = gather(body, clip)
        self.spread = spreads(body, noise_m, options)
        self.scale2 = 3 * (options.outlier * self.spread) ** 2
        seen = np.isfinite(self.target).all(axis=2)
        self.weight = np.where(seen, confidence, 0.0) / self.spread**2
        self.known = np.nan_to_num(self.target)
        dt = 1.0 / clip.fps
        self.stiff = 1.0 / (options.agitation * self.problem.prior.agitation * dt**3)
        self.posture = min(1.0, dt / options.posture_seconds)
        self.floor = self.problem.no_floor.copy()
        self.floor[:, 0] = 1 / options.floor_spread**2 if options.floor_spread > 0 else 0.0

    def place(self, point_pos: Float[np.ndarray, "K 3"]) -> None:
        """Puts the keypoints elsewhere on their bodies, m."""
        self.problem = self.problem.with_points(point_pos)

    def start(self) -> tuple[Float[np.ndarray, "T nq"], Float[np.ndarray, "T K"]]:
        """A first trajectory, and weights that leave out what has leapt away.

        What is missing or has leapt away for a while is bridged, and believed a little.
        """
        leapt = leaps(self.target, self.fps)
        filled = fill(np.where(leapt[..., None], np.nan, self.target))
        trusted = np.where(leapt, 0.0, self.weight)
        there = np.isfinite(filled).all(axis=2)
        bridged = np.where(there, np.maximum(trusted, 0.05 / self.spread**2), 0.0)
        sweep = Starter(self.problem, self.floor).sweep(
            np.nan_to_num(filled), bridged, 4 * self.scale2
        )
        return sweep, trusted

    def solve(
        self,
        qpos: Float[np.ndarray, "T nq"],
        trusted: Float[np.ndarray, "T K"] | None = None,
        held: Float[np.ndarray, "T S 4"] | None = None,
    ) -> Float[np.ndarray, "T nq"]:
        """The most probable trajectory near qpos, some frames at a time.

        trusted: weights of a pass before, under Gaussian smoothness, which breaks up single frames
        in another pose. held: weights, 1/m^2, with which a contact sphere stands on the floor and
        stays at its place there, and the place x, y, m.
        """
        o, begun, qpos = self.options, qpos, qpos.copy()
        for a, b in pieces(len(qpos), o.chunk, o.overlap):
            part = qpos[a:b]
            floor = np.repeat(self.floor[None], b - a, axis=0)
            if held is not None:
                floor[..., 1:] = held[a:b]
            if self.problem.body.scene:
                floor = np.concatenate([floor, self._planes(begun[a:b])], axis=2)
            rest = (self.problem, self.stiff, floor, self.posture)
            if trusted is not None:
                part, _ = solve_trajectory(
                    part,
                    self.known[a:b],
                    trusted[a:b],
                    4 * self.scale2,
                    *rest,
                    np.inf,
                    iterations=6,
                )
            part, _ = solve_trajectory(
                part, self.known[a:b], self.weight[a:b], self.scale2, *rest, o.tail
            )
            keep = 0 if a == 0 else o.overlap // 2
            qpos[a + keep : b] = part[keep:]
        return qpos

    def _planes(self, qpos: Float[np.ndarray, "T nq"]) -> Float[np.ndarray, "T S 4"]:
        """Of the floor or the support that each sphere is over in these configurations."""
        scene, radii = self.problem.body.scene, self.problem.tree.sphere_radius
        points = self.problem.soles_of(qpos, np.arange(len(radii)))
        over = scene.under(points.reshape(-1, 3))
        return scene.planes()[over].reshape(len(qpos), -1, 4)


def spreads(body: Body, noise_m: float, options: IkOptions) -> Float[np.ndarray, "K"]:
    """m: how far a keypoint may lie from the model's, from noise and from how loosely it is
    defined.
    """
    model = options.model_error + 0.08 * body.keypoint_spread
    return np.sqrt(noise_m**2 + model**2)


def pieces(frames: int, chunk: int, overlap: int) -> list[tuple[int, int]]:
    """Ranges of at most `chunk` frames that cover all, neighbours sharing `overlap`."""
    if frames <= chunk:
        return [(0, frames)]
    starts = range(0, frames - overlap, chunk - overlap)
    return [(a, min(a + chunk, frames)) for a in starts]
