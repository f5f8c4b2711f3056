"""The gradient of a rollout: what it costs a step against its rivals, how exact it is, and that it
never hangs.

Everything on one core, rivals in the same run: MuJoCo's finite differences, and jax.grad through
MJX at batch 1.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg  # noqa: F401  the LAPACK that jaxlib borrows: loaded here, so that the limit below holds for it
from threadpoolctl import threadpool_limits

from motionrecon import assets
from motionrecon.clip.load import load_clip
from motionrecon.engine import mujoco
from motionrecon.kinematics import build_body
from motionrecon.physics.derivatives import gradient, transition_matrices, velocity_jacobians
from motionrecon.physics.rollout import Simulator
from motionrecon.terminal import say_text
from motionrecon_benchmarks import states

CLIP = assets.clip_path("walk")
STEPS = 100
ROLLOUTS = ("flight", "sliding", "sticking", "landing", "torque limits")


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time (s) of run() over repeats, after one call that does not count."""
    run()
    out = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run()
        out.append(time.perf_counter() - begun)
    return float(np.median(out))


def walking(simulator: Simulator, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(qpos, qvel, ctrl (steps, nu)): both feet on the floor, 1 m/s forwards, hips, knees and arms
    swinging.
    """
    m, c = simulator.model, simulator.constants
    d = mujoco.MjData(m)
    mujoco.mj_kinematics(m, d)
    q, v = m.qpos0.copy(), np.zeros(m.nv)
    q[2] -= (d.geom_xpos[c.sphere_geom, 2] - c.sphere_radius).min() + 0.004
    v[0] = 1.0
    swing = 0.15 * np.sin(
        2 * np.pi * np.arange(steps)[:, None] * c.h + np.arange(m.nu) % 4 * np.pi / 2
    )
    return q, v, q[7:] + swing


def costs(simulator: Simulator, repeats: int) -> dict[str, float]:
    """Microseconds a step of our own engine and of MuJoCo's finite differences; and what the motion
    was.
    """
    m, c = simulator.model, simulator.constants
    q, v, ctrl = walking(simulator, STEPS)
    dq, dv = np.random.default_rng(0).normal(size=(2, STEPS + 1, m.nv))
    r = simulator.rollout(q, v, ctrl)
    d = mujoco.MjData(m)
    A, B = np.zeros((2 * m.nv, 2 * m.nv)), np.zeros((2 * m.nv, m.nu))

    def bare() -> None:
        mujoco.mj_resetData(m, d)
        d.qpos[:], d.qvel[:] = q, v
        for u in ctrl:
            d.ctrl[:] = u
            mujoco.mj_step(m, d)

    def differences(centred: int) -> None:
        for t in range(0, STEPS, 10):
            d.qpos[:], d.qvel[:], d.ctrl[:] = r.qpos[t], r.qvel[t], ctrl[t]
            mujoco.mj_forward(m, d)
            mujoco.mjd_transitionFD(m, d, 1e-6, centred, A, B, None, None)

    us = 1e6 / STEPS
    return {
        "touching spheres, mean": float((r.centres[:, :, 2] < c.sphere_radius).sum(1).mean()),
        "mj_step alone": us * seconds(bare, repeats),
        "rollout": us * seconds(lambda: simulator.rollout(q, v, ctrl), repeats),
        "rollout and gradient": us
        * seconds(lambda: gradient(c, simulator.rollout(q, v, ctrl), dq, dv), repeats),
        "rollout and all A, B": us
        * seconds(lambda: velocity_jacobians(c, simulator.rollout(q, v, ctrl)), repeats),
        "mjd_transitionFD, forward": 10 * us * seconds(lambda: differences(0), 3),
        "mjd_transitionFD, centred": 10 * us * seconds(lambda: differences(1), 3),
    }


def mjx_costs(simulator: Simulator, differentiation: str, repeats: int) -> dict[str, float]:
    """Microseconds a step of jax.grad through MJX at batch 1, seconds to compile, and how far it is
    from ours.
    """
    from motionrecon.physics.mjx_engine import MjxSimulator

    m, c = simulator.model, simulator.constants
    q, v, ctrl = walking(simulator, STEPS)
    dq, dv = np.random.default_rng(0).normal(size=(2, STEPS + 1, m.nv))
    engine = MjxSimulator(m, differentiation)
    begun = time.perf_counter()
    theirs = engine.gradient(q, v, ctrl, dq, dv)
    first = time.perf_counter() - begun
    each = seconds(lambda: engine.gradient(q, v, ctrl, dq, dv), repeats)
    ours = gradient(c, simulator.rollout(q, v, ctrl), dq, dv)
    return {
        "rollout and gradient": 1e6 / STEPS * each,
        "compile_s": first - each,
        "difference to ours": max(
            states.relative_error(a, b) for a, b in zip(ours, theirs, strict=True)
        ),
    }


def transition_errors(simulator: Simulator, kind: str, count: int) -> dict[str, float]:
    """Largest relative error (Frobenius) of A and B to centred mjd_transitionFD over random states
    of a kind.
    """
    rng, A_errors, B_errors, left_out = np.random.default_rng(1), [], [], []
    nv = simulator.model.nv
    for _ in range(count):
        q, v, u = states.draw(simulator, kind, rng)
        A, B, good = states.transition_differences(simulator.model, q, v, u)
        ours = transition_matrices(simulator.constants, simulator.rollout(q, v, u[None]))
        A_errors.append(states.relative_error(ours[0][0][:, good[: 2 * nv]], A[:, good[: 2 * nv]]))
        B_errors.append(states.relative_error(ours[1][0][:, good[2 * nv :]], B[:, good[2 * nv :]]))
        left_out.append(np.mean(~good))
    return {
        "A": max(A_errors),
        "B": max(B_errors),
        "left out": float(np.mean(left_out)),
        "states": count,
    }


def _along(weight: np.ndarray) -> Callable[[np.ndarray, np.ndarray], float]:
    """The loss weight . qvel of a state."""
    return lambda _, qvel: float(qvel @ weight)


def rollout_errors(
    simulator: Simulator, kind: str, count: int, steps: int = 15
) -> dict[str, float]:
    """Largest relative error of dL/d(ctrl, qpos_0, qvel_0) to centred differences of rollouts that
    start in a kind.
    """
    m, rng, errors, left_out = simulator.model, np.random.default_rng(2), [], []
    for _ in range(count):
        q, v, u = states.draw(simulator, kind, rng)
        ctrl, weight = u + 0.05 * rng.normal(size=(steps, m.nu)), rng.normal(size=m.nv)
        dv = np.zeros((steps + 1, m.nv))
        dv[-1] = weight
        du, pq, pv = gradient(
            simulator.constants, simulator.rollout(q, v, ctrl), np.zeros_like(dv), dv
        )
        slope, good = states.rollout_differences(m, q, v, ctrl, _along(weight))
        ours = np.concatenate([pq, pv, du.ravel()])
        errors.append(states.relative_error(ours[good], slope[good]))
        left_out.append(np.mean(~good))
    return {"error": max(errors), "left out": float(np.mean(left_out)), "rollouts": count}


def endure(simulator: Simulator, calls: int) -> float:
    """Seconds that many gradients of 10 steps take; every tenth is followed by all A, B with a pool
    of two workers.
    """
    q, v, ctrl = walking(simulator, 10)
    dq, dv = np.random.default_rng(0).normal(size=(2, 11, simulator.model.nv))
    begun = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for i in range(calls):
            r = simulator.rollout(q, v, ctrl)
            gradient(simulator.constants, r, dq, dv)
            if i % 10 == 0:
                velocity_jacobians(simulator.constants, r, pool)
    return time.perf_counter() - begun


def table(report: dict) -> str:
    """The report as Markdown."""
    cost = report["microseconds a step"]
    lines = [
        f"Humanoid with {report['nv']} dofs, {STEPS} steps, {cost['touching spheres, mean']:.1f} "
        "spheres on the floor on average, one core, float64.",
        "",
        "| | us a step | compile, s |",
        "|---|---|---|",
    ]
    lines += [f"| {k} | {v:.1f} | |" for k, v in cost.items() if k != "touching spheres, mean"]
    for name, row in report["mjx"].items():
        lines.append(
            f"| jax.grad through MJX, {name} | {row['rollout and gradient']:.0f} "
            f"| {row['compile_s']:.0f} |"
        )
    for name, row in report["mjx"].items():
        times = row["rollout and gradient"] / cost["rollout and gradient"]
        lines += [
            "",
            f"MJX, {name}: {times:.1f} times slower; "
            f"gradients differ by {row['difference to ours']:.0e}.",
        ]
    lines += ["", "| state | states | A | B | columns left out |", "|---|---|---|---|---|"]
    for kind, e in report["error to centred mjd_transitionFD"].items():
        lines.append(
            f"| {kind} | {e['states']} | {e['A']:.1e} | {e['B']:.1e} | {e['left out']:.2%} |"
        )
    lines += [
        "",
        "| rollout | rollouts | error to centred differences | entries left out |",
        "|---|---|---|---|",
    ]
    for kind, e in report["error to differences of the rollout"].items():
        lines.append(f"| {kind} | {e['rollouts']} | {e['error']:.1e} | {e['left out']:.2%} |")
    done = report["endurance"]
    return "\n".join(
        [*lines, "", f"{done['calls']} calls in {done['seconds']:.0f} s, no hang.", ""]
    )


@dataclass(frozen=True)
class Study:
    """The gradient of a rollout: what it costs a step against its rivals, and how exact it is."""

    out: Path = Path("out/benchmark-gradient")
    """folder of the tables"""
    calls: int = 10_000
    """gradients in the endurance run"""
    states: int = 20
    """random states and a third as many rollouts a kind"""
    repeats: int = 30
    """of each timing; the median counts"""
    skip_mjx: bool = False
    """leave out the slow rival, minutes of compiling"""


# On one core a second BLAS thread only waits, spinning: it made MJX look forty times slower than it
# is.
@threadpool_limits.wrap(limits=1)
def main(a: Study) -> int:
    """Writes gradient.json and gradient.md."""
    a.out.mkdir(parents=True, exist_ok=True)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(
            0, {min(cores)}
        )  # before XLA starts its threads, so that they too share the core
    simulator = Simulator(build_body(load_clip(CLIP)).model)
    report = {
        "nv": simulator.model.nv,
        "versions": {
            "python": platform.python_version(),
            "mujoco": mujoco.__version__,
            "numpy": np.__version__,
        },
        "microseconds a step": costs(simulator, a.repeats),
        "mjx": {},
    }
    for kind, call, count in (
        ("error to centred mjd_transitionFD", transition_errors, a.states),
        ("error to differences of the rollout", rollout_errors, max(a.states // 3, 1)),
    ):
        names = states.KINDS if call is transition_errors else ROLLOUTS
        report[kind] = {name: call(simulator, name, count) for name in names}
    for name in () if a.skip_mjx else ("one step", "unrolled"):
        say_text(f"jax.grad through MJX, {name}: compiling takes a minute or two")
        report["mjx"][name] = mjx_costs(simulator, name, max(a.repeats // 6, 1))
    if cores:
        os.sched_setaffinity(0, cores)  # two workers need two cores
    report["endurance"] = {"calls": a.calls, "seconds": endure(simulator, a.calls)}
    (a.out / "gradient.json").write_text(json.dumps(report, indent=1))
    text = table(report)
    (a.out / "gradient.md").write_text(text)
    say_text(text)
    return 0
