"""Whether a reconstructed clip can be trusted, and why not.

The verdict never hides a clip: it says where to look. Limits are in `Limits`, each with where it
comes from.
"""

from dataclasses import dataclass

import numpy as np

from motionrecon.anatomy.points import stature as stature_of
from motionrecon.clip.clip import Clip
from motionrecon.clip.doubts import swapped
from motionrecon.clip.floor import estimate_floor
from motionrecon.motion import schema
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Report, Status, WindowStatus
from motionrecon.motion.unexplained import longest, unexplained

_MEAN_LENGTH = np.sqrt(8 / np.pi)  # mean length of a 3D vector of standard normal coordinates


@dataclass(frozen=True)
class Limits:
    """Beyond these a clip is suspicious. "Measured": on 34 clips of nine sources
    (docs/benchmarks/batch.md).
    """

    mpjpe_g_mm: float = 50.0  # beyond the noise's own; measured: 27 at most
    ik_mpjpe_g_mm: float = 25.0  # the body's bones do not fit; measured: 7 at most
    worst_half_second_mm: float = 120.0  # beyond the noise's own
    penetration_mm: float = 5.0  # measured: 3 at most
    unexplained_s: float = 0.15  # the longest run
    unexplained_share: float = 0.05  # of all frames
    torque_limit_s: float = 0.25  # one joint at its limit without a break
    torque_limit_share: float = 0.02  # of all joints and frames
    # standard deviation of the height; feet that stand give 14, a body that lies or flies 35
    floor_mm: float = 34.0
    missing_share: float = 0.5  # of all keypoints


@dataclass(frozen=True)
class Verdict:
    """verdict: ok, suspicious or failed; reasons: in words; measures: the numbers judged."""

    verdict: str
    reasons: tuple[str, ...]
    measures: dict[str, float | None]


def judge(motion: Motion, clip: Clip, limits: Limits = Limits()) -> Verdict:
    """The verdict on a motion that was reconstructed from a clip. Raises MotionError for a motion
    without its report.
    """
    report = motion.require_report()
    if broken := schema.not_finite(motion.arrays(), schema.arrays(Motion)):
        return Verdict("failed", (f"values that are not numbers in {', '.join(broken)}",), {})
    stature = stature_of(clip.keypoints, clip.names)
    reasons: list[str] = []
    m = {
        **_residuals(motion, report, limits, reasons),
        **_physics(motion, report.noise_mm / 1e3, stature, limits, reasons),
        **_torques(motion, limits, reasons),
        **_windows(report, reasons),
        **_floor(clip, limits, reasons),
    }
    missing = float(1 - np.isfinite(clip.keypoints[..., 0]).mean())
    if missing > limits.missing_share:
        reasons.append(f"{missing:.0%} of the keypoints are missing")
    if (why := swapped(clip.keypoints, clip.names)) is not None:
        reasons.append(f"left and right look swapped: {why}")
    m["missing_share"] = missing
    finite = {k: (float(v) if np.isfinite(v) else None) for k, v in m.items()}
    return Verdict("suspicious" if reasons else "ok", tuple(reasons), finite)


def _residuals(
    motion: Motion, report: Report, limits: Limits, reasons: list[str]
) -> dict[str, float]:
    noise, fps = _MEAN_LENGTH * report.noise_mm, motion.fps
    result, ik = report.result.mpjpe_g_mm, report.ik.mpjpe_g_mm
    frames = 1e3 * motion.keypoint_distances
    seen = np.isfinite(frames)
    each = np.where(seen, frames, 0).sum(1) / np.maximum(seen.sum(1), 1)
    half = max(1, round(0.25 * fps))
    smooth = (
        np.convolve(each, np.ones(2 * half), "valid") / (2 * half)
        if len(each) >= 2 * half
        else each[:1]
    )
    worst, at = float(smooth.max()), (int(smooth.argmax()) + half) / fps
    if result is not None and result > limits.mpjpe_g_mm + noise:
        reasons.append(f"the motion is {result:.0f} mm off the keypoints (noise alone {noise:.0f})")
    elif worst > limits.worst_half_second_mm + noise:
        reasons.append(f"around {at:.1f} s the motion is {worst:.0f} mm off the keypoints")
    if ik is not None and ik > limits.ik_mpjpe_g_mm + noise:
        reasons.append(
            f"no body with fixed bones fits the keypoints: {ik:.0f} mm off (noise alone "
            f"{noise:.0f})"
        )
    depth = report.result.penetration_mm
    if depth is not None and depth > limits.penetration_mm:
        reasons.append(f"the body sinks {depth:.1f} mm into the floor on average")
    return {"worst_half_second_mm": worst, "worst_half_second_at": at}


def _physics(
    motion: Motion, noise_m: float, stature: float, limits: Limits, reasons: list[str]
) -> dict[str, float]:
    u = unexplained(motion, noise_m, stature)
    share = float((u.flight | u.contact).mean())
    if u.seconds > limits.unexplained_s or share > limits.unexplained_share:
        for kind, flags in (
            ("flight without fall, or acceleration without contact,", u.flight),
            ("acceleration that a floor cannot give", u.contact),
        ):
            if flags.any():
                first = np.flatnonzero(flags)[0] / motion.fps
                reasons.append(
                    f"{kind} in {flags.sum()} frames from {first:.1f} s on: up to {u.worst:.0f} "
                    f"m/s^2 that no physics explains, {u.seconds:.2f} s without a break"
                )
    return {"unexplained_s": u.seconds, "unexplained_share": share}


def _torques(motion: Motion, limits: Limits, reasons: list[str]) -> dict[str, float]:
    at = np.abs(motion.torques) >= 0.995 * motion.model.actuator_forcerange[:, 1]
    share = float(at.mean())
    seconds = {n: longest(at[:, i]) / motion.fps for i, n in enumerate(motion.joint_names)}
    held = {n: s for n, s in seconds.items() if s > limits.torque_limit_s}
    if held:
        named = ", ".join(
            f"{n} {s:.2f} s" for n, s in sorted(held.items(), key=lambda x: -x[1])[:4]
        )
        reasons.append(f"joints at the limit of their torque without a break: {named}")
    elif share > limits.torque_limit_share:
        reasons.append(f"joints are at the limit of their torque {share:.1%} of the time")
    return {"torque_limit_s": max(seconds.values()), "torque_limit_share": share}


def _windows(report: Report, reasons: list[str]) -> dict[str, float]:
    bad = [w for w in report.windows if w.status != WindowStatus.OK]
    if bad:
        named = ", ".join(f"{w.status} at frame {w.start_frame}" for w in bad[:4])
        reasons.append(
            f"{len(bad)} of {len(report.windows)} windows were not solved as they should be: "
            f"{named}"
        )
    if report.status != Status.OK and not bad:
        reasons.append(f"the reconstruction is {report.status}")
    return {"bad_windows": len(bad)}


def _floor(clip: Clip, limits: Limits, reasons: list[str]) -> dict[str, float]:
    floor = estimate_floor(clip)
    if 1e3 * floor.uncertainty > limits.floor_mm:
        reasons.append(f"the floor is uncertain: {floor.findings[0]}")
    return {"floor_uncertainty_mm": 1e3 * floor.uncertainty, "floor_mm": 1e3 * floor.estimate}
