"""People's motion on robots: what physics makes of the feet, beside inverse kinematics alone."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.atomic import write_atomically
from motionrecon.batch.scan import find_clips
from motionrecon.body.build import Body
from motionrecon.cli.words import unset
from motionrecon.clip.load import load_clip
from motionrecon.engine import mujoco
from motionrecon.errors import MotionReconError, OptionError
from motionrecon.motion.motion import Motion
from motionrecon.physics.constants import contact_spheres
from motionrecon.physics.floor_forces import foot_bodies
from motionrecon.pipeline import Options, prepare, reconstruct
from motionrecon.terminal import say_text

# A target's foot whose heel and toe are so near the floor, and so slow, stands flat.
_DOWN_M, _STILL_M_S = 0.01, 0.2


@dataclass(frozen=True)
class Study:
    """Feet of a robot: slide, depth, forces, with physics and by inverse kinematics alone."""

    clips: Annotated[Positional[Path | None], unset("FOLDER")] = None
    """clips (default: the bundled ones)"""
    robot: str = "sample"
    """as for reconstruct"""
    tempo: Literal["auto", "same", "similar"] = "auto"
    """as for reconstruct"""
    seconds: Annotated[float | None, unset("S")] = None
    """only so much of a clip's beginning, s"""
    out: Path = field(default=Path("out/benchmark-robots"))
    """folder of robots.json and robots.md"""


@dataclass(frozen=True)
class Feet:
    """slide: mm/s, mean horizontal speed of the feet where the targets' feet stand flat on the
    floor from one frame to the next; deep, deepest: mm, mean over what is below the
    floor, and most.
    """

    slide: float
    deep: float
    deepest: float

    @classmethod
    def of(
        cls,
        body: Body,
        qpos: Float[np.ndarray, "T nq"],
        targets: Float[np.ndarray, "T K 3"],
        fps: float,
    ) -> "Feet":
        """Of configurations at fps Hz; targets: m, of the body's keypoints."""
        model, data = body.model, mujoco.MjData(body.model)
        feet = foot_bodies(model)
        spheres = [g for g in contact_spheres(model) if int(model.geom_bodyid[g]) in feet]
        ankles = [b for side in (0, 1) for b, s in feet.items() if s == side]
        lowest, places = np.empty((len(qpos), len(spheres))), np.empty((len(qpos), 2, 3))
        for t, q in enumerate(qpos):
            data.qpos[:] = q
            mujoco.mj_kinematics(model, data)
            lowest[t] = data.geom_xpos[spheres, 2] - model.geom_size[spheres, 0]
            places[t] = data.xpos[ankles]
        ends = [[body.keypoint_names.index(f"{s}_{e}") for e in ("heel", "toe")] for s in "lr"]
        flat = np.asarray((targets[:, ends, 2] < _DOWN_M).all(axis=-1))
        still = np.linalg.norm(np.diff(targets[:, ends, :2], axis=0), axis=-1).max(axis=-1) * fps
        stands = flat[1:] & flat[:-1] & (still < _STILL_M_S)
        speed = np.linalg.norm(np.diff(places[..., :2], axis=0), axis=-1) * fps
        below = -lowest[lowest < 0]
        return cls(
            1e3 * float(speed[stands].mean()) if stands.any() else np.nan,
            1e3 * float(below.mean()) if below.size else 0.0,
            1e3 * float(below.max()) if below.size else 0.0,
        )


def row(path: Path, a: Study) -> dict[str, Any]:
    """One clip's. Raises MotionReconError's."""
    clip = load_clip(path)
    clip = clip if a.seconds is None else clip.until(a.seconds)
    options = Options(robot=a.robot, tempo=a.tempo)
    p = prepare(clip, options)
    targets = p.clip.keypoints
    alone = Feet.of(p.body, p.ik.qpos[: len(targets)], targets, p.control_rate)
    motion: Motion = reconstruct(clip, options)
    report = motion.require_report()
    with_physics = Feet.of(p.body, motion.qpos, targets, motion.fps)
    strength = motion.model.actuator_forcerange[:, 1]
    return {
        "clip": path.stem,
        "alone": vars(alone),
        "physics": vars(with_physics),
        "off_mm": report.result.mpjpe_g_mm,
        "peak_bw": float(motion.contact_force[..., 2].max() / motion.weight),
        "at_limit": float((np.abs(motion.torques) >= 0.995 * strength).mean()),
        "seconds": report.realtime_factor,
        "verdict": str(report.require_verdict().verdict),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line a clip, medians last."""
    head = (
        "clip",
        "slide alone, mm/s",
        "with physics",
        "deepest alone, mm",
        "with physics",
        "off the targets, mm",
        "peak of a foot, body weights",
        "at the torque limit",
        "s a second",
        "verdict",
    )
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]

    def numbers(r: dict[str, Any]) -> list[float]:
        feet = [r["alone"]["slide"], r["physics"]["slide"]]
        depth = [r["alone"]["deepest"], r["physics"]["deepest"]]
        return [*feet, *depth, r["off_mm"], r["peak_bw"], 100 * r["at_limit"], r["seconds"]]

    def line(name: str, values: list[float], verdict: str) -> str:
        shown = [f"{v:.1f}" for v in values]
        shown[6] += " %"
        return f"| {name} | " + " | ".join(shown) + f" | {verdict} |"

    lines += [line(r["clip"], numbers(r), r["verdict"]) for r in rows]
    middle = np.nanmedian([numbers(r) for r in rows], axis=0)
    good = sum(r["verdict"] == "ok" for r in rows)
    lines.append(line("median", list(middle), f"{good} of {len(rows)} ok"))
    return "\n".join(lines) + "\n"


def main(a: Study) -> int:
    """Writes robots.json and robots.md. Raises MotionReconError's."""
    rows: list[dict[str, Any]] = []
    for path in find_clips(a.clips or assets.clip_path("walk").parent)[1]:
        try:
            rows.append(row(path, a))
        except MotionReconError as e:
            say_text(f"{path.stem}: left out: {e}\n")
            continue
        a.out.mkdir(parents=True, exist_ok=True)
        with write_atomically(a.out / "robots.json") as part:
            part.write_text(json.dumps(rows))
        with write_atomically(a.out / "robots.md") as part:
            part.write_text(table(rows))
    if not rows:
        raise OptionError(f"{a.clips}: no clip that {a.robot} could follow")
    say_text((a.out / "robots.md").read_text())
    return 0
