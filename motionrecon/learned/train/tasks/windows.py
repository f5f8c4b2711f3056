"""Control windows as meta-training tasks: drawn from clips, varied, and made up from random smooth
controls.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from threadpoolctl import threadpool_limits

from motionrecon import optimizers
from motionrecon.clip import Clip, load_clip
from motionrecon.errors import MotionReconError
from motionrecon.learned.train.tasks.variation import Variation, draw_variation, vary
from motionrecon.objective.window import Window
from motionrecon.optimizers.base import Result
from motionrecon.physics.momentum import momenta
from motionrecon.pipeline import Options, prepare
from motionrecon.windows import Effort, Reference, solve_windows


@dataclasses.dataclass(frozen=True)
class Task:
    """A window and the start x0 (n,) that a reconstruction gave it.

    stage: "cold", a whole window from the shifted last solution or zero; "growing", its beginning
    with a few new frames; "whole", grown; "synthetic", made of random controls.
    """

    window: Window
    x0: np.ndarray
    stage: str
    clip: str


def windows(reference: Reference, name: str, evaluations: int = 25) -> list[Task]:
    """Every problem that a reconstruction of a reference solves, in its order, with the starts
    that it has.

    Levenberg-Marquardt carries on from window to window, with at most so many evaluations a
    problem.
    """
    tasks: list[Task] = []

    def solve(window: Window, x0: np.ndarray, effort: Effort) -> tuple[Result, bool]:
        stage = "growing" if effort.growing else "whole"
        tasks.append(Task(bare(window), x0.copy(), stage, name))
        optimizer = optimizers.make("levenberg-marquardt")
        return optimizers.minimize(
            window, x0, optimizer, min(effort.evaluations, evaluations)
        ), False

    def begin(window: Window, x0: np.ndarray) -> None:
        tasks.append(Task(bare(window), x0.copy(), "cold", name))

    for _ in solve_windows(reference, solve, begun=begin):
        pass
    return tasks


def bare(window: Window) -> Window:
    """The same window without its last rollout, which is large."""
    return window.first(window.frames)


def synthetic(reference: Reference, name: str, rng: np.random.Generator) -> Task:
    """A window whose reference is the body's own motion under random smooth controls: its loss can
    go to almost zero.
    """
    points, nu = reference.points, reference.simulator.model.nu
    frames = min(reference.options.window_frames, reference.frames)
    start = int(rng.integers(0, reference.frames + 1 - frames))
    begin = reference.beginning(start)
    window = reference.window(begin, frames)
    wish = gaussian_filter1d(
        rng.standard_normal((frames, nu)), rng.uniform(1.5, 4.0), axis=0, mode="nearest"
    )
    x = (float(rng.uniform(0.05, 0.3)) * wish / wish.std()).ravel()
    r = window.rollout(x)
    if r.diverged:
        raise MotionReconError(f"{name}: random controls diverged")
    at = np.concatenate([[0], window.at])
    piece = slice(start, start + frames + 1)
    shape = reference.momentum.shape[1:]
    own = momenta(reference.simulator.constants, r, window.moments(shape[0]).ravel()).h
    made = dataclasses.replace(
        reference,
        qpos=_replaced(reference.qpos, piece, r.qpos[at]),
        qvel=_replaced(reference.qvel, piece, r.qvel[at]),
        targets=_replaced(reference.targets, piece, points.positions(r, at)),
        smooth=_replaced(reference.smooth, piece, points.positions(r, at)),
        confidence=np.ones_like(reference.confidence),
        momentum=_replaced(
            reference.momentum, slice(start, start + frames), own.reshape(-1, *shape)
        ),
    )
    window = made.window(begin, frames)
    return Task(window, np.zeros(window.n), "synthetic", name)


def _replaced(whole: np.ndarray, piece: slice, part: np.ndarray) -> np.ndarray:
    out = whole.copy()
    out[piece] = part
    return out


class TaskSource:
    """Random tasks from clips: entry `index` is a function of the paths, the options, the seed and
    the index alone.

    Tasks come in groups: one variation of one clip gives all the windows of about two seconds, so
    that its body and its inverse kinematics are paid for once. Groups are kept in memory.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        seed: int = 0,
        options: Options = Options(),
        synthetic_share: float = 0.15,
    ) -> None:
        self.clips = [(p.stem, load_clip(p)) for p in paths]
        self.seed, self.options, self.synthetic_share = seed, options, synthetic_share
        self._groups: dict[int, list[Task]] = {}

    def group(self, index: int) -> list[Task]:
        """The tasks of group `index` >= 0."""
        if index not in self._groups:
            self._groups[index] = self._draw(index)
        return self._groups[index]

    @threadpool_limits.wrap(limits=1)
    def _draw(self, index: int) -> list[Task]:
        for attempt in range(20):
            rng = np.random.default_rng([self.seed, index, attempt])
            name, clip = self.clips[rng.integers(len(self.clips))]
            try:
                v = draw_variation(clip, rng)
                part = vary(clip, v, rng)
                mass = v.mass * v.size**3 * prepare_mass(part)
                mine = dataclasses.replace(self.options, mass_kg=mass, noise_m=v.noise_m or None)
                reference = prepare(part, mine).reference
                tasks = windows(reference, name)
                count = rng.binomial(len(tasks), self.synthetic_share)
                tasks += [synthetic(reference, name, rng) for _ in range(count)]
            except MotionReconError:
                continue  # a cut that shows too little of the person, or a mass no one has
            return tasks
        raise MotionReconError(f"no window could be drawn from {len(self.clips)} clips in 20 tries")


def prepare_mass(clip: Clip) -> float:
    """kg: the clip's own, or a usual one, for a mass to be varied around."""
    return float(clip.extras.get("body_mass_kg", 68.0))


def of_clips(
    paths: Sequence[Path], options: Options = Options(), seconds: float | None = None
) -> Iterator[list[Task]]:
    """The tasks of whole clips (or their first seconds) as they are, a list a clip: validation."""
    for path in paths:
        clip = load_clip(path)
        if seconds is not None:
            clip = vary(clip, Variation(seconds=seconds), np.random.default_rng(0))
        with threadpool_limits(limits=1):
            yield windows(prepare(clip, options).reference, path.stem)
