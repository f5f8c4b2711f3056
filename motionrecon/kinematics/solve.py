"""solve_ik: a clip's configuration trajectory."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.body.build import Body
from motionrecon.clip.clip import Clip
from motionrecon.kinematics.problem import FrameProblem
from motionrecon.kinematics.start import Starter
from motionrecon.kinematics.trajectory import solve_trajectory

# m off the running median, beyond what the motion around explains: six times the largest that any
# keypoint of 44 clean clips comes to (20 mm; the median over clips is 0)
_LEAP = 0.12


@dataclass(frozen=True)
class IkOptions:
    """Weights of inverse kinematics."""

    model_error: float = 0.004  # m, how far joints of a rigid body lie from a clip's at best, > 0
    outlier: float = 4.0  # a keypoint this many spreads off counts half, > 1
    floor_spread: float = (
        0.005  # m, depth below the floor that costs like one spread of a keypoint; 0: no floor
    )
    agitation: float = 1.0  # factor on the usual accelerations (prior.py), > 0
    tail: float = 10.0  # second differences this many squared spreads large count half, > 0
    posture_seconds: float = (
        0.1  # s a posture is held: the pull to neutral is spread over its frames
    )
    chunk: int = 600  # frames solved at once; memory is bounded by it
    overlap: int = 40  # frames of a chunk that the next one solves again


@dataclass(frozen=True)
class IkResult:
    """qpos (T, nq); keypoints (T, K, 3) m, the model's, in the order of body.keypoint_names."""

    qpos: Float[np.ndarray, "T nq"]
    keypoints: Float[np.ndarray, "T K 3"]
    findings: tuple[str, ...]
    warnings: tuple[str, ...]


def solve_ik(
    body: Body, clip: Clip, noise_m: float = 0.0, options: IkOptions | None = None
) -> IkResult:
    """Most probable smooth motion of the body given the clip's keypoints.

    noise_m: standard deviation (m) of the keypoints' noise per coordinate; it sets how much
    smoothing the data needs. Missing keypoints (NaN) and outliers are tolerated.
    """
    options = options or IkOptions()
    problem = FrameProblem(body)
    target, weight = gather(body, clip)
    spread = spreads(body, noise_m, options)
    scale2 = 3 * (options.outlier * spread) ** 2
    base = np.where(np.isfinite(target).all(axis=2), weight, 0.0) / spread**2
    dt = 1.0 / clip.fps
    floor_weight = 1 / options.floor_spread**2 if options.floor_spread > 0 else 0.0
    # for the start, what is missing or has leapt away for a while is bridged, and believed a little
    leapt = leaps(target, clip.fps)
    filled = fill(np.where(leapt[..., None], np.nan, target))
    trusted = np.where(leapt, 0.0, base)
    bridged = np.where(np.isfinite(filled).all(axis=2), np.maximum(trusted, 0.05 / spread**2), 0.0)
    qpos = Starter(problem, floor_weight).sweep(np.nan_to_num(filled), bridged, 4 * scale2)
    known = np.nan_to_num(target)
    stiff = 1.0 / (options.agitation * problem.prior.agitation * dt**3)
    posture = min(1.0, dt / options.posture_seconds)
    for a, b in pieces(len(qpos), options.chunk, options.overlap):
        # first without what leapt and under Gaussian smoothness, which breaks up single frames in
        # another pose
        solved, _ = solve_trajectory(
            qpos[a:b],
            known[a:b],
            trusted[a:b],
            4 * scale2,
            problem,
            stiff,
            floor_weight,
            posture,
            np.inf,
            iterations=6,
        )
        solved, _ = solve_trajectory(
            solved,
            known[a:b],
            base[a:b],
            scale2,
            problem,
            stiff,
            floor_weight,
            posture,
            options.tail,
        )
        keep = 0 if a == 0 else options.overlap // 2
        qpos[a + keep : b] = solved[keep:]
    keypoints = problem.points_of(qpos)
    return IkResult(qpos, keypoints, *_report(keypoints, target, base))


def gather(body: Body, clip: Clip) -> tuple[Float[np.ndarray, "T K 3"], Float[np.ndarray, "T K"]]:
    """(T, K, 3) keypoints and (T, K) confidences of the clip in the order of the body's
    keypoints.
    """
    column = {n: i for i, n in enumerate(clip.names)}
    use = [column[n] for n in body.keypoint_names]
    # C order, or the compiled loops would be compiled once more for another layout
    return (
        np.ascontiguousarray(clip.keypoints[:, use], float),
        np.ascontiguousarray(clip.confidence[:, use], float),
    )


def spreads(body: Body, noise_m: float, options: IkOptions) -> Float[np.ndarray, " K"]:
    """(K,) m: how far a keypoint may lie from the model's, from noise and from how loosely it is
    defined.
    """
    model = options.model_error + 0.08 * body.keypoint_spread
    return np.sqrt(noise_m**2 + model**2)


def leaps(target: Float[np.ndarray, "T K 3"], fps: float) -> Bool[np.ndarray, "T K"]:
    """(T, K) keypoints far from their own running median (Hampel's test, its scale that of the
    motion around).
    """
    half = max(2, int(round(0.05 * fps)))
    out = np.zeros(target.shape[:2], bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # windows without a single value
        for k in range(target.shape[1]):  # one at a time: the windows of all would fill the memory
            padded = np.pad(target[:, k], ((half, half), (0, 0)), constant_values=np.nan)
            windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
            middle = np.nanmedian(windows, axis=2)
            around = np.nanmedian(np.linalg.norm(windows - middle[..., None], axis=1), axis=1)
            out[:, k] = np.linalg.norm(target[:, k] - middle, axis=1) > _LEAP + 3 * around
    return out


def fill(target: Float[np.ndarray, "T K 3"]) -> Float[np.ndarray, "T K 3"]:
    """(T, K, 3) with gaps bridged linearly in time and ends held; a keypoint never seen stays
    NaN.
    """
    out = target.copy()
    frames = np.arange(len(target))
    for k in range(target.shape[1]):
        seen = np.isfinite(target[:, k]).all(axis=1)
        if seen.any() and not seen.all():
            for c in range(3):
                out[:, k, c] = np.interp(frames, frames[seen], target[seen, k, c])
    return out


def pieces(frames: int, chunk: int, overlap: int) -> list[tuple[int, int]]:
    """Ranges of at most `chunk` frames that cover all, neighbours sharing `overlap`."""
    if frames <= chunk:
        return [(0, frames)]
    starts = range(0, frames - overlap, chunk - overlap)
    return [(a, min(a + chunk, frames)) for a in starts]


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
