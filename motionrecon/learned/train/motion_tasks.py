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
from motionrecon.clip.load import Clip, load_clip
from motionrecon.errors import MotionReconError
from motionrecon.objective.window import Window
from motionrecon.pipeline import Options, prepare
from motionrecon.windows import Reference, solve_windows


@dataclasses.dataclass(frozen=True)
class Variation:
    """How a clip is varied. noise_m: Gaussian, m a coordinate; missing: share of keypoints; speed:
    factor on the frame rate; mass: factor on the body's mass; mirrored: left and right exchanged;
    start, seconds: the part taken, s.
    """

    noise_m: float = 0.0
    missing: float = 0.0
    speed: float = 1.0
    mass: float = 1.0
    mirrored: bool = False
    start: float = 0.0
    seconds: float | None = None


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


def mirrored(clip: Clip) -> Clip:
    """The clip seen in a mirror: left and right exchanged, y negated."""
    other = {"l_": "r_", "r_": "l_"}
    names = [other[n[:2]] + n[2:] if n[:2] in other else n for n in clip.names]
    missing = [n for n in names if n not in clip.names]
    if missing:  # a keypoint on one side only takes its new name
        return clip.replace(keypoints=clip.keypoints * [1.0, -1.0, 1.0], names=tuple(names))
    order = [clip.names.index(n) for n in names]
    return clip.replace(
        keypoints=clip.keypoints[:, order] * [1.0, -1.0, 1.0], confidence=clip.confidence[:, order]
    )


def vary(clip: Clip, v: Variation, rng: np.random.Generator) -> Clip:
    """The part of the clip that v names, changed as v says. What came along (force plates) is
    dropped but the mass.
    """
    first = int(v.start * clip.fps)
    last = (
        len(clip.keypoints) if v.seconds is None else first + int(round(v.seconds * clip.fps)) + 1
    )
    keypoints, confidence = clip.keypoints[first:last].copy(), clip.confidence[first:last].copy()
    extras = {k: clip.extras[k] for k in ("body_mass_kg",) if k in clip.extras}
    keypoints += v.noise_m * rng.standard_normal(keypoints.shape)
    gone = rng.random(confidence.shape) < v.missing
    keypoints[gone], confidence[gone] = np.nan, 0.0
    part = clip.replace(
        keypoints=keypoints, confidence=confidence, fps=clip.fps * v.speed, extras=extras
    )
    return mirrored(part) if v.mirrored else part


def draw_variation(clip: Clip, rng: np.random.Generator, seconds: float = 2.0) -> Variation:
    """A random one; half of them without noise, two thirds with every keypoint."""
    speed = float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    speed = float(np.clip(speed, 22.0 / clip.fps, 245.0 / clip.fps))
    spare = max(0.0, clip.duration - seconds * speed)
    return Variation(
        noise_m=float(rng.uniform(0.003, 0.03)) if rng.random() < 0.5 else 0.0,
        missing=float(rng.uniform(0.0, 0.15)) if rng.random() < 1 / 3 else 0.0,
        speed=speed,
        mass=float(np.exp(0.12 * rng.standard_normal())),
        mirrored=bool(rng.random() < 0.5),
        start=float(rng.uniform(0.0, spare)),
        seconds=seconds * speed,
    )


def windows(reference: Reference, name: str, evaluations: int = 25) -> list[Task]:
    """Every problem that a reconstruction of a reference solves, in its order, with the starts
    that it has.

    Levenberg-Marquardt carries on from window to window, with at most so many evaluations a
    problem.
    """
    tasks: list[Task] = []

    def solve(window: Window, x0: np.ndarray, budget: int):
        stage = "growing" if budget == reference.options.grow_evaluations else "whole"
        tasks.append(Task(bare(window), x0.copy(), stage, name))
        optimizer = optimizers.make("levenberg-marquardt")
        return optimizers.minimize(window, x0, optimizer, min(budget, evaluations)), False

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
    made = dataclasses.replace(
        reference,
        qpos=_replaced(reference.qpos, piece, r.qpos[at]),
        qvel=_replaced(reference.qvel, piece, r.qvel[at]),
        targets=_replaced(reference.targets, piece, points.positions(r, at)),
        smooth=_replaced(reference.smooth, piece, points.positions(r, at)),
        confidence=np.ones_like(reference.confidence),
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
    ):
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
                mass = v.mass * prepare_mass(part)
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
