"""Whether what the input shows can be a person at all: its bones, its depth, its sides, its speed,
and a noise that would excuse anything.

The body and its inverse kinematics are fitted to the input, so a motion may follow nonsense well.
"""

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.anthropometry import STATURE
from motionrecon.anatomy.points import LIMBS, Points, nanmedian
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_MEASURED = "measured on 38 development clips"
BONES = Limit(
    "bone_factor",
    "",
    "how many times longer or shorter than usual for the stature a bone of a limb is",
    1.6,
    f"{_MEASURED}: 1.27 at most (markers sit beside joints); a wrist 1.1 m off: 4.8, a knee at the "
    "hip: infinite",
)
FLAT = Limit(
    "flat_share",
    "",
    "share of frames whose keypoints lie within 0.006 of stature of one plane",
    0.5,
    f"{_MEASURED}: 0, with 0.024 of stature and more in the middle frame; flattened: 1",
)
SIDES = Limit(
    "side_changes",
    "",
    "frames at which left and right change places: hips or shoulders turn by 120 degrees or more",
    0.0,
    f"{_MEASURED}: they turn by 20 degrees at most, a kick at 30 Hz",
)
SPEED = Limit(
    "speed_m_s",
    "m/s",
    "largest speed of the middle of the hips over 0.1 s; allowed what the noise alone makes more",
    15.0,
    f"{_MEASURED}: 5.3 at most; the fastest sprinter's 12.3 (Usain Bolt, Berlin 2009)",
)
NOISE = Limit(
    "noise_mm",
    "mm",
    "noise of a coordinate, given or estimated, that distances are allowed for",
    60.0,
    "twice the most that was studied (docs/benchmarks/reconstruct.md); more excuses any distance",
)
_PLANE = 0.006  # of stature
_LEAST_POINTS = 5  # four always lie close to some plane
_TURN = -0.5  # cosine of 120 degrees
_OVER_S = 0.1
_SIGMAS = 4.0
_WORDS = {"upper_arm": "upper arm"}


def bones(e: Evidence) -> list[Finding]:
    """Limbs of lengths that no person of that stature has."""
    worst, said = 1.0, ""
    p = Points(e.clip.keypoints, e.clip.names)
    for bone, (a, b) in LIMBS.items():
        for side, word in (("l", "left"), ("r", "right")):
            end = p.ankle(side) if b == "ankle" else p(f"{side}_{b}")
            length = nanmedian(np.linalg.norm(p(f"{side}_{a}") - end, axis=-1))
            usual = STATURE[bone] * e.stature
            factor = np.inf if length == 0 else max(length / usual, usual / length)
            if factor > worst:
                name = f"{word} {_WORDS.get(bone, bone)}"
                worst, said = factor, f"the {name} is {length:.2f} m long, usual is {usual:.2f}"
    return [BONES.at(worst, f"{said}: a keypoint of it is not where its name says")]


def flat(e: Evidence) -> list[Finding]:
    """Keypoints without depth: 2D ones with a third coordinate made up."""
    clip = e.clip
    seen = np.isfinite(clip.keypoints).all(axis=-1)
    enough = seen.sum(axis=1) >= _LEAST_POINTS
    if not enough.any():
        return [FLAT.at(np.nan, "")]
    thin = [
        _thickness(points[known]) < _PLANE * e.stature
        for points, known in zip(clip.keypoints, seen, strict=True)
    ]
    share = float(np.mean(np.array(thin)[enough]))
    said = f"the keypoints lie in one plane in {share:.0%} of the frames: their depth is lost"
    return [FLAT.at(share, said)]


def sides(e: Evidence) -> list[Finding]:
    """Left and right that change places from a frame to the next."""
    p = Points(e.clip.keypoints, e.clip.names)
    turned = np.zeros(len(e.clip.keypoints) - 1, bool)
    for part in ("hip", "shoulder"):
        across = p(f"l_{part}") - p(f"r_{part}")
        width = nanmedian(np.linalg.norm(across, axis=-1))
        if not width > _SIGMAS * e.noise_m:  # noise alone would turn it
            continue
        length = np.linalg.norm(across, axis=-1, keepdims=True)
        unit = across / np.maximum(length, 1e-9)
        turned |= np.nan_to_num(np.sum(unit[1:] * unit[:-1], axis=-1), nan=1.0) < _TURN
    frames = np.flatnonzero(turned) + 1
    at = ", ".join(f"{f / e.clip.fps:.2f}" for f in frames[:4])
    said = f"left and right change places {len(frames)} times, at {at} s: frames with sides swapped"
    return [SIDES.at(len(frames), said)]


def speed(e: Evidence) -> list[Finding]:
    """A person who is elsewhere at once."""
    path, fps = Points(e.clip.keypoints, e.clip.names).trunk_bottom(), e.clip.fps
    reach = min(max(1, round(_OVER_S * fps)), len(path) - 1)
    speeds = np.linalg.norm(path[reach:] - path[:-reach], axis=-1) * fps / reach
    if not np.isfinite(speeds).any():
        return [SPEED.at(np.nan, "")]
    at = int(np.nanargmax(speeds))
    said = (
        f"the middle of the hips moves at {speeds[at]:.3g} m/s at {at / fps:.2f} s: the clip "
        "jumps, cut it there"
    )
    # Who claims a noise of metres shall not be let off for it.
    noise = min(e.noise_m, NOISE.most / 1e3)
    return [SPEED.at(speeds[at], said, _SIGMAS * noise * fps / reach)]


def noise(e: Evidence) -> list[Finding]:
    """A noise so large that being far off the keypoints says nothing."""
    mm = e.report.noise_mm
    said = f"with a noise of {mm:.0f} mm nearly any motion is near the keypoints: check --noise"
    return [NOISE.at(mm, said)]


def _thickness(points: Float[np.ndarray, "K 3"]) -> float:
    """m, the standard deviation of points across the plane that they are nearest to."""
    if len(points) < _LEAST_POINTS:
        return np.inf
    covariance = np.cov(points.T)
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance)[0], 0.0)))
