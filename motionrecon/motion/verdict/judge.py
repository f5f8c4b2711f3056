"""The verdict on a motion: all checks, and what their findings come to."""

from collections.abc import Callable

import numpy as np

from motionrecon.clip.clip import Clip
from motionrecon.motion import schema
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Judgement, Verdict
from motionrecon.motion.verdict import clip as of_clip
from motionrecon.motion.verdict import falls, forces, joints, keypoints, person, physics, windows
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

CHECKS: tuple[Callable[[Evidence], list[Finding]], ...] = (
    keypoints.distance,
    keypoints.ends,
    falls.falls,
    falls.sprawls,
    forces.air,
    forces.peak,
    forces.broken,
    forces.root,
    joints.torque,
    joints.angles,
    keypoints.depth,
    physics.physics,
    keypoints.body,
    person.bones,
    person.flat,
    person.sides,
    person.speed,
    person.noise,
    of_clip.stature,
    of_clip.missing,
    of_clip.misread,
    of_clip.floor,
    windows.windows,
)

# What is asked of a person's bones, and not of a robot's links.
_OF_PEOPLE = (person.bones, of_clip.stature)

_MODULES = (keypoints, falls, forces, joints, physics, person, of_clip, windows)
LIMITS: tuple[Limit, ...] = tuple(
    value for module in _MODULES for value in vars(module).values() if isinstance(value, Limit)
)


def judge(motion: Motion, clip: Clip | None = None) -> Verdict:
    """The verdict on a motion that was reconstructed from a clip; without one its own input serves.

    failed: it holds values that are no numbers, or is so far off its keypoints that it shows
    something else; suspicious: a check found more than its limit. Raises MotionError for a motion
    without its report.
    """
    report = motion.require_report()
    evidence = Evidence(motion, report, clip_of(motion) if clip is None else clip)
    if broken := schema.not_finite(motion.arrays(), schema.arrays(Motion)):
        return Verdict(
            verdict=Judgement.FAILED,
            reasons=(f"values that are not numbers in {', '.join(broken)}",),
            kind=evidence.kind,
        )
    checks = [c for c in CHECKS if report.robot is None or c not in _OF_PEOPLE]
    findings = [finding for check in checks for finding in check(evidence)]
    tripped = [f for f in findings if f.suspicious]
    lost = (report.result.mpjpe_g_mm or 0.0) > keypoints.LOST_MM + keypoints.noise_mm(evidence)
    judgement = Judgement.SUSPICIOUS if tripped else Judgement.OK
    return Verdict(
        verdict=Judgement.FAILED if lost else judgement,
        reasons=tuple(f.reason for f in tripped if f.reason),
        kind=evidence.kind,
        measures={f.key: f.value if np.isfinite(f.value) else None for f in findings},
        limits={f.key: f.most for f in findings},
        worst_half_second_at=keypoints.worst_half_second(evidence)[1],
    )


def clip_of(motion: Motion) -> Clip:
    """The input that a saved motion followed, as a clip."""
    seen = np.isfinite(motion.input_keypoints).all(axis=-1)
    source = motion.report.clip if motion.report else "clip"
    return Clip(
        motion.input_keypoints,
        motion.keypoint_names,
        motion.fps,
        seen.astype(float),
        source=source,
    )
