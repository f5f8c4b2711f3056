"""What a step costs: time of one jitted step and memory of its state, beside an Adam step and a
BFGS iteration.
"""

from __future__ import annotations

import functools
import json
import resource
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
from motionrecon.learned import algorithm, store
from motionrecon.learned.optimizer import jitted_update
from motionrecon.terminal import say_text


class _Sphere:
    """Half the squared distance to ones: the gradient costs next to nothing, so that the optimizer
    is timed.
    """

    def __init__(self, n: int) -> None:
        self.n, self.weights = n, np.geomspace(1.0, 100.0, n)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        d = self.weights * (x - 1.0)
        return 0.5 * float(d @ (x - 1.0)), d

    def value(self, x: np.ndarray) -> float:
        return self.value_and_grad(x)[0]


def _median_time(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def _learned(name: str, n: int, repeats: int) -> dict[str, Any]:
    config, theta = store.load(name)
    update, problem, x = jitted_update(config), _Sphere(n), np.zeros(n)
    compiled = update.lower(theta, algorithm.init(config, n), x, np.float64(1.0), x).compile()
    state = [algorithm.init(config, n)]

    def call() -> None:
        loss, grad = problem.value_and_grad(x)
        step, state[0] = jax.block_until_ready(compiled(theta, state[0], x, np.float64(loss), grad))

    seconds = _median_time(call, repeats)
    memory: Any = compiled.memory_analysis()
    size = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return {"seconds": seconds, "step_bytes": int(size)}


def _adam(n: int, repeats: int) -> dict[str, Any]:
    rule, grad = optax.adam(1e-2), jnp.ones(n)
    update, state = jax.jit(rule.update), [rule.init(grad)]

    def call() -> None:
        _, state[0] = jax.block_until_ready(update(grad, state[0]))

    return {"seconds": _median_time(call, repeats)}


def _bfgs(n: int, repeats: int) -> dict[str, Any]:
    rule, problem = optimizers.make("bfgs", gradient_tolerance=0.0), _Sphere(n)
    state = rule.init(problem, np.zeros(n))
    return {"seconds": _median_time(functools.partial(rule.step, problem, state), min(repeats, 10))}


@dataclass(frozen=True)
class Study:
    """What a step costs: time and memory, beside an Adam step and a BFGS iteration."""

    out: Path = Path("out/benchmark-cost")
    """folder of the tables"""
    dimensions: tuple[int, ...] = (100, 500, 1000, 10_000)
    """numbers of variables"""
    repeats: int = 15
    """of each timing; the median counts"""
    largest_dense: int = 1000
    """largest n at which n x n forms are timed"""


def main(a: Study) -> int:
    """Writes cost.json and cost.md."""
    a.out.mkdir(parents=True, exist_ok=True)
    report, lines = (
        [],
        [
            "| n | optimizer | ms a step | MiB a step (state in and out, temporaries) |",
            "|---|---|---|---|",
        ],
    )
    with jax.enable_x64(True):
        for n in a.dimensions:
            rows: dict[str, Callable[[int, int], dict[str, Any]]] = {
                "optimus-classical-factorised": functools.partial(
                    _learned, "optimus-classical-factorised"
                )
            }
            rows["adam"] = _adam
            if n <= a.largest_dense:
                rows |= {
                    "optimus-classical": functools.partial(_learned, "optimus-classical"),
                    "bfgs": _bfgs,
                }
            for name, measure in rows.items():
                row: dict[str, Any] = {"n": n, "optimizer": name} | measure(n, a.repeats)
                report.append(row)
                size = f"{row['step_bytes'] / 2**20:.1f}" if "step_bytes" in row else "-"
                lines.append(f"| {n} | {name} | {1e3 * row['seconds']:.3g} | {size} |")
                say_text(lines[-1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # from KiB
    lines += ["", f"Peak memory of the whole process: {peak:.2f} GiB."]
    (a.out / "cost.json").write_text(json.dumps(report, indent=1))
    (a.out / "cost.md").write_text("\n".join(lines) + "\n")
    say_text(lines[-1])
    return 0
