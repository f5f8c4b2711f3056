"""Making the cache: variations of training clips and validation clips as they are, reconstructed
window after window.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from motionrecon.clip import Clip, load_clip
from motionrecon.errors import MotionReconError
from motionrecon.learned.law.planner import GROWN
from motionrecon.learned.train.cache import files
from motionrecon.learned.train.cache.group import Group, Solved
from motionrecon.learned.train.tasks import split
from motionrecon.learned.train.tasks.variation import Variation, draw_variation, vary
from motionrecon.learned.train.tasks.windows import prepare_mass
from motionrecon.motion.report import WindowStatus
from motionrecon.objective.window import Window
from motionrecon.optimizers.base import Result
from motionrecon.pipeline import Options, prepare
from motionrecon.windows import Effort, Handover, solve_windows, solving

_SECONDS = 2.0  # of motion in a group: about six windows for one inverse kinematics
_TRIES = 20  # of a training group; what is drawn may show too little of a person


def build(
    clips: Path | None,
    folder: Path,
    groups: int,
    seed: int = 0,
    without: str | None = None,
    max_seconds: float | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Makes the groups that `folder` lacks: one a validation clip, then so many of training clips.

    clips: folder of npz files, None for the bundled ones; without: a kind of motion that is left
    out of training. Group i is a function of the clips, the seed and i alone. Raises ClipError
    where a part has no clips.
    """
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    training = split.clips(clips, "training", without)
    validation = split.clips(clips, "validation")
    wanted = [("validation", i) for i in range(len(validation))]
    wanted += [("training", i) for i in range(groups)]
    # Grown: what is learned must not depend on what was learned before.
    options = Options(threads=1, start=GROWN)
    for part, i in wanted:
        path = folder / f"{part}-{i:05d}.npz"
        if path.exists():
            continue
        if max_seconds is not None and time.perf_counter() - began > max_seconds:
            say("stopped; call again to go on")
            return
        if part == "validation":
            group = _of_clip(validation[i], options, say)
        else:
            group = _drawn(training, seed, i, options)
        if group is not None:
            files.save(path, group)
            say(f"{path.name}: {group.name}, {len(group.windows)} windows")


def _of_clip(path: Path, options: Options, say: Callable[[str], None]) -> Group | None:
    try:
        clip = vary(load_clip(path), Variation(seconds=_SECONDS), np.random.default_rng(0))
        return solved_group(clip, path.stem, options)
    except MotionReconError as error:
        say(f"left out: {error}")
        return None


def _drawn(paths: list[Path], seed: int, index: int, options: Options) -> Group:
    for attempt in range(_TRIES):
        rng = np.random.default_rng([seed, index, attempt])
        path = paths[rng.integers(len(paths))]
        try:
            clip = load_clip(path)
            v = draw_variation(clip, rng, _SECONDS)
            part = vary(clip, v, rng)
            mass = v.mass * v.size**3 * prepare_mass(part)
            mine = dataclasses.replace(options, mass_kg=mass, noise_m=v.noise_m or None)
            return solved_group(part, path.stem, mine)
        except MotionReconError:
            continue  # a cut that shows too little of the person, or a mass no one has
    raise MotionReconError(f"no group could be drawn from {len(paths)} clips in {_TRIES} tries")


# One thread, as in a reconstruction: BLAS' workers wait by spinning.
@threadpool_limits.wrap(limits=1)
def solved_group(clip: Clip, name: str, options: Options) -> Group:
    """A clip reconstructed, all of its windows kept. Raises what `pipeline.prepare` does."""
    prepared = prepare(clip, options)
    reference = prepared.reference
    begun: list[Window] = []
    last: list[np.ndarray] = []

    solved = solving(options.optimizer)

    def solve(window: Window, x0: np.ndarray, effort: Effort) -> tuple[Result, bool]:
        result = solved(window, x0, effort)
        last[:] = [result[0].x]
        return result

    def begin(window: Window, x0: np.ndarray) -> None:
        begun.append(window)

    windows: list[Solved] = []
    ahead = np.zeros((0, reference.simulator.model.nu))
    for result in solve_windows(reference, solve, begun=begin):
        window, report = begun.pop(), result.report
        frame = report.start_frame + reference.first
        continued = ahead if report.status == WindowStatus.OK else ahead[:0]
        at = Handover(frame, window.qpos, window.qvel, window.first_knot, continued)
        ahead = result.reached.ahead
        if report.status == WindowStatus.DIVERGED or report.loss_start is None:
            continue
        windows.append(
            Solved(
                at,
                window.frames,
                report.loss_start,
                last[0].reshape(window.frames, -1).copy(),
                float(window.value(last[0])),
                report.linearizations + report.linearizations_growing,
                report.evaluations + report.evaluations_growing,
            )
        )
    if not windows:
        raise MotionReconError(f"{name}: no window could be solved")
    return Group(name, reference, prepared.body.xml, tuple(windows))
