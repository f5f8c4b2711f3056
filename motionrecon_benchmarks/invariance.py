"""How much rescaling f or x (start and domain too) changes the evaluations a learned optimizer
needs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from motionrecon.errors import OptimizerError
from motionrecon.learned.train.tasks import variants
from motionrecon.terminal import say_text
from motionrecon_benchmarks import classical


def _needed(name: str, stacked: variants.Variant, budget: int, share: float) -> np.ndarray:
    """Evaluations (F, seeds) until the loss is `share` of the start's, infinite when never."""
    curve = classical._lowest(classical._learned_losses(name, stacked, budget))
    return np.array([[classical._steps_to(c, share * c[0]) for c in row] for row in curve])


@dataclass(frozen=True)
class Study:
    """How much rescaling f or x changes the evaluations that a learned optimizer needs."""

    out: Path = Path("out/benchmark-invariance")
    """folder of the tables"""
    dimension: int = 10
    """number of variables"""
    seeds: int = 3
    """variants of each function"""
    budget: int = 300
    """evaluations"""
    share: float = 1e-2
    """of the start's gap, to be reached"""
    models: tuple[str, ...] = classical.LEARNED
    """by name"""


def main(a: Study) -> int:
    """Writes invariance.json and invariance.md."""
    if unknown := set(a.models) - set(classical.LEARNED):
        names = ", ".join(sorted(unknown))
        raise OptimizerError(f"--models {names}: choose from {', '.join(classical.LEARNED)}")
    a.out.mkdir(parents=True, exist_ok=True)
    factors = [(1.0, f) for f in (1e-3, 1e3)] + [(x, 1.0) for x in (0.1, 0.3, 3.0, 10.0)]
    head = "| model | x times | f times | median ratio of evaluations | runs that reach it |"
    report: dict[str, list[dict[str, object]]] = {}
    lines = [head, "|---" * 5 + "|"]
    with jax.enable_x64(True):
        plain = classical.draw_variants(a.dimension, a.seeds)
        for name in a.models:
            base = _needed(name, plain, a.budget, a.share)
            for x, f in factors:
                scaled = jax.vmap(jax.vmap(lambda v, x=x, f=f: variants.rescaled(v, x, f)))(plain)
                other = _needed(name, scaled, a.budget, a.share)
                reached = np.isfinite(base)
                ratio = float(np.median(other[reached] / base[reached])) if reached.any() else None
                before, after = int(reached.sum()), int(np.isfinite(other).sum())
                both = f"{before} -> {after} of {base.size}"
                report.setdefault(name, []).append(
                    {"x": x, "f": f, "median_ratio": ratio, "reached": both}
                )
                shown = "-" if ratio is None else f"{ratio:.2f}"
                lines.append(f"| {name} | {x:g} | {f:g} | {shown} | {both} |")
                say_text(lines[-1])
    (a.out / "invariance.json").write_text(json.dumps(report, indent=1))
    (a.out / "invariance.md").write_text("\n".join(lines) + "\n")
    return 0
