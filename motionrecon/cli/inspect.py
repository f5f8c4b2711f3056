"""``motionrecon inspect FILE``: what a motion file holds and what looks wrong in it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tyro.conf import OmitArgPrefixes, Positional

from motionrecon.cli.console import Common, Console
from motionrecon.cli.reading import ReadingOptions
from motionrecon.cli.usage import UsageError

if TYPE_CHECKING:
    from motionrecon.clip.load import Clip


@dataclass(frozen=True)
class InspectOptions:
    """What a motion file holds, as it would be read for reconstruction."""

    clip: Positional[str]
    """any file or folder that reconstruct takes"""
    reading: OmitArgPrefixes[ReadingOptions] = field(default_factory=ReadingOptions)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)


def run(o: InspectOptions, console: Console) -> int:
    """Exit code 0."""
    from motionrecon.clip.inspection import describe
    from motionrecon.clip.load import load_clip

    if o.reading.person == "all":
        return _run_all(o, console)
    clip = load_clip(o.clip, **o.reading.keywords())
    if console.quiet:
        console.warn(clip.warnings)
    elif not console.json:
        console.say(*describe(clip))
    if console.json:
        console.report(report(clip))
    return 0


def _run_all(o: InspectOptions, console: Console) -> int:
    from motionrecon.clip.inspection import describe
    from motionrecon.clip.load import load_people

    if o.reading.forces is not None:
        raise UsageError("--forces belongs to one person: expected none beside --person all")
    clips, left_out = load_people(o.clip, **o.reading.of_people())
    console.warn(left_out)
    for number, clip in clips.items():
        if console.quiet:
            console.warn(clip.warnings)
        elif not console.json:
            console.say(f"person {number}", *describe(clip))
    if console.json:
        people = {str(number): report(clip) for number, clip in clips.items()}
        console.report({"people": people, "left_out": list(left_out)})
    return 0


def report(clip: "Clip") -> dict[str, Any]:
    """What `describe` says in words, as numbers: m, s, Hz, shares of 1."""
    from motionrecon.clip.floor import estimate_floor
    from motionrecon.clip.inspection import bone_lengths, gaps, speed_outliers
    from motionrecon.clip.noise import estimate_noise

    return {
        "clip": clip.source,
        "frames": len(clip.keypoints),
        "fps": float(clip.fps),
        "seconds": float(clip.duration),
        "keypoints": list(clip.names),
        "findings": list(clip.findings),
        "warnings": list(clip.warnings),
        "bones": [
            {"bone": bone, "length_m": length, "spread": spread}
            for bone, length, spread in bone_lengths(clip)
        ],
        "gaps": [
            {"keypoint": name, "missing": share, "longest_s": longest}
            for name, share, longest in gaps(clip)
        ],
        "floor": list(estimate_floor(clip).findings),
        "noise_m": float(estimate_noise(clip)),
        "speed_outliers": [
            {"keypoint": name, "frame": frame, "off_m": off}
            for name, frame, off in speed_outliers(clip)
        ],
    }
