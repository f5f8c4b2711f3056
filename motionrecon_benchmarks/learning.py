"""Learning curves of meta-training: validation meta-loss against meta-steps and CPU seconds, from
the folders that ``motionrecon train`` wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from motionrecon.errors import ModelError
from motionrecon.terminal import say_text


def read_curve(folder: Path) -> dict[str, np.ndarray]:
    """step, cpu_seconds, validation (K,) of a run. Raises ModelError where there is no curve."""
    try:
        lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
        return {
            k: np.array([line[k] for line in lines], float)
            for k in ("step", "cpu_seconds", "validation")
        }
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{folder}/curve.jsonl: {error!r}; give a folder written by motionrecon train"
        ) from error


def table(curves: dict[str, dict[str, np.ndarray]], baseline: str) -> str:
    """Markdown: where each run ends, and when it reaches the end of `baseline`."""
    target = curves[baseline]["validation"][-1]
    lines = [
        "| run | meta-steps | CPU s | start | end "
        f"| first at or below the end of {baseline}: meta-steps, CPU s |",
        "|---" * 6 + "|",
    ]
    for name, c in curves.items():
        hit = np.nonzero(c["validation"] <= target)[0]
        when = f"{c['step'][hit[0]]:.0f}, {c['cpu_seconds'][hit[0]]:.0f}" if hit.size else "never"
        ends = f"{c['validation'][0]:.3f} | {c['validation'][-1]:.3f}"
        lines.append(
            f"| {name} | {c['step'][-1]:.0f} | {c['cpu_seconds'][-1]:.0f} | {ends} | {when} |"
        )
    return "\n".join(lines) + "\n"


def plot(curves: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    styles = ("-", "--", "-.", ":")
    for k, (name, c) in enumerate(curves.items()):
        for axis, key in zip(axes, ("step", "cpu_seconds"), strict=True):
            axis.plot(c[key], c["validation"], styles[k % 4], label=name)
    axes[0].set(
        xlabel="meta-steps", ylabel="validation meta-loss, log10 of the gap left", xscale="symlog"
    )
    axes[1].set(xlabel="CPU seconds", xscale="symlog")
    axes[0].legend()
    figure.savefig(path, dpi=70)
    plt.close(figure)


@dataclass(frozen=True)
class Study:
    """Learning curves of meta-training: validation loss by meta-steps and CPU seconds."""

    runs: Positional[tuple[Path, ...]]
    """folders that motionrecon train wrote; the first is the baseline"""
    out: Path = Path("out/benchmark-learning")
    """folder of table and plot"""


def main(a: Study) -> int:
    """Writes learning.json, learning.md and learning.png. Raises ModelError."""
    if not a.runs:
        raise ModelError("no runs given: name folders that motionrecon train wrote")
    curves = {run.name: read_curve(run) for run in a.runs}
    a.out.mkdir(parents=True, exist_ok=True)
    text = table(curves, a.runs[0].name)
    (a.out / "learning.md").write_text(text)
    (a.out / "learning.json").write_text(
        json.dumps({k: {n: v.tolist() for n, v in c.items()} for k, c in curves.items()})
    )
    plot(curves, a.out / "learning.png")
    say_text(text)
    return 0
