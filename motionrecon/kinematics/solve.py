"""A clip's configuration trajectory: by its keypoints alone, or with its soles on the floor."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import PLACEMENT_M
from motionrecon.kinematics import soles
from motionrecon.kinematics.fit import Fit, IkOptions

_ROUNDS = 3  # of who stands where, and where the keypoints sit


@dataclass(frozen=True)
class IkResult:
    """qpos (T, nq); keypoints (T, K, 3) m, the model's, in the order of body.keypoint_names."""

    qpos: Float[np.ndarray, "T nq"]
    keypoints: Float[np.ndarray, "T K 3"]
    findings: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """A clip's motion with its soles on the floor.

    body: with its foot keypoints where they sit over loaded soles; height: m, of the ground on
    which the soles stood in the clip (its keypoints are to be lowered by so much); spread: m,
    standard deviation of it; stance (T,): from 0 to 1, whether a sole stands.
    """

    body: Body
    ik: IkResult
    height: float
    spread: float
    stance: Float[np.ndarray, "T"]


def solve_ik(
    body: Body, clip: Clip, noise_m: float = 0.0, options: IkOptions | None = None
) -> IkResult:
    """Most probable smooth motion of the body given the clip's keypoints.

    noise_m: standard deviation (m) of the keypoints' noise per coordinate; it sets how much
    smoothing the data needs. Missing keypoints (NaN) and outliers are tolerated.
    """
    fit = Fit(body, clip, noise_m, options or IkOptions())
    return _result(fit, fit.solve(*fit.start()))


def solve_standing(
    body: Body,
    clip: Clip,
    noise_m: float = 0.0,
    options: IkOptions | None = None,
    height_spread: float = PLACEMENT_M,
) -> Standing:
    """As solve_ik, and in stance the soles carry the body where its keypoints are.

    First without a floor, which shows where the soles of this body come to rest: the ground, known
    beforehand to height_spread (m, standard deviation; 0: exactly), is moved by what they say. Then
    in turns: spheres of the soles that rest near the floor, or near a support of the body's scene,
    are held to it and to their place on it, softly, and the keypoints of feet and toes are put
    where they sit over the soles while these carry.
    """
    options = options or IkOptions()
    free = Fit(body, clip, noise_m, replace(options, floor_spread=0.0))
    qpos = free.solve(*free.start())
    of_feet = soles.of(body)
    points = free.problem.soles_of(qpos, of_feet.spheres)
    rest = soles.at_rest(points, clip.fps)
    height, spread = soles.height(
        body.scene.above(points), rest, of_feet.foot, clip.fps, height_spread
    )
    lowered = clip.replace(keypoints=clip.keypoints - [0.0, 0.0, height])
    fit = Fit(body, lowered, noise_m, options)
    qpos[:, 2] -= height
    stands = np.zeros(points.shape[:2])
    for turn in range(_ROUNDS):
        points = fit.problem.soles_of(qpos, of_feet.spheres)
        stands = soles.stands(body.scene.above(points), soles.at_rest(points, clip.fps))
        held = np.zeros((len(qpos), len(fit.problem.no_floor), 4))
        held[:, of_feet.spheres] = soles.held(points, stands)
        qpos = fit.solve(qpos, held=held)
        if turn + 1 < _ROUNDS:
            body = replace(body, keypoint_pos=soles.seated(fit, qpos, stands, of_feet))
            fit.place(body.keypoint_pos)
    return Standing(body, _result(fit, qpos), height, spread, stands.max(axis=1))


def _result(fit: Fit, qpos: Float[np.ndarray, "T nq"]) -> IkResult:
    keypoints = fit.problem.points_of(qpos)
    return IkResult(qpos, keypoints, *_report(keypoints, fit.target, fit.weight))


def _report(
    keypoints: np.ndarray, target: np.ndarray, base: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    distance = np.linalg.norm(keypoints - target, axis=2)
    seen = base > 0
    error = 1000 * float(distance[seen].mean()) if seen.any() else float("nan")
    findings = [f"inverse kinematics: {error:.1f} mm from the keypoints on average"]
    notes = []
    far = seen & (distance > 0.25)
    if far.any():
        notes.append(
            f"{int(far.sum())} keypoints lie over 25 cm from the body and were taken for outliers"
        )
    return tuple(findings), tuple(notes)
