"""Optimizers on the control windows of validation clips, and on whole clips."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import matplotlib
import numpy as np
from threadpoolctl import threadpool_limits
from tyro.conf import Positional

from motionrecon.atomic import write_atomically
from motionrecon.cli.words import unset
from motionrecon.clip.load import load_clip
from motionrecon.learned.train.tasks import split
from motionrecon.learned.train.tasks.variation import Variation, vary
from motionrecon.learned.train.tasks.windows import of_clips
from motionrecon.pipeline import Options, reconstruct
from motionrecon.terminal import say_text
from motionrecon_benchmarks import motion_windows as windows

matplotlib.use("Agg")
ADAM = ("adam@0.003", "adam@0.01", "adam@0.03")
GRADIENT = ["lbfgs", *ADAM, "adafactor-mlp-motion", "optimus-motion-plain", "steered-gauss-newton"]
CURVATURE = ["levenberg-marquardt", "levenberg-marquardt+single", "steered-gauss-newton"]
WHOLE = ["bfgs", "optimus-motion-plain", "steered-gauss-newton", "levenberg-marquardt"]
STAGES = {
    "cold": "whole windows, not grown",
    "whole": "whole windows, grown",
    "growing": "beginnings of windows",
}


def evaluations_table(rows: list[windows.Row], specs: list[str]) -> str:
    """Adam's learning rate is the best of the grid on these very windows, to its advantage."""
    out = []
    for stage in dict.fromkeys(r["stage"] for r in rows):
        some = [r for r in rows if r["stage"] == stage]
        rates = {s: windows.compare_evaluations(some, s)["ratio"] for s in specs if s in ADAM}
        best = min(rates, key=lambda rate: rates[rate]) if rates else None
        shown = [s for s in specs if s not in ADAM or s == best]
        others = [o for o in ("bfgs", best, "adafactor-mlp-motion") if o in ["bfgs", *shown]]
        head = [
            "optimizer",
            *(f"lower than {o}" for o in others),
            *(f"ratio to {o}" for o in others),
        ]
        head += [
            "BFGS's loss after 30 iterations reached",
            "in this share of its evaluations (median)",
        ]
        out += [
            f"{STAGES[stage]} ({len(some)}):",
            "",
            "| " + " | ".join(head) + " |",
            "|---" * len(head) + "|",
        ]
        for s in shown:
            against = [windows.compare_evaluations(some, s, o) for o in others]
            cells = [f"{100 * a['lower']:.0f} %" for a in against] + [
                f"{a['ratio']:.3f}" for a in against
            ]
            cells += [
                f"{100 * against[0]['reached']:.0f} %",
                f"{against[0]['evaluations_share']:.2f}",
            ]
            out.append(f"| {s} | " + " | ".join(cells) + " |")
        out.append("")
    return "\n".join(out)


def seconds_table(rows: list[windows.Row], specs: list[str]) -> str:
    head = [
        "windows",
        "optimizer",
        "within 5 % of LM's loss",
        "CPU s to there over all LM's (median)",
        "the same over LM's to there",
        "CPU s in all over LM's (median)",
        "loss over LM's",
        "Jacobians",
        "evaluations",
        "CPU ms (mean)",
    ]
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    groups = [
        (STAGES[s], [r for r in rows if r["stage"] == s])
        for s in dict.fromkeys(r["stage"] for r in rows)
    ]
    for name, some in [*groups, ("all", rows)]:
        for s in specs:
            c = windows.compare_seconds(some, s)
            cells = [
                f"{100 * c['reached']:.0f} %",
                f"{c['share_of_seconds']:.2f}",
                f"{c['share_to_5']:.2f}",
            ]
            cells += [f"{c['total_share']:.2f}", f"{c['loss_ratio']:.3f}", f"{c['jacobians']:.1f}"]
            cells += [f"{c['evaluations']:.1f}", f"{1000 * c['seconds']:.0f}"]
            out.append(f"| {name} ({len(some)}) | {s} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def whole_clip(path: Path, name: str, seconds: float | None, options: Options) -> dict:
    clip = load_clip(path)
    if seconds is not None:
        clip = vary(clip, Variation(seconds=seconds), np.random.default_rng(0))
    begun = time.process_time()
    report = reconstruct(clip, options).require_report().to_json()
    w = report["windows"]
    return {
        "clip": path.stem,
        "optimizer": name,
        "mpjpe_g_mm": report["result"]["mpjpe_g_mm"],
        "status": report["status"],
        "penetration_mm": report["result"]["penetration_mm"],
        "loss": float(sum(x["loss_end"] or np.inf for x in w)),
        "evaluations": report["evaluations"],
        "fallbacks": sum(x["fallbacks"] for x in w),
        "jacobians": sum(x["linearizations"] + x["linearizations_growing"] for x in w),
        "seconds": report["seconds"]["optimise"],
        "cpu_seconds": time.process_time() - begun,
        "realtime_factor": report["realtime_factor"],
    }


def clips_table(rows: list[windows.Row]) -> str:
    head = [
        "clip",
        "optimizer",
        "MPJPE-G mm",
        "penetration mm",
        "sum of losses",
        "evaluations",
        "Jacobians",
        "fallbacks",
        "s optimising",
        "CPU s",
        "s per s of motion",
    ]
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for r in rows:
        cells = [
            f"{r['mpjpe_g_mm']:.1f}",
            f"{r['penetration_mm']:.1f}",
            f"{r['loss']:.3g}",
            str(r["evaluations"]),
        ]
        cells += [
            str(r["jacobians"]),
            str(r["fallbacks"]),
            f"{r['seconds']:.1f}",
            f"{r['cpu_seconds']:.1f}",
        ]
        out.append(
            f"| {r['clip']} | {r['optimizer']} | "
            + " | ".join(cells)
            + f" | {r['realtime_factor']:.2f} |"
        )
    names = list(dict.fromkeys(r["optimizer"] for r in rows))
    of = {n: {r["clip"]: r for r in rows if r["optimizer"] == n} for n in names}
    head = [
        "optimizer",
        "MPJPE-G below BFGS's",
        "median MPJPE-G",
        "CPU s in all",
        "s optimising in all",
        "s per s (median)",
    ]
    out += ["", "| " + " | ".join(head) + " |"]
    out += ["|---" * 6 + "|"]
    for n in names:
        both = [c for c in of[n] if c in of.get("bfgs", {})]
        lower = [of[n][c]["mpjpe_g_mm"] < of["bfgs"][c]["mpjpe_g_mm"] for c in both]
        share = f"{sum(lower)} of {len(lower)}" if n != "bfgs" else ""
        total = {k: sum(r[k] for r in of[n].values()) for k in ("cpu_seconds", "seconds")}
        middle = {
            k: np.median([r[k] for r in of[n].values()]) for k in ("mpjpe_g_mm", "realtime_factor")
        }
        out.append(
            f"| {n} ({len(of[n])} clips) | {share} | {middle['mpjpe_g_mm']:.1f} "
            f"| {total['cpu_seconds']:.1f} | {total['seconds']:.1f} "
            f"| {middle['realtime_factor']:.2f} |"
        )
    return "\n".join(out) + "\n"


def plots(out: Path, evaluations: list[windows.Row], seconds: list[windows.Row]) -> None:
    import matplotlib.pyplot as plt

    for name, rows in (("evaluations", evaluations), ("seconds", seconds)):
        some = [r for r in rows if r["stage"] == "cold"] or rows
        if not some:
            continue
        figure, axis = plt.subplots(figsize=(7, 4.5))
        specs = (
            list(some[0]["losses"])
            if name == "evaluations"
            else [k for k in some[0] if isinstance(some[0][k], dict)]
        )
        for i, spec in enumerate(specs):
            if name == "evaluations":
                grid = np.arange(1.0, 31.0)
                curves = [np.array(r["losses"][spec]) for r in some]
                each = [c[np.minimum(grid.astype(int), len(c)) - 1] / c[0] for c in curves]
            else:
                grid = np.linspace(0.03, 0.8, 60)
                each = []
                for r in some:
                    at, losses = (np.array(v) for v in r[spec]["curve"])
                    each.append(
                        losses[np.maximum(np.searchsorted(at, grid, side="right") - 1, 0)]
                        / losses[0]
                    )
            mean = np.exp(np.mean(np.log(each), axis=0))
            axis.plot(grid, mean, label=spec, linestyle=("-", "--", ":", "-.")[i % 4], linewidth=2)
        axis.set(yscale="log", ylabel="loss over the start's (geometric mean)")
        axis.set_xlabel("evaluations" if name == "evaluations" else "CPU seconds a window")
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
        figure.tight_layout()
        figure.savefig(out / f"motion_{name}.png", dpi=110)
        plt.close(figure)


def _keep(path: Path, value: object) -> None:
    with write_atomically(path) as part:
        part.write_text(json.dumps(value, indent=1))


@dataclass(frozen=True)
class Study:
    """Learned and classical optimizers on the control windows of clips, and on whole clips."""

    clips: Annotated[Positional[Path | None], unset("FOLDER")] = None
    """folder of npz clips (default: the bundled ones)"""
    out: Path = Path("out/benchmark-motion")
    """folder of the tables"""
    part: Literal["training", "validation", "all"] = "validation"
    """of the clips"""
    kind: Annotated[Literal["jump", "floor"] | None, unset("{jump,floor}")] = None
    """only clips of this kind of motion"""
    seconds: float = 2.0
    """of each clip, from its start, s"""
    measure: tuple[Literal["evaluations", "seconds", "clips"], ...] = (
        "evaluations",
        "seconds",
        "clips",
    )
    """loss by evaluations, loss by CPU seconds, whole clips"""
    optimizers: tuple[str, ...] = tuple(GRADIENT)
    """NAME, NAME@RATE, NAME=FOLDER: those compared by evaluations"""
    curvature: tuple[str, ...] = tuple(CURVATURE)
    """those compared in seconds"""
    whole: tuple[str, ...] = tuple(WHOLE)
    """those compared on whole clips"""
    every: int = 1
    """take every so-manieth window of a stage"""
    max_evaluations: int = 30
    """a window, in whole clips"""
    converged: bool = False
    """whole clips by BFGS run until it stops, too"""


def main(a: Study) -> int:
    """Writes motion.md, its plots, and rows as they come: an interrupted run leaves those."""
    a.out.mkdir(parents=True, exist_ok=True)
    paths = [p for p in split.clips(a.clips, a.part) if a.kind is None or a.kind in split.kinds(p)]

    def keep(name: str) -> windows.Say:
        """Rows are written as they come: an interrupted run leaves what it measured."""

        def told(text: str, rows: list[windows.Row]) -> None:
            say_text(text)
            _keep(a.out / f"{name}.json", rows)

        return told

    found: dict[str, list[windows.Row]] = {"evaluations": [], "seconds": [], "clips": []}
    tasks = (
        [t for group in of_clips(paths, seconds=a.seconds) for t in group]
        if set(a.measure) - {"clips"}
        else []
    )
    pick = lambda stage: [t for t in tasks if t.stage == stage][:: a.every]  # noqa: E731
    with threadpool_limits(limits=1):
        if "evaluations" in a.measure:
            chosen = pick("cold") + pick("whole")[::2]
            found["evaluations"] = windows.by_evaluations(
                chosen, list(a.optimizers), keep("evaluations")
            )
        if "seconds" in a.measure:
            chosen = pick("cold") + pick("whole") + pick("growing")[::3]
            found["seconds"] = windows.by_seconds(chosen, list(a.curvature), 100, keep("seconds"))
    if "clips" in a.measure:
        for path in paths:
            for name in a.whole:
                options = Options(optimizer=name, max_evaluations=a.max_evaluations)
                found["clips"].append(whole_clip(path, name, a.seconds, options))
            if a.converged:
                options = Options(optimizer="bfgs", max_evaluations=2000, grow_evaluations=2000)
                found["clips"].append(whole_clip(path, "bfgs, converged", a.seconds, options))
            _keep(a.out / "clips.json", found["clips"])
            say_text(clips_table(found["clips"][-len(a.whole) - a.converged :]).split("\n\n")[0])
    tables = {
        "evaluations": lambda rows: evaluations_table(rows, list(a.optimizers)),
        "seconds": lambda rows: seconds_table(rows, list(a.curvature)),
        "clips": clips_table,
    }
    text = "\n".join(f"## {name}\n\n{tables[name](rows)}" for name, rows in found.items() if rows)
    (a.out / "motion.md").write_text(text)
    plots(a.out, found["evaluations"], found["seconds"])
    say_text("\n" + text)
    say_text(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    return 0
