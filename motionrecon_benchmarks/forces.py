"""Forces of the floor against force plates: errors, contacts and pictures, clip by clip."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.cli.words import unset
from motionrecon.clip.load import load_clip
from motionrecon.errors import ClipError, MotionReconError, OptionError
from motionrecon.motion.kind import Kind
from motionrecon.motion.lowpass import USUAL_HZ
from motionrecon.motion.plates import Plates
from motionrecon.pipeline import Options, reconstruct
from motionrecon.terminal import say_text
from motionrecon_benchmarks.force_figure import draw
from motionrecon_benchmarks.force_scores import feet, kind_of_clip, scores
from motionrecon_benchmarks.less_of_clips import legs_of, rooted
from motionrecon_benchmarks.moment_scores import moment_scores
from motionrecon_benchmarks.varied import varied

# What is asked of forces, by kind of motion: at most so much, in the order vertical, along, across.
# Aims, half as much, are what gait laboratories' own simulations reach.
MOST: dict[Kind, dict[str, tuple[float, ...]]] = {
    Kind.WALK: {
        "mae_bw_percent": (6.0, 2.0, 1.2),
        "timing_ms": (30.0,),
        "in_the_air_percent": (0.5,),
        "peak_bw": (1.6,),
    },
    Kind.SQUAT: {"mae_bw_percent": (5.0,), "in_the_air_percent": (0.5,)},
    Kind.RUN: {"mae_bw_percent": (9.0,)},
}
LEAST_CORRELATION = {Kind.WALK: 0.95}
_NAMES = {
    "mae_bw_percent": ("vertical", "along", "across"),
    "timing_ms": ("timing",),
    "in_the_air_percent": ("in the air",),
    "peak_bw": ("peak",),
}
# column, key of a row, digits after the point
_COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("MAE % BW, vertical / along / across", "mae_bw_percent", 1),
    ("RMSE % BW", "rmse_bw_percent", 1),
    ("r vertical", "correlation", 3),
    ("CoP RMSE mm", "centre_of_pressure_rmse_mm", 0),
    ("on and off ms", "timing_ms", 0),
    ("contacts, left and right", "contacts", 0),
    ("plates'", "plate_contacts", 0),
    ("peak BW", "peak_bw", 2),
    ("plates'", "plate_peak_bw", 2),
    ("in the air %", "in_the_air_percent", 1),
)


@dataclass(frozen=True)
class Study:
    """Forces of the floor against force plates, over every clip that brings some."""

    clips: Positional[tuple[Path, ...]] = ()
    """npz files or folders of them (default: the bundled clips)"""
    out: Path = Path("out/benchmark-forces")
    """folder of the tables and pictures"""
    optimizer: str = Options.optimizer
    """by name"""
    max_evaluations: int = Options.max_evaluations
    """a window, at least 1"""
    seconds: Annotated[float | None, unset("S")] = None
    """of each clip, from its start, s"""
    only: Annotated[Literal["legs", "root"] | None, unset("{legs,root}")] = None
    """cut clips down to their legs, as a laboratory that looks at gait alone has them; or make them
    relative to the root and pitch them by 10 degrees, as pose networks give them"""
    start: str = Options.start
    """of windows: grown, regulator, or a folder with the weights of a law"""
    weights: Annotated[tuple[str, ...], unset("NAME=VALUE ...")] = ()
    """other numbers for the options of a reconstruction, as momentum=0 spin=0, for ablations"""


def main(a: Study) -> int:
    """Writes forces.json, forces.md and a picture a clip, clip by clip. Raises ClipError where no
    clip brings force plates.
    """
    if a.seconds is not None and not 0 < a.seconds < np.inf:
        raise OptionError(f"--seconds {a.seconds:g}: expected more than 0")
    options_of(a)
    paths = [
        p
        for given in a.clips or [assets.folder()]
        for p in (sorted(given.glob("*.npz")) if given.is_dir() else [given])
    ]
    rows: list[dict[str, Any]] = []
    for path in paths:
        if (row := measure(path, a)) is None:
            continue
        rows.append(row)
        (a.out / "forces.json").write_text(json.dumps(_finite(rows), indent=1, allow_nan=False))
        (a.out / "forces.md").write_text(table(rows), encoding="utf-8")
        say_text(table([row]).splitlines()[2])
    if not rows:
        raise ClipError(f"no clip with force plates in {', '.join(map(str, a.clips)) or 'assets'}")
    say_text("\n" + table(rows))
    return 0


def measure(path: Path, a: Study) -> dict[str, Any] | None:
    """A clip's row, its error where it could not be reconstructed; None where no plate carried a
    foot while it lasts.
    """
    try:
        row = _measured(path, a)
    except MotionReconError as error:
        row = {"clip": path.stem, "kind": "", "error": str(error)}
    if row is not None:
        a.out.mkdir(parents=True, exist_ok=True)
    return row


def _measured(path: Path, a: Study) -> dict[str, Any] | None:
    clip = load_clip(path).until(a.seconds)
    if a.only is not None:
        clip = {"legs": legs_of, "root": rooted}[a.only](clip)
    if Plates.of(clip.extras) is None:
        return None
    motion = reconstruct(clip, options_of(a))
    kind = kind_of_clip(clip, motion)
    hz = USUAL_HZ[kind]
    found = feet(motion, clip, hz)
    if not found:
        return None
    report = motion.require_report()
    row = {
        "clip": path.stem,
        "kind": str(kind),
        "filter_hz": hz,
        "mass_kg": report.mass_kg,
        **scores(motion, found),
        **moment_scores(motion, clip, hz),
        "mpjpe_g_mm": report.result.mpjpe_g_mm,
        "realtime_factor": report.realtime_factor,
    }
    a.out.mkdir(parents=True, exist_ok=True)
    draw(found, motion.weight, f"{path.stem}: {kind}", a.out / f"{path.stem}.png")
    return {**row, "missed": missed(row)}


def options_of(a: Study) -> Options:
    return varied(Options(a.optimizer, a.max_evaluations, start=a.start), a.weights)


def missed(row: dict[str, Any]) -> list[str]:
    """What a row falls short of, in words."""
    kind = Kind(row["kind"])
    short = []
    for key, most in MOST.get(kind, {}).items():
        values = np.atleast_1d(row[key])
        short += [
            f"{name} {value:.1f} > {limit:g}"
            for name, value, limit in zip(_NAMES[key], values, most, strict=False)
            if value > limit
        ]
    least = LEAST_CORRELATION.get(kind)
    if least is not None and not row["correlation"] >= least:
        short.append(f"r {row['correlation']:.2f} < {least:g}")
    more = [o > p for o, p in zip(row["contacts"], row["plate_contacts"], strict=True)]
    if kind is Kind.WALK and any(more):
        short.append("contacts broken up")
    return short


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line a clip, then medians by kind of motion."""
    heads = ["clip", "kind", "Hz", *(head for head, _, _ in _COLUMNS), "verdict"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for r in rows:
        if "error" in r:
            cells = ["error: " + r["error"], *[""] * (len(heads) - 2)]
        else:
            verdict = f"MISSED: {', '.join(r['missed'])}" if r["missed"] else "met"
            hz = "none" if r["filter_hz"] is None else f"{r['filter_hz']:g}"
            cells = [r["kind"], hz, *_cells(r), verdict if Kind(r["kind"]) in MOST else ""]
        lines.append(f"| {' | '.join([r['clip'], *cells])} |")
    good = [r for r in rows if "error" not in r]
    for kind in dict.fromkeys(r["kind"] for r in good):
        same = [r for r in good if r["kind"] == kind]
        count = f"{len(same)} clip{'s' if len(same) > 1 else ''}"
        cells = [kind, "", *_cells(_medians(same)), count]
        lines.append(f"| {' | '.join(['**median**', *cells])} |")
    return "\n".join(lines) + "\n"


def _medians(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Of the columns that are numbers of their own; how many contacts there are is not."""
    out = {}
    for key in (key for _, key, _ in _COLUMNS if not key.endswith("contacts")):
        columns = np.array([np.atleast_1d(r[key]) for r in rows], float).T
        known = [column[np.isfinite(column)] for column in columns]
        out[key] = [float(np.median(k)) if k.size else float("nan") for k in known]
    return out


def _cells(row: dict[str, Any]) -> list[str]:
    return [_cell(row.get(key), digits) for _, key, digits in _COLUMNS]


def _cell(value: float | Iterable[float] | None, digits: int) -> str:
    if value is None:
        return ""
    texts = (f"{v:.{digits}f}" if np.isfinite(v) else "" for v in np.atleast_1d(np.asarray(value)))
    return " / ".join(texts)


def _finite(value: Any) -> Any:
    """The same with None for numbers that are not finite, for JSON."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
