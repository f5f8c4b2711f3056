"""Signs that a person could have moved so, which need no force plate: over any folder of clips, or
of finished results.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.batch.scan import find_clips
from motionrecon.cli.words import unset
from motionrecon.clip.load import load_clip
from motionrecon.engine import mujoco
from motionrecon.errors import ClipError, MotionReconError
from motionrecon.motion import Motion, stances
from motionrecon.motion.kind import Kind
from motionrecon.motion.verdict import clip_of, judge
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.physics.constants import contact_spheres
from motionrecon.physics.rollout import Simulator
from motionrecon.physics.settle import settled
from motionrecon.pipeline import Options, reconstruct
from motionrecon.terminal import say_text
from motionrecon_benchmarks.varied import varied

# column -> (heading, digits)
COLUMNS = {
    "mpjpe_g_mm": ("MPJPE-G mm", 1),
    "accel_error_m_s2": ("acc. m/s^2", 2),
    "air_share": ("in the air % (the input is not)", 1),
    "foot_peak_bw": ("foot peak, body weights", 2),
    "extra_switches": ("contact switches a foot beyond the input's", 1),
    "root_residual_bw": ("force less m (a - g), body weights RMS", 3),
    "sunk_mm": ("penetration beyond static mm", 2),
    "jacobians": ("Jacobians a window", 1),
    "realtime_factor": ("s per s of motion", 2),
}
# what is asked for: (what, kinds it holds for, column, how the clips' values are taken, the most)
LIMITS: tuple[tuple[str, tuple[Kind, ...], str, str, float], ...] = (
    ("in the air, walks and squats, worst, %", (Kind.WALK, Kind.SQUAT), "air_share", "worst", 0.5),
    ("peak of a foot, walks, worst, body weights", (Kind.WALK,), "foot_peak_bw", "worst", 1.6),
    (
        "contact switches beyond the input's, walks, median",
        (Kind.WALK,),
        "extra_switches",
        "median",
        0,
    ),
    ("MPJPE-G, all, median, mm", tuple(Kind), "mpjpe_g_mm", "median", 7.0),
    ("MPJPE-G, walks, worst, mm", (Kind.WALK,), "mpjpe_g_mm", "worst", 6.0),
    ("MPJPE-G, all, worst, mm", tuple(Kind), "mpjpe_g_mm", "worst", 40.0),
    ("penetration beyond static, all, worst, mm", tuple(Kind), "sunk_mm", "worst", 2.0),
    ("seconds a second of motion, all, median", tuple(Kind), "realtime_factor", "median", 1.2),
)


def measure(motion: Motion) -> dict[str, Any]:
    """One row: the signs of a motion with its report."""
    report = motion.require_report()
    clip = clip_of(motion)
    verdict = report.verdict or judge(motion)
    evidence = Evidence(motion, report, clip)
    return {
        "kind": verdict.kind,
        "verdict": verdict.verdict.value,
        "reasons": list(verdict.reasons),
        "mpjpe_g_mm": report.result.mpjpe_g_mm,
        "accel_error_m_s2": report.result.accel_error_m_s2,
        "air_share": _percent(verdict.measures.get("air_share")),
        "foot_peak_bw": verdict.measures.get("foot_peak_bw"),
        "extra_switches": extra_switches(evidence),
        "root_residual_bw": verdict.measures.get("root_residual_bw"),
        "sunk_mm": sunk_mm(motion),
        "jacobians": np.mean(
            [w.linearizations + w.linearizations_growing for w in report.windows]
        ).item(),
        "realtime_factor": report.realtime_factor,
    }


def extra_switches(e: Evidence) -> float | None:
    """How much oftener than its keypoints a foot comes down or leaves, the mean of the feet; None
    where the input shows no foot.
    """
    clip = clip_of(e.motion)
    extra = [
        stances.switches(stances.by_force(e.feet[:, side, 2])) - stances.switches(seen)
        for side, seen in enumerate(stances.by_keypoints(clip, e.stature))
        if seen is not None
    ]
    return float(np.mean(extra)) if extra else None


def sunk_mm(motion: Motion) -> float:
    """Mean depth by which the body is lower than its pose would lie at rest under the same force.

    The static depth is the contact's own compliance (heel pad and shoe); what is beyond it is not.
    Over frames in which the floor carries a tenth of the weight.
    """
    model = motion.model
    simulator, data = Simulator(model), mujoco.MjData(model)
    force = motion.contact_force.sum(axis=1)[:, 2] + motion.contact_force_other[:, 2]
    spheres = contact_spheres(model)
    beyond = []
    for t in np.flatnonzero(force > 0.1 * motion.weight):
        data.qpos[:] = motion.qpos[t]
        mujoco.mj_kinematics(model, data)
        lowest = float((data.geom_xpos[spheres, 2] - model.geom_size[spheres, 0]).min())
        rest = settled(
            simulator, motion.qpos[t], np.zeros(model.nv), motion.ctrl[t], float(force[t])
        )
        # the settled pose differs in height alone
        static = lowest + float(rest[2] - motion.qpos[t, 2])
        beyond.append(max(0.0, min(static, 0.0) - lowest))
    return 1e3 * float(np.mean(beyond)) if beyond else 0.0


def rows(study: "Study") -> Iterator[dict[str, Any]]:
    """A row a clip or result, with its error where there is one."""
    for name, path in _sources(study):
        begun = time.perf_counter()
        try:
            finished = path.name == "motion.npz"
            motion = Motion.load(path) if finished else _reconstructed(path, study)
            row = {"clip": name, **measure(motion)}
        except MotionReconError as error:
            row = {"clip": name, "verdict": "error", "reasons": [str(error)]}
        yield row | {"seconds": round(time.perf_counter() - begun, 2)}


def _sources(study: "Study") -> list[tuple[str, Path]]:
    """Name and file of every finished result in the folder; where there is none, of its clips."""
    results = sorted(study.folder.rglob("motion.npz")) if study.folder.is_dir() else []
    if results:
        return [(path.parent.name, path) for path in results]
    return [(path.stem, path) for path in find_clips(study.folder)[1]]


def _reconstructed(path: Path, study: "Study") -> Motion:
    clip = load_clip(path).until(study.seconds)
    return reconstruct(clip, _options(study))


def _options(study: "Study") -> Options:
    return varied(Options(start=study.start, threads=study.threads), study.weights)


def table(found: list[dict[str, Any]]) -> str:
    """Markdown: a line a clip, medians a kind, and the limits."""
    heads = [heading for heading, _ in COLUMNS.values()]
    lines = [
        "| clip | kind | " + " | ".join(heads) + " | verdict |",
        "|---" * (len(heads) + 3) + "|",
    ]
    for row in found:
        verdict = row["verdict"] + (f": {'; '.join(row['reasons'])}" if row["reasons"] else "")
        cells = [_cell(row.get(key), digits) for key, (_, digits) in COLUMNS.items()]
        lines.append(f"| {row['clip']} | {row.get('kind', '')} | {' | '.join(cells)} | {verdict} |")
    for kind in Kind:
        mine = [row for row in found if row.get("kind") == kind]
        if mine:
            cells = [_cell(_taken(mine, k, "median"), d) for k, (_, d) in COLUMNS.items()]
            ok = sum(row["verdict"] == "ok" for row in mine)
            lines.append(f"| **median of {len(mine)}** | {kind} | {' | '.join(cells)} | {ok} ok |")
    lines += ["", "| asked for | at most | measured | |", "|---|---|---|---|"]
    for what, kinds, key, how, most in LIMITS:
        value = _taken([row for row in found if row.get("kind") in kinds], key, how)
        missed = "MISSED" if value is not None and value > most else ""
        lines.append(f"| {what} | {most:g} | {_cell(value, 2)} | {missed} |")
    return "\n".join(lines) + "\n"


def _taken(found: list[dict[str, Any]], key: str, how: str) -> float | None:
    values = [row[key] for row in found if row.get(key) is not None]
    if not values:
        return None
    return float(np.median(values) if how == "median" else max(values))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _cell(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


@dataclass(frozen=True)
class Study:
    """Signs that a person could have moved so, which need no force plate."""

    folder: Positional[Path] = assets.folder()
    """a folder of clips, or of finished results (motion.npz with report.json)"""
    out: Path = Path("out/benchmark-plausibility")
    """folder of the tables"""
    seconds: Annotated[float | None, unset("S")] = None
    """of each clip, from its start, s, above 0"""
    start: str = Options.start
    """of windows: grown, regulator, or a folder with the weights of a law"""
    weights: Annotated[tuple[str, ...], unset("NAME=VALUE ...")] = ()
    """other numbers for the options of a reconstruction, as gain=0.002, for ablations"""
    threads: int = 2
    """1 or 2"""


def main(study: Study) -> int:
    """Writes plausibility.json and plausibility.md, row by row."""
    if study.seconds is not None and not study.seconds > 0:
        raise ClipError(f"--seconds {study.seconds:g}: expected more than 0")
    _options(study)
    found: list[dict[str, Any]] = []
    for row in rows(study):
        found.append(row)
        study.out.mkdir(parents=True, exist_ok=True)
        (study.out / "plausibility.json").write_text(json.dumps(found, indent=1))
        (study.out / "plausibility.md").write_text(table(found))
        say_text(table([row]).splitlines()[2])
    say_text("\n" + table(found))
    return 0
