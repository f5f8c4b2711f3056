"""Whole clips: accuracy, forces and seconds of every optimizer named, in the same run; with noise
where asked for.
"""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.cli.words import unset
from motionrecon.clip.load import Clip, load_clip
from motionrecon.errors import ClipError, MotionReconError
from motionrecon.pipeline import Options, reconstruct
from motionrecon.terminal import say_text

BUNDLED = assets.folder()
SHOWN = ("mpjpe_g_mm", "accel_error_m_s2", "penetration_mm", "foot_skate_percent")


def spoil(clip: Clip, noise_m: float, missing: float, seed: int) -> Clip:
    """The clip with Gaussian noise (m) on every coordinate and a share of its keypoints missing at
    random.
    """
    random = np.random.default_rng(seed)
    keypoints = clip.keypoints + noise_m * random.standard_normal(clip.keypoints.shape)
    gone = random.random(clip.keypoints.shape[:2]) < missing
    keypoints[gone] = np.nan
    confidence = np.where(gone, 0.0, clip.confidence)
    return clip.replace(keypoints=keypoints, confidence=confidence)


def measure(path: Path, optimizer: str, a: Study) -> dict:
    """One row: a clip reconstructed by one optimizer; its error where it could not be."""
    row: dict[str, Any] = {"clip": path.stem, "optimizer": optimizer}
    try:
        clean = load_clip(path).until(a.seconds)
        noisy = a.noise_mm > 0 or a.missing > 0
        clip = spoil(clean, a.noise_mm / 1e3, a.missing, a.seed) if noisy else clean
        options = Options(optimizer=optimizer, max_evaluations=a.max_evaluations)
        motion = reconstruct(clip, options, reference=clean if noisy else None)
    except MotionReconError as error:
        return {**row, "status": "error", "error": str(error)}
    report = motion.require_report().to_json()
    keep = (
        "status",
        "ik",
        "result",
        "input",
        "force_plates",
        "evaluations",
        "seconds",
        "realtime_factor",
    )
    row |= {k: report[k] for k in keep if k in report}
    row["loss"] = sum(w["loss_end"] or np.inf for w in report["windows"])
    if noisy:
        for key in ("mpjpe_g_mm", "accel_error_m_s2"):
            row[f"{key}_share_of_input"] = report["result"][key] / report["input"][key]
    return row


def _cell(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def table(rows: list[dict]) -> str:
    """Markdown: a line a clip and optimizer, then medians, means and the worst an optimizer."""
    shares = [k for k in rows[0] if k.endswith("_share_of_input")]
    columns = [
        "IK MPJPE-G mm",
        "MPJPE-G mm",
        "acc. m/s^2",
        "penetration mm",
        "skate %",
        "evaluations",
        "s per s of motion",
    ]
    lines = [
        "| clip | optimizer | status | "
        + " | ".join(columns + [k.replace("_", " ") for k in shares])
        + " |",
        "|---" * (3 + len(columns) + len(shares)) + "|",
    ]
    good = [r for r in rows if r["status"] != "error"]
    values: dict[str, list[list[float]]] = {}
    for r in rows:
        if r["status"] == "error":
            lines.append(
                f"| {r['clip']} | {r['optimizer']} | error: {r['error']} |"
                + " |" * (len(columns) + len(shares))
            )
            continue
        v = [
            r["ik"]["mpjpe_g_mm"],
            *(r["result"][k] for k in SHOWN),
            r["evaluations"],
            r["realtime_factor"],
        ]
        v += [r[k] for k in shares]
        values.setdefault(r["optimizer"], []).append([np.nan if x is None else x for x in v])
        digits = [1] * 5 + [0, 2] + [3] * len(shares)
        lines.append(
            f"| {r['clip']} | {r['optimizer']} | {r['status']} | "
            + " | ".join(map(_cell, v, digits))
            + " |"
        )
    for optimizer, v in values.items():
        for name, of in (("median", np.nanmedian), ("mean", np.nanmean), ("largest", np.nanmax)):
            lines.append(
                f"| **{name}** | {optimizer} | | "
                + " | ".join(_cell(x, 2) for x in of(v, axis=0))
                + " |"
            )
    plates = [
        f"| {r['clip']} | {r['optimizer']} | {foot} | {_cell(s['rmse_bw'][2], 3)} | "
        f"{_cell(s['correlation'][2], 3)} | "
        f"{_cell(s['centre_of_pressure_rmse_mm'], 0)} | {s['seconds']:.1f} |"
        for r in good
        for foot, s in r.get("force_plates", {}).items()
    ]
    if plates:
        head = (
            "| clip | optimizer | foot | vertical RMSE, body weights | correlation "
            "| centre of pressure mm | s |"
        )
        lines += ["", head, "|---" * 7 + "|", *plates]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Study:
    """Whole clips: accuracy, forces and seconds of every optimizer named, in the same run."""

    clips: Positional[tuple[Path, ...]] = ()
    """npz files or folders of them (default: the bundled clips)"""
    out: Path = Path("out/benchmark-reconstruct")
    """folder of the tables"""
    optimizers: tuple[str, ...] = (Options.optimizer,)
    """by name"""
    max_evaluations: int = Options.max_evaluations
    """a window, at least 1"""
    seconds: Annotated[float | None, unset("S")] = None
    """of each clip, from its start, s"""
    noise_mm: float = 0.0
    """Gaussian, on every coordinate, mm"""
    missing: float = 0.0
    """share of keypoints left out at random, 0 to 1"""
    seed: int = 0
    """of noise and missing keypoints"""


def main(a: Study) -> int:
    """Writes reconstruct.json and reconstruct.md, row by row."""
    paths = [
        p
        for given in a.clips or [BUNDLED]
        for p in (sorted(given.glob("*.npz")) if given.is_dir() else [given])
    ]
    if not paths:
        raise ClipError(f"no .npz clip in {', '.join(map(str, a.clips))}")
    a.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in paths:
        for optimizer in a.optimizers:
            rows.append(measure(path, optimizer, a))
            (a.out / "reconstruct.json").write_text(json.dumps(rows, indent=1))
            (a.out / "reconstruct.md").write_text(table(rows))
            say_text(table(rows[-1:]).splitlines()[2])
    say_text("\n" + table(rows))
    say_text(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    return 0
