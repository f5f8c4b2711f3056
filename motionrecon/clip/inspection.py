"""What a clip is and what is wrong with it, in words."""

import numpy as np

from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import estimate_floor
from motionrecon.clip.noise import estimate_noise
from motionrecon.runs import runs

BONES = (
    ("thigh", "{}_hip", "{}_knee"),
    ("shank", "{}_knee", "{}_ankle"),
    ("foot", "{}_heel", "{}_toe"),
    ("upper arm", "{}_shoulder", "{}_elbow"),
    ("forearm", "{}_elbow", "{}_wrist"),
    ("hips", "l_hip", "r_hip"),
    ("shoulders", "l_shoulder", "r_shoulder"),
    ("trunk", "pelvis", "neck"),
)
_FASTEST = 12.0  # m/s: a hand's or foot's in throwing and kicking; beyond it something jumped
_OUTLIER = 8.0  # times a keypoint's usual change of speed
_LEAST_JUMP = 0.05  # m, from one frame to the next and off the line between its neighbours


def bone_lengths(clip: Clip) -> list[tuple[str, float, float]]:
    """(bone, median length m, spread as a share of it) of the bones both of whose ends the clip
    has.
    """
    rows = []
    for bone, a, b in BONES:
        for side in ("l", "r") if "{}" in a else ("",):
            ends = clip.index(a.format(side)), clip.index(b.format(side))
            if None in ends:
                continue
            length = np.linalg.norm(clip.keypoints[:, ends[0]] - clip.keypoints[:, ends[1]], axis=1)
            length = length[np.isfinite(length)]
            if length.size:
                middle = float(np.median(length))
                rows.append(
                    (f"{side} {bone}".strip(), middle, float(np.std(length)) / max(middle, 1e-9))
                )
    return rows


def gaps(clip: Clip) -> list[tuple[str, float, float]]:
    """(keypoint, share of its frames that is missing, longest gap s), those without a gap left
    out.
    """
    rows = []
    for j, name in enumerate(clip.names):
        missing = ~np.isfinite(clip.keypoints[:, j]).all(axis=1)
        if missing.any():
            longest = max(after - first for first, after in runs(missing))
            rows.append((name, float(missing.mean()), float(longest / clip.fps)))
    return rows


def speed_outliers(clip: Clip) -> list[tuple[str, int, float]]:
    """(keypoint, frame, m) where a keypoint leaves the line between its neighbours in time by far
    more than it usually does, or is faster than 12 m/s: swapped labels, ghosts.
    """
    x = clip.keypoints
    with np.errstate(invalid="ignore"):
        off = np.linalg.norm(x[1:-1] - 0.5 * (x[2:] + x[:-2]), axis=-1)
        speed = np.linalg.norm(np.diff(x, axis=0), axis=-1) * clip.fps
    rows = []
    for j, name in enumerate(clip.names):
        seen = off[np.isfinite(off[:, j]), j]
        if not seen.size:
            continue
        limit = max(_OUTLIER * float(np.median(seen)), _LEAST_JUMP)
        with np.errstate(invalid="ignore"):
            bad = (off[:, j] > limit) | ((speed[:-1, j] > _FASTEST) & (off[:, j] > 0.25 * limit))
        rows += [(name, int(t) + 1, float(off[t, j])) for t in np.flatnonzero(bad)]
    return rows


def describe(clip: Clip) -> list[str]:
    """What was found, bone lengths, gaps, floor, noise, outliers and warnings, a line each."""
    lines = [
        f"{clip.source}: {len(clip.keypoints)} frames, {clip.duration:.2f} s, {len(clip.names)} "
        "keypoints"
    ]
    lines += [f"  {text}" for text in clip.findings]
    lines.append(f"  keypoints: {', '.join(clip.names)}")
    lines.append("bone lengths (median, spread):")
    lines += [
        f"  {bone:<14}{1e3 * length:7.0f} mm  {100 * spread:4.1f} %"
        for bone, length, spread in bone_lengths(clip)
    ]
    holes = gaps(clip)
    lines.append("gaps:" if holes else "gaps: none")
    lines += [
        f"  {name:<14}{100 * share:5.1f} % missing, longest {longest:.2f} s"
        for name, share, longest in holes
    ]
    floor = estimate_floor(clip)
    lines += ["floor:", *(f"  {text}" for text in floor.findings)]
    lines.append(f"noise: about {1e3 * estimate_noise(clip):.1f} mm a coordinate")
    jumps = speed_outliers(clip)
    lines.append(f"speed outliers: {len(jumps) or 'none'}")
    lines += [
        f"  {name} at frame {frame}: {1e3 * far:.0f} mm off its neighbours"
        for name, frame, far in jumps[:10]
    ]
    if len(jumps) > 10:
        lines.append(f"  and {len(jumps) - 10} more")
    if {"grf_force", "grf_names"} <= set(clip.extras):
        force = np.asarray(clip.extras["grf_force"])
        peaks = ", ".join(
            f"{n} {np.nanmax(force[:, i, 2], initial=0.0):.0f} N"
            for i, n in enumerate(np.atleast_1d(clip.extras["grf_names"]))
        )
        lines.append(f"force plates: peak vertical force {peaks}")
    lines += [f"warning: {text}" for text in clip.warnings]
    return lines
