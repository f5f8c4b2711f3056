"""Where the ground is: its height, a small tilt or drift, from the feet while they stand still."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.clip.clip import Clip
from motionrecon.clip.noise import estimate_noise
from motionrecon.clip.resample import local_fit
from motionrecon.runs import runs

# Height above the ground of a standing foot's keypoints, fractions of stature: medians over
# laboratories that know their ground. They differ between laboratories by about PLACEMENT_M
# (markers and joint centres sit differently).
SOLE = {"ankle": 0.039, "heel": 0.024, "toe": 0.016, "big_toe": 0.010, "small_toe": 0.010}
PLACEMENT_M = 0.014
# height of the lowest keypoint of a body that lies, runs or flies
_LOWEST_M, _LOWEST_UNSURE_M = 0.03, 0.035
# m: how far from z = 0 the ground is in a file that means it to be there. One that shows it further
# away does not.
_FILE_M = 0.03
_RATE = 25.0  # Hz at which feet are looked at
_SMOOTHING_S = 0.12
_STILL_SPEED = 0.25  # m/s
_LEAST_STANCE = 3  # frames at _RATE
# the pelvis is higher than a standing foot by this fraction of stature; soles of the lying point
# aside
_STANDING = 0.25
_CLUSTER_M = 0.04  # contacts within so much of each other are one ground
_MAX_TILT_DEG = 6.0
_MAX_DRIFT = 0.05  # m/s
# steps of 25 mm to each side in which slopes are tried: a ground that rises by more than that over
# a whole clip is none
_MOST_STEPS = 500
_MIN_TRAVEL_M, _MIN_SECONDS, _MIN_CONTACTS = 1.0, 2.0, 6  # for tilt, for drift, for both
_MIN_T, _MIN_EXPLAINED = 4.0, 0.4  # Student's t, share of the variance within keypoints
_MIN_EFFECT_M = 0.025  # tilt or drift must make so much difference over the clip


@dataclass(frozen=True)
class Floor:
    """The ground of a clip, in the clip's coordinates.

    height: m, of the ground at `point` (x, y) and the clip's start; normal (3,): unit, up; drift:
    m/s, by which the ground seems to rise; uncertainty: m, one standard deviation of the height;
    estimate: m, the height that the clip's keypoints show by themselves; contacts: stances it rests
    on; findings: in words.
    """

    height: float
    normal: Float[np.ndarray, "3"]
    drift: float
    point: Float[np.ndarray, "2"]
    uncertainty: float
    estimate: float
    contacts: int
    findings: tuple[str, ...]

    @property
    def tilt_deg(self) -> float:
        """Angle of the normal from the vertical, degrees."""
        return float(np.degrees(np.arccos(np.clip(self.normal[2], -1, 1))))


@dataclass(frozen=True)
class _Stances:
    """One row per stance of a foot keypoint: where and when it was still, and its sole's height (m)
    there.
    """

    keypoint: Int[np.ndarray, " S"]  # which of the foot's keypoints, an index
    sole: Float[np.ndarray, " S"]  # m
    xy: Float[np.ndarray, "S 2"]  # m
    time: Float[np.ndarray, " S"]  # s
    weight: Float[np.ndarray, " S"]  # s


def estimate_floor(clip: Clip, noise_m: float | None = None) -> Floor:
    """The ground of a clip, moved from z = 0 only by what the evidence supports. noise_m: of its
    keypoints, m a coordinate; None: estimated.

    Height: the lowest level at which feet stand often (a foot held still in the air, or on a step,
    is above it), less the usual height of that keypoint over the sole. Where feet never stand, the
    lowest keypoint serves. The estimate is weighed against z = 0, where files mostly put the
    ground: one that is little above or below it is moved by a little less than it shows. Tilt and
    drift: a least-squares line through the stances with an offset for each keypoint, so that
    placement does not matter; kept where at least six stances show it with t > 4, explaining
    40 % of their variance, and it makes more than 25 mm of difference.
    """
    stature = stature_of(clip.keypoints, clip.names)
    noise = estimate_noise(clip) if noise_m is None else noise_m
    smooth, times = _smooth(clip)
    stances = _find_stances(smooth, times, clip, stature, noise)
    lowest = _lowest(smooth)
    slope, drift = _slope(stances, noise)
    findings = []
    inside = np.zeros(len(stances.sole), bool)
    middle_time, point = 0.0, np.zeros(2)
    estimate, uncertainty, how = (
        lowest - _LOWEST_M,
        _LOWEST_UNSURE_M,
        "the lowest keypoint; the feet never rest",
    )
    if len(stances.sole):
        middle_time = float(np.average(stances.time, weights=stances.weight))
        point = np.average(stances.xy, axis=0, weights=stances.weight)
        flat = stances.sole - (stances.xy - point) @ slope - drift * (stances.time - middle_time)
        inside = _ground_level(flat, stances.weight, _CLUSTER_M + noise)
        level_m = _weighted_median(flat[inside], stances.weight[inside])
        if lowest - level_m > -0.08 or slope.any() or drift:
            estimate, how = level_m, f"{inside.sum()} stances"
            uncertainty = float(np.hypot(PLACEMENT_M, noise / np.sqrt(inside.sum())))
        else:  # the feet rest on something: the body reaches far below
            how, inside = (
                "the lowest keypoint, far below the feet",
                np.zeros(len(stances.sole), bool),
            )
    prior = _FILE_M**2 + estimate**2
    share = prior / (prior + uncertainty**2)
    height = share * estimate - drift * middle_time
    normal = np.array([-slope[0], -slope[1], 1.0])
    normal /= np.linalg.norm(normal)
    findings.append(
        f"ground at {1e3 * estimate:+.0f} mm +- {1e3 * uncertainty:.0f} by {how}: "
        f"moved by {-1e3 * share * estimate:+.0f} mm"
    )
    if slope.any():
        findings.append(
            f"ground tilted by {np.degrees(np.arccos(normal[2])):.1f} degrees: levelled"
        )
    if drift:
        findings.append(f"ground drifts by {1e3 * drift:+.1f} mm/s: taken out")
    return Floor(
        height=float(height),
        normal=normal,
        drift=float(drift),
        point=point,
        uncertainty=uncertainty,
        estimate=float(estimate),
        contacts=int(inside.sum()),
        findings=tuple(findings),
    )


def given_floor(height: float) -> Floor:
    """A level ground at a height (m, in the clip's coordinates) that is known."""
    return Floor(
        height=height,
        normal=np.array([0.0, 0.0, 1.0]),
        drift=0.0,
        point=np.zeros(2),
        uncertainty=0.0,
        estimate=height,
        contacts=0,
        findings=(f"ground at {1e3 * height:+.0f} mm, as given: moved by {-1e3 * height:+.0f} mm",),
    )


def level(clip: Clip, floor: Floor) -> Clip:
    """The clip with its ground at z = 0: drift taken out, turned about the floor's point by its
    tilt, lowered.
    """
    seconds = np.arange(len(clip.keypoints))[:, None] / clip.fps
    keypoints = clip.keypoints.copy()
    keypoints[..., 2] -= floor.height + floor.drift * seconds
    if floor.tilt_deg > 0:
        pivot = np.array([*floor.point, 0.0])
        keypoints = (keypoints - pivot) @ tilt_rotation(floor.normal).T + pivot
    return clip.replace(keypoints=keypoints, findings=(*clip.findings, *floor.findings))


def tilt_rotation(normal: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation (3, 3) that turns a unit normal (not pointing down) upright
    (Rodrigues).
    """
    x, y, z = normal
    k = 1.0 / (1.0 + z)
    return np.array([[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]])


def _smooth(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, J, 3) smoothed over _SMOOTHING_S to each side, at about _RATE, and their times
    (N,) s.
    """
    step = clip.fps / min(_RATE, clip.fps)
    centre = np.arange(int(np.floor((len(clip.keypoints) - 1) / step + 1e-6)) + 1) * step
    half = max(_SMOOTHING_S * clip.fps, 2.5)
    return local_fit(clip, centre, half)[0], centre / clip.fps


def _find_stances(
    smooth: np.ndarray, times: np.ndarray, clip: Clip, stature: float, noise: float
) -> _Stances:
    if len(times) < _LEAST_STANCE:
        return _table([])
    dt = times[1] - times[0]
    # Standard deviation of the slope that noise gives a line over the smoothing window.
    window = max(_SMOOTHING_S * clip.fps, 2.5)
    wobble = noise * clip.fps / np.sqrt(2 * window * (window + 1) * (2 * window + 1) / 6)
    pelvis = Points(smooth, clip.names).trunk_bottom()[:, 2]
    rows = []
    for k, (part, fraction) in enumerate(SOLE.items()):
        for s, side in enumerate("lr"):
            column = clip.index(f"{side}_{part}")
            if column is None:
                continue
            foot = smooth[:, column]
            with np.errstate(invalid="ignore"):
                still = (
                    np.linalg.norm(np.gradient(foot, dt, axis=0), axis=1)
                    < _STILL_SPEED + 2.5 * wobble
                )
                lying = pelvis - foot[:, 2] < _STANDING * stature
            still &= np.isfinite(foot).all(axis=1) & ~lying
            for first, after in runs(still):
                if after - first >= _LEAST_STANCE:
                    x, y, z = np.median(foot[first:after], axis=0)
                    # standing for long is not much better known
                    seconds = min((after - first) * dt, 0.5)
                    rows.append(
                        (
                            2 * k + s,
                            z - fraction * stature,
                            x,
                            y,
                            times[first:after].mean(),
                            seconds,
                        )
                    )
    return _table(rows)


def _table(rows: list[tuple]) -> _Stances:
    table = np.array(rows, float).reshape(-1, 6)
    return _Stances(table[:, 0].astype(int), table[:, 1], table[:, 2:4], table[:, 4], table[:, 5])


def _ground_level(
    sole: Float[np.ndarray, " S"], weight: Float[np.ndarray, " S"], reach: float
) -> Bool[np.ndarray, " S"]:
    """Which stances (S,) bool are on the ground: the lowest cluster that holds at least half as
    much as the largest.
    """
    held = _held(sole, weight, reach)
    low = np.flatnonzero(held >= 0.5 * held.max())
    first = np.abs(sole - sole[low[np.argmin(sole[low])]]) < reach
    # Centred on the cluster itself rather than on its lowest member.
    return np.abs(sole - _weighted_median(sole[first], weight[first])) < reach


def _held(
    sole: Float[np.ndarray, " S"], weight: Float[np.ndarray, " S"], reach: float
) -> Float[np.ndarray, " S"]:
    """The weight of the stances nearer than `reach` to each, itself included."""
    order = np.argsort(sole, kind="stable")
    ranked, total = sole[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    above = np.searchsorted(ranked, sole + reach, "left")
    return total[above] - total[np.searchsorted(ranked, sole - reach, "right")]


def _slope(stances: _Stances, noise: float) -> tuple[np.ndarray, float]:
    """((2,) tilt as dz/dx and dz/dy, drift in m/s), zeros where the stances do not show it.

    Slopes are tried in steps (as a Hough transform does): the one under which most stances lie on
    one level is refined by least squares on those. Tilt is along the direction of travel, the only
    one seen well; where time and place tell the same (walking straight on), tilt is preferred.
    """
    best, best_gain = (np.zeros(2), 0.0), 0.0
    if len(stances.sole) < _MIN_CONTACTS:
        return best
    reach = 0.6 * _CLUSTER_M + noise
    centred = stances.xy - np.average(stances.xy, axis=0, weights=stances.weight)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    steepest = np.tan(np.radians(_MAX_TILT_DEG))
    time = stances.time - stances.time.mean()
    for regressor, least_extent, limit in (
        (centred @ direction, _MIN_TRAVEL_M, steepest),
        (time, _MIN_SECONDS, _MAX_DRIFT),
    ):
        extent = np.ptp(regressor)
        if extent < least_extent:
            continue
        limit = min(limit, _MOST_STEPS * reach / extent)
        tries = np.linspace(-limit, limit, 2 * int(np.ceil(limit * extent / reach)) + 1)
        levels = [_fullest(stances.sole - s * regressor, stances.weight, reach) for s in tries]
        gains = np.array([held for held, _ in levels]) * (1.0 - 0.1 * np.abs(tries) / limit)
        near = levels[int(np.argmax(gains))][1]
        kinds = stances.keypoint[near][:, None] == np.unique(stances.keypoint[near])[None]
        if near.sum() < _MIN_CONTACTS or np.ptp(regressor[near]) < least_extent:
            continue
        spread = max(0.006, noise / 3)
        slope, t_value, gain = _line(
            regressor[near], stances.sole[near], kinds, stances.weight[near], spread
        )
        too_small = abs(slope) * np.ptp(regressor[near]) < _MIN_EFFECT_M or abs(slope) > limit
        if t_value > _MIN_T and not too_small and gain > max(_MIN_EXPLAINED, 1.2 * best_gain):
            best_gain = gain
            best = (np.zeros(2), slope) if regressor is time else (slope * direction, 0.0)
    return best


def _fullest(sole: np.ndarray, weight: np.ndarray, reach: float) -> tuple[float, np.ndarray]:
    """(weight of the fullest level, which stances (S,) bool are within twice its reach)."""
    held = _held(sole, weight, reach)
    return float(held.max()), np.abs(sole - sole[np.argmax(held)]) < 2 * reach


def _line(
    regressor: np.ndarray, z: np.ndarray, kinds: np.ndarray, weight: np.ndarray, least_spread: float
) -> tuple[float, float, float]:
    """(slope, its t value, share of variance explained), by Huber's weights, with an offset for
    each kind (S, K).
    """
    regressor = regressor - regressor.mean()
    basis = np.column_stack([regressor, kinds])
    robust = np.ones_like(z)
    for _ in range(10):
        w = np.sqrt(weight * robust)
        solution = np.linalg.lstsq(basis * w[:, None], z * w, rcond=None)[0]
        residual = z - basis @ solution
        spread = max(1.4826 * np.median(np.abs(residual)), least_spread)
        robust = np.minimum(1.0, 1.5 * spread / np.maximum(np.abs(residual), 1e-12))
    freedom = len(z) - np.linalg.matrix_rank(basis)
    if freedom < 2:
        return 0.0, 0.0, 0.0
    w = weight * robust / weight.mean()
    sigma = max(np.sqrt((w * residual**2).sum() / freedom), least_spread)
    covariance = np.linalg.pinv(basis.T @ (w[:, None] * basis))
    slope = float(solution[0])
    within = z - kinds @ (np.linalg.pinv(kinds * 1.0) @ z)
    gain = 1.0 - (residual**2).sum() / max((within**2).sum(), 1e-12)
    return slope, abs(slope) / (sigma * np.sqrt(covariance[0, 0])), max(float(gain), 1e-6)


def _lowest(smooth: np.ndarray) -> float:
    """The height (m) that the lowest keypoint comes down to in one frame of fifty."""
    low = np.where(np.isfinite(smooth[..., 2]), smooth[..., 2], np.inf).min(axis=1)
    low = low[np.isfinite(low)]
    return float(np.quantile(low, 0.02)) if low.size else 0.0


def _weighted_median(values: Float[np.ndarray, " S"], weights: Float[np.ndarray, " S"]) -> float:
    return float(np.quantile(values, 0.5, weights=weights, method="inverted_cdf"))
