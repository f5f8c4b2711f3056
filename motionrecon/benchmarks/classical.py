"""Learned optimizers against classical ones on shifted and rotated variants of the classical functions."""

from __future__ import annotations

import argparse
import functools
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from motionrecon import functions, optimizers
from motionrecon.meta.tasks import HELD_OUT
from motionrecon.optimus import learned, weights

LEARNED = ("optimus-classical", "optimus-classical-factorised", "adafactor-mlp-classical")
STEP_SIZES = tuple(
    float(c) for c in 10.0 ** np.arange(-4.0, 0.51, 0.5)
)  # Adam: units of x; SGD: over the rms of the first gradient
FIRST_ORDER = {
    "sgd": lambda c, size: optax.sgd(c / size),
    "momentum": lambda c, size: optax.sgd(c / size, momentum=0.9),
    "adam": lambda c, size: optax.adam(c),
}


def variants(n: int, seeds: int) -> functions.Variant:
    """All functions (F) by `seeds` rotated variants, stacked; the seeds 1_000_000 and up are never trained
    on.
    """
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds) + 1_000_000)
    one = lambda i, key: functions.draw(key, n, i[None], rotate=1.0)  # noqa: E731
    return jax.vmap(lambda i: jax.vmap(lambda key: one(i, key))(keys))(jnp.arange(len(functions.FUNCTIONS)))


def _over_functions(run, stacked):
    """run(variant) over (F, seeds): one function after the other, so that only its own formula is
    computed.
    """

    def one_function(batch):
        index = batch.index[0]
        return jax.vmap(lambda v: run(v._replace(index=index)))(batch)

    return jax.lax.map(one_function, stacked)


@functools.partial(jax.jit, static_argnames=("name", "budget"))
def _learned_losses(name: str, stacked: functions.Variant, budget: int):
    config, theta = weights.load(name)

    def run(variant):
        def advance(carry, _):
            x, state = carry
            loss, grad = functions.gap_and_grad(variant, x)
            step, state = learned.update(config, theta, state, x, loss, grad)
            return (x + step, state), loss

        return jax.lax.scan(
            advance, (variant.start, learned.init(config, variant.start.shape[0])), None, length=budget
        )[1]

    return _over_functions(run, stacked)


@functools.partial(jax.jit, static_argnames=("name", "budget"))
def _first_order_losses(name: str, stacked: functions.Variant, budget: int):
    def run(variant):
        size = jnp.sqrt(jnp.mean(functions.gap_and_grad(variant, variant.start)[1] ** 2))

        def with_step(c):
            rule = FIRST_ORDER[name](c, size)

            def advance(carry, _):
                x, state = carry
                loss, grad = functions.gap_and_grad(variant, x)
                change, state = rule.update(grad, state)
                return (x + change, state), loss

            return jax.lax.scan(advance, (variant.start, rule.init(variant.start)), None, length=budget)[1]

        return jax.vmap(with_step)(jnp.array(STEP_SIZES))

    return _over_functions(run, stacked)


def _lowest(losses) -> np.ndarray:
    """Lowest loss so far along the last axis; what is not finite counts as infinite."""
    losses = np.asarray(losses)
    return np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf), axis=-1)


def _classical_curves(name: str, stacked: functions.Variant, budget: int, **options) -> np.ndarray:
    shape = stacked.index.shape
    curves = np.empty((*shape, budget))
    for i, j in np.ndindex(shape):
        problem = functions.FunctionProblem(jax.tree.map(lambda a, i=i, j=j: a[i, j], stacked))
        result = optimizers.minimize(
            problem, problem.start, optimizers.make(name, gradient_tolerance=0.0, **options), budget
        )
        best = np.array([h[2] for h in result.history])
        curves[i, j] = np.pad(best, (0, budget - best.size), mode="edge")
    return curves


def curves_at(n: int, seeds: int, budget: int, say=print) -> dict[str, np.ndarray]:
    """Lowest loss so far (F, seeds, budget) by optimizer; first-order ones at the step size with the
    lowest median end a function.
    """
    stacked, curves = variants(n, seeds), {}
    for name in (*LEARNED, *FIRST_ORDER, "bfgs", "lbfgs"):
        begun = time.perf_counter()
        if name in LEARNED:
            curves[name] = _lowest(_learned_losses(name, stacked, budget))
        elif name in FIRST_ORDER:
            all_steps = _lowest(_first_order_losses(name, stacked, budget))  # (F, seeds, steps, budget)
            best = np.argmin(np.median(all_steps[..., -1], axis=1), axis=1)
            curves[name] = np.take_along_axis(all_steps, best[:, None, None, None], axis=2)[:, :, 0]
        elif name == "bfgs":
            both = [_classical_curves(name, stacked, budget, first_scale=s) for s in ("secant", "unit")]
            better = np.median(both[0][..., -1], axis=1) <= np.median(both[1][..., -1], axis=1)
            curves[name] = np.where(better[:, None, None], *both)
        else:
            curves[name] = _classical_curves(name, stacked, budget)
        say(f"n = {n}: {name} in {time.perf_counter() - begun:.1f} s", flush=True)
    return curves


def _steps_to(curve: np.ndarray, value: float) -> float:
    """Evaluations until `curve` is at or below `value`, infinite when never."""
    hit = np.nonzero(curve <= value)[0]
    return float(hit[0] + 1) if hit.size else np.inf


def compare(curves: dict[str, np.ndarray], floor: float = 1e-14) -> list[dict]:
    """One row a function: medians over seeds. Gaps below `floor` times the start's gap count as equal:
    they are rounding.
    """
    rows = []
    for i, name in enumerate(functions.FUNCTIONS):
        start = curves["bfgs"][i, :, :1]
        share = {key: np.maximum(value[i] / start, floor) for key, value in curves.items()}
        row = {
            "function": name,
            "held_out": name in HELD_OUT,
            "final": {k: float(np.median(v[:, -1])) for k, v in share.items()},
        }
        first = min(FIRST_ORDER, key=lambda k: row["final"][k])
        row["best_first_order"] = first
        for key in LEARNED:
            ratios = []
            for seed in range(start.shape[0]):
                value = share[first][seed, -1]
                ratios.append(_steps_to(share[first][seed], value) / _steps_to(share[key][seed], value))
            bfgs = row["final"]["bfgs"]
            row[key] = {
                "times_fewer_steps": float(np.median(ratios)),
                "below_bfgs": bool(row["final"][key] < 0.999 * bfgs),
                "not_above_bfgs": bool(row["final"][key] <= 1.001 * bfgs),
                "below_adam": bool(row["final"][key] < 0.999 * row["final"]["adam"]),
            }
        rows.append(row)
    return rows


def table(n: int, rows: list[dict]) -> str:
    """Markdown: share of the start's gap left at the end, by optimizer, and how many times fewer steps
    Optimus needs.
    """
    names = list(rows[0]["final"])
    lines = [
        f"### n = {n}",
        "",
        f"| function | {' | '.join(names)} | fewer steps, dense | factorised |",
        "|---" * (len(names) + 3) + "|",
    ]
    for row in rows:
        mark = " (held out)" if row["held_out"] else ""
        cells = " | ".join(f"{row['final'][k]:.1e}" for k in names)
        ratios = " | ".join(f"{row[k]['times_fewer_steps']:.2g}" for k in LEARNED[:2])
        lines.append(f"| {row['function']}{mark} | {cells} | {ratios} |")
    for key in LEARNED:
        count = lambda test, key=key: sum(bool(test(row[key])) for row in rows)  # noqa: E731
        lines += [
            "",
            (
                f"{key}: >= 10 times fewer steps than the best first-order on "
                f"{count(lambda r: r['times_fewer_steps'] >= 10)} of {len(rows)}; "
                f"below BFGS on {count(lambda r: r['below_bfgs'])}, "
                f"not above it on {count(lambda r: r['not_above_bfgs'])}; "
                f"below Adam on {count(lambda r: r['below_adam'])}."
            ),
        ]
    return "\n".join(lines) + "\n"


def plot(n: int, curves: dict[str, np.ndarray], path: Path) -> None:
    """Median share of the start's gap against evaluations, one panel a function."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 5, figsize=(18, 12), sharex=True, layout="constrained")
    for i, (name, axis) in enumerate(zip(functions.FUNCTIONS, axes.flat, strict=True)):
        for key, value in curves.items():
            axis.loglog(
                np.arange(1, value.shape[-1] + 1),
                np.maximum(np.median(value[i] / value[i, :, :1], axis=0), 1e-16),
                label=key,
                linewidth=2.0 if key.startswith("optimus") else 1.0,
            )
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("evaluations")
    axes[0, 0].legend(fontsize=7)
    figure.suptitle(
        f"Share of the start's gap to the minimum left, median over seeds, rotated and shifted, n = {n}"
    )
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmark.py classical", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 10, 50, 100, 500, 1000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=500, help="evaluations each")
    a = parser.parse_args(arguments)
    a.out.mkdir(parents=True, exist_ok=True)
    report, text = {}, []
    with jax.enable_x64(True):
        for n in a.dimensions:
            curves = curves_at(n, a.seeds, a.budget)
            report[n] = compare(curves)
            text.append(table(n, report[n]))
            plot(n, curves, a.out / f"curves_{n}.png")
            (a.out / "classical.json").write_text(json.dumps(report, indent=1))
            (a.out / "classical.md").write_text("\n".join(text))
            print(text[-1], flush=True)
    return 0
