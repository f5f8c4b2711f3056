"""Learned optimizers against classical ones on shifted and rotated variants of the classical
functions.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from motionrecon import optimizers
from motionrecon.errors import OptimizerError
from motionrecon.learned import algorithm, store
from motionrecon.learned.train.tasks import variants
from motionrecon.learned.train.tasks.classical import HELD_OUT
from motionrecon.learned.train.tasks.functions import FUNCTIONS
from motionrecon.terminal import say_text

Run = Callable[[variants.Variant], Any]

LEARNED = (
    "optimus-classical",
    "optimus-classical-factorised",
    "optimus-classical-paper",
    "adafactor-mlp-classical",
)
STEP_SIZES = tuple(
    float(c) for c in 10.0 ** np.arange(-4.0, 0.51, 0.5)
)  # Adam: units of x; SGD: over the rms of the first gradient
FIRST_ORDER = {
    "sgd": lambda c, size: optax.sgd(c / size),
    "momentum": lambda c, size: optax.sgd(c / size, momentum=0.9),
    "adam": lambda c, size: optax.adam(c),
}
RIVALS = (*LEARNED, *FIRST_ORDER, "bfgs", "lbfgs", "bfgs-hops")
FLOOR = 1e-14  # of the start's gap: differences below it are rounding


# never trained on; 1_000_000 and 2_000_000 and up were looked at while the optimizer was built
FIRST_SEED = 3_000_000


def draw_variants(n: int, seeds: int, first_seed: int = FIRST_SEED) -> variants.Variant:
    """All functions (F) by `seeds` rotated variants, stacked."""
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds) + first_seed)
    one = lambda i, key: variants.draw(key, n, i[None], rotate=1.0)  # noqa: E731
    return jax.vmap(lambda i: jax.vmap(lambda key: one(i, key))(keys))(jnp.arange(len(FUNCTIONS)))


def is_learned(name: str) -> bool:
    """Whether a rival is shipped weights, or a folder of some."""
    return name in LEARNED or "/" in name


def _over_functions(run: Run, stacked: variants.Variant) -> Any:
    """run(variant) over (F, seeds): one function after the other, so that only its own formula is
    computed.
    """

    def one_function(batch: variants.Variant) -> Any:
        index = batch.which[0]
        return jax.vmap(lambda v: run(v._replace(which=index)))(batch)

    return jax.lax.map(one_function, stacked)


@functools.partial(jax.jit, static_argnames=("name", "budget"))
def _learned_losses(name: str, stacked: variants.Variant, budget: int) -> jax.Array:
    config, theta = store.load(Path(name) if "/" in name else name)

    def run(variant: variants.Variant) -> jax.Array:
        def advance(carry: tuple[Any, Any], _: None) -> tuple[Any, jax.Array]:
            x, state = carry
            loss, grad = variants.gap_and_grad(variant, x)
            step, state = algorithm.update(config, theta, state, x, loss, grad)
            return (x + step, state), loss

        return jax.lax.scan(
            advance,
            (variant.start, algorithm.init(config, variant.start.shape[0])),
            None,
            length=budget,
        )[1]

    return _over_functions(run, stacked)


@functools.partial(jax.jit, static_argnames=("name", "budget"))
def _first_order_losses(name: str, stacked: variants.Variant, budget: int) -> jax.Array:
    def run(variant: variants.Variant) -> jax.Array:
        size = jnp.sqrt(jnp.mean(variants.gap_and_grad(variant, variant.start)[1] ** 2))

        def with_step(c: jax.Array) -> jax.Array:
            rule = FIRST_ORDER[name](c, size)

            def advance(carry: tuple[Any, Any], _: None) -> tuple[Any, jax.Array]:
                x, state = carry
                loss, grad = variants.gap_and_grad(variant, x)
                change, state = rule.update(grad, state)
                return (x + change, state), loss

            return jax.lax.scan(
                advance, (variant.start, rule.init(variant.start)), None, length=budget
            )[1]

        return jax.vmap(with_step)(jnp.array(STEP_SIZES))

    return _over_functions(run, stacked)


def _lowest(losses: jax.Array) -> np.ndarray:
    """Lowest loss so far along the last axis; what is not finite counts as infinite."""
    values = np.asarray(losses)
    return np.minimum.accumulate(np.where(np.isfinite(values), values, np.inf), axis=-1)


def _classical_curves(
    name: str, stacked: variants.Variant, budget: int, **options: Any
) -> np.ndarray:
    shape = stacked.which.shape
    curves = np.empty((*shape, budget))
    for i, j in np.ndindex(shape):
        problem = variants.FunctionProblem(jax.tree.map(lambda a, i=i, j=j: a[i, j], stacked))
        result = optimizers.minimize(
            problem, problem.start, optimizers.make(name, gradient_tolerance=0.0, **options), budget
        )
        best = np.array([h[2] for h in result.history])
        curves[i, j] = np.pad(best, (0, budget - best.size), mode="edge")
    return curves


def _hopping_bfgs_curve(problem: variants.FunctionProblem, budget: int, seed: int) -> np.ndarray:
    """BFGS that hops from its best point when a descent has converged: lengths log-uniform in
    [0.03, 1] sqrt(n).
    """
    rng, curve = np.random.default_rng(seed), np.empty(0)
    best, lowest, x = problem.start, np.inf, problem.start
    first = float(np.abs(problem.value_and_grad(problem.start)[1]).max())
    while curve.size < budget:
        rule = optimizers.make("bfgs", gradient_tolerance=1e-8 * first)
        result = optimizers.minimize(problem, x, rule, budget - curve.size)
        if result.loss < lowest:
            best, lowest = result.x, result.loss
        curve = np.concatenate([curve, [h[2] for h in result.history]])
        way = rng.normal(size=problem.n)
        length = 0.03 ** rng.uniform() * problem.n**0.5
        x = best + length * way / np.linalg.norm(way)
    return np.minimum.accumulate(curve)


def _hopping_bfgs(stacked: variants.Variant, budget: int) -> np.ndarray:
    curves = np.empty((*stacked.which.shape, budget))
    for i, j in np.ndindex(stacked.which.shape):
        problem = variants.FunctionProblem(jax.tree.map(lambda a, i=i, j=j: a[i, j], stacked))
        curves[i, j] = _hopping_bfgs_curve(problem, budget, j)
    return curves


def _fastest(curves: np.ndarray) -> int:
    """Of (choices, seeds, budget) shares floored already: lowest median end, of equals the fewest
    median steps.
    """
    ends = np.median(curves[..., -1], axis=1)
    steps = [np.median([_steps_to(c, c[-1]) for c in choice]) for choice in curves]
    return min(range(len(curves)), key=lambda k: (ends[k], steps[k]))


def curves_at(
    n: int,
    seeds: int,
    budget: int,
    rivals: tuple[str, ...],
    say: Callable[..., None] = print,
    first_seed: int = FIRST_SEED,
) -> dict[str, np.ndarray]:
    """Share of the start's gap left, lowest so far, floored (F, seeds, budget), by optimizer;
    first-order ones at the best of STEP_SIZES a function.
    """
    stacked, curves = draw_variants(n, seeds, first_seed), {}
    start = np.asarray(
        jax.jit(lambda v: _over_functions(lambda u: variants.gap_and_grad(u, u.start)[0], v))(
            stacked
        )
    )[..., None]
    for name in rivals:
        begun = time.perf_counter()
        if is_learned(name):
            values = _lowest(_learned_losses(name, stacked, budget))
        elif name in FIRST_ORDER:
            every = _lowest(_first_order_losses(name, stacked, budget))  # (F, seeds, steps, budget)
            every = np.moveaxis(np.maximum(every / start[..., None], FLOOR), 2, 1)
            values = np.stack([choices[_fastest(choices)] for choices in every]) * start
        elif name == "bfgs":
            both = [
                _classical_curves(name, stacked, budget, first_scale=s) for s in ("secant", "unit")
            ]
            better = np.median(both[0][..., -1], axis=1) <= np.median(both[1][..., -1], axis=1)
            values = np.where(better[:, None, None], *both)
        elif name == "bfgs-hops":
            values = _hopping_bfgs(stacked, budget)
        else:
            values = _classical_curves(name, stacked, budget)
        curves[name] = np.maximum(values / start, FLOOR)
        say(f"n = {n}: {name} in {time.perf_counter() - begun:.1f} s", flush=True)
    return curves


def _steps_to(curve: np.ndarray, value: float) -> float:
    """Evaluations until `curve` is within FLOOR of `value`, infinite when never."""
    hit = np.nonzero(curve <= value + FLOOR)[0]
    return float(hit[0] + 1) if hit.size else np.inf


def compare(curves: dict[str, np.ndarray], budgets: tuple[int, ...]) -> list[dict[str, Any]]:
    """One row a function: medians over seeds. `times_fewer_steps`: of the best first-order
    optimizer to its own end, over those to the same value, 0 when never reached; `sooner`: the same
    with BFGS in its place.
    """
    rows = []
    for i, name in enumerate(FUNCTIONS):
        median = {k: [float(np.median(v[i, :, b - 1])) for b in budgets] for k, v in curves.items()}
        row: dict[str, Any] = {
            "function": name,
            "held_out": name in HELD_OUT,
            "budgets": list(budgets),
            "share": median,
        }
        names = [k for k in FIRST_ORDER if k in curves]
        first = names[_fastest(np.stack([curves[k][i] for k in names]))]
        row["best_first_order"] = first
        for key in filter(is_learned, curves):
            ratios = [
                _steps_to(theirs, theirs[-1]) / _steps_to(ours, theirs[-1])
                for theirs, ours in zip(curves[first][i], curves[key][i], strict=True)
            ]
            row[key] = {"times_fewer_steps": float(np.median(ratios))}
            if "bfgs" in curves:  # evaluations of BFGS to its own end over ours to the same value
                both = zip(curves["bfgs"][i], curves[key][i], strict=True)
                row[key]["sooner"] = float(
                    np.median([_steps_to(b, b[-1]) / _steps_to(o, b[-1]) for b, o in both])
                )
            for rival in ("bfgs", "bfgs-hops", "adam"):
                if rival in median:
                    pairs = list(zip(median[key], median[rival], strict=True))
                    row[key][rival] = [
                        int(ours < 0.999 * r) - int(ours > 1.001 * r) for ours, r in pairs
                    ]
        rows.append(row)
    return rows


def table(n: int, rows: list[dict]) -> str:
    """Markdown: share left at the largest budget, how many times fewer steps Optimus needs, counts
    at every budget.
    """
    names = list(rows[0]["share"])
    ours = [k for k in rows[0] if is_learned(k)]
    lines = [
        f"### n = {n}",
        "",
        f"| function | {' | '.join(names)} | {' | '.join(f'fewer steps, {k}' for k in ours)} |",
        "|---" * (len(names) + len(ours) + 1) + "|",
    ]
    for row in rows:
        mark = " (held out)" if row["held_out"] else ""
        cells = " | ".join(f"{row['share'][k][-1]:.1e}" for k in names)
        ratios = " | ".join(f"{row[k]['times_fewer_steps']:.2g}" for k in ours)
        lines.append(f"| {row['function']}{mark} | {cells} | {ratios} |")
    lines += [
        "",
        "| optimizer | >= 10 times fewer steps | rival | lower / equal / higher at evaluations |",
    ]
    lines.append("|---" * 4 + "|")
    for key in ours:
        many = sum(row[key]["times_fewer_steps"] >= 10 for row in rows)
        for rival in (r for r in ("bfgs", "bfgs-hops", "adam") if r in rows[0][key]):
            counts = []
            for b, budget in enumerate(rows[0]["budgets"]):
                signs = [row[key][rival][b] for row in rows]
                counts.append(f"{budget}: {signs.count(1)} / {signs.count(0)} / {signs.count(-1)}")
            lines.append(f"| {key} | {many} of {len(rows)} | {rival} | {', '.join(counts)} |")
        if "bfgs" in rows[0][key]:
            sooner = sum(row[key]["sooner"] > 1 for row in rows)
            lines.append(
                f"| {key} | | bfgs, evaluations to its end | fewer on {sooner} of {len(rows)} |"
            )
            lost = [row["function"] for row in rows if row[key]["bfgs"][-1] < 0]
            lines.append(f"| {key} | | loses to bfgs at the end on | {', '.join(lost) or 'none'} |")
    return "\n".join(lines) + "\n"


def plot(n: int, curves: dict[str, np.ndarray], path: Path) -> None:
    """Median share of the start's gap against evaluations, one panel a function."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 5, figsize=(16, 11), sharex=True, layout="constrained")
    for i, (name, axis) in enumerate(zip(FUNCTIONS, axes.flat, strict=True)):
        for key, value in curves.items():
            axis.loglog(
                np.arange(1, value.shape[-1] + 1),
                np.median(value[i], axis=0),
                label=key,
                linewidth=2.0 if key.startswith("optimus") else 1.0,
            )
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("evaluations")
    axes[0, 0].legend(fontsize=7)
    figure.suptitle(
        "Share of the start's gap to the minimum left, median over seeds, rotated and shifted, "
        f"n = {n}"
    )
    figure.savefig(path, dpi=55)
    plt.close(figure)


def plot_dimensions(report: dict, path: Path) -> None:
    """Median share left at the largest budget against n, one panel a function."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 5, figsize=(16, 11), sharex=True, layout="constrained")
    dimensions = sorted(report)
    for i, (name, axis) in enumerate(zip(FUNCTIONS, axes.flat, strict=True)):
        for key in report[dimensions[0]][i]["share"]:
            known = [n for n in dimensions if key in report[n][i]["share"]]
            axis.loglog(
                known, [report[n][i]["share"][key][-1] for n in known], marker=".", label=key
            )
        axis.set_title(name)
    axes[0, 0].legend(fontsize=6)
    figure.suptitle(
        "Share of the start's gap left at the last budget, against the number of unknowns"
    )
    figure.savefig(path, dpi=55)
    plt.close(figure)


@dataclass(frozen=True)
class Study:
    """Learned against classical optimizers on shifted and rotated classical functions."""

    out: Path = Path("out/benchmark-classical")
    """folder of the tables"""
    dimensions: tuple[int, ...] = (2, 10, 50, 100)
    """numbers of variables"""
    seeds: int = 3
    """variants of each function"""
    first_seed: int = FIRST_SEED
    """those of training and validation lie below"""
    budgets: tuple[int, ...] = (30, 100, 300, 1000)
    """evaluations each"""
    rivals: tuple[str, ...] = RIVALS
    """who takes part; at least one of sgd, momentum, adam; a folder of weights by its path"""


def main(a: Study) -> int:
    """Writes classical.json, classical.md and plots."""
    if unknown := {name for name in a.rivals if not is_learned(name)} - set(RIVALS):
        names = ", ".join(sorted(unknown))
        raise OptimizerError(f"--rivals {names}: choose from {', '.join(RIVALS)}")
    if not set(a.rivals) & set(FIRST_ORDER):
        raise OptimizerError("--rivals: at least one of sgd, momentum, adam is to compare with")
    a.out.mkdir(parents=True, exist_ok=True)
    report, text, budgets = {}, [], tuple(sorted(a.budgets))
    with jax.enable_x64(True):
        for n in a.dimensions:
            curves = curves_at(n, a.seeds, budgets[-1], tuple(a.rivals), first_seed=a.first_seed)
            report[n] = compare(curves, budgets)
            text.append(table(n, report[n]))
            plot(n, curves, a.out / f"curves_{n}.png")
            (a.out / "classical.json").write_text(json.dumps(report, indent=1))
            (a.out / "classical.md").write_text("\n".join(text))
            say_text(text[-1])
    plot_dimensions(report, a.out / "dimensions.png")
    return 0
