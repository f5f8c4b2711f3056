"""The main job: a clip becomes a physically real motion, window after window."""

import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from motionrecon.body import Body, ModelOptions
from motionrecon.body.build import reweighed
from motionrecon.clip.floor import PLACEMENT_M, Floor, estimate_floor, given_floor, level
from motionrecon.clip.load import Clip
from motionrecon.clip.noise import estimate_noise
from motionrecon.clip.resample import to_rate
from motionrecon.clip.trunk import with_presumed_trunk
from motionrecon.errors import ClipError, RobotError
from motionrecon.interrupts import held_back, is_interrupt
from motionrecon.kinematics import IkResult, Standing, build_body, solve_standing
from motionrecon.learned.law.planner import GROWN
from motionrecon.motion import demand, plates
from motionrecon.motion.assemble import assemble, clip_clock, resampled_poses
from motionrecon.motion.kind import kind_of
from motionrecon.motion.lowpass import Choice, choose, with_filtered
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Report, Seconds, Status, WindowReport, WindowStatus
from motionrecon.motion.scores import Shape, body_scores, keypoint_scores, reference_keypoints
from motionrecon.motion.steps import Steps, kept
from motionrecon.motion.verdict import judge
from motionrecon.motion.weigh import weigh
from motionrecon.robot import carry
from motionrecon.robot.follow import following
from motionrecon.scene import Scene
from motionrecon.scene.found import find_scene
from motionrecon.windows import (
    Options,
    Reference,
    Solve,
    Span,
    solve_windows,
    solving,
    start_of,
)

__all__ = ["Options", "Prepared", "Reference", "Solve", "prepare", "reconstruct", "solve_windows"]

# Control frames by which the reference goes on before and after the clip: 0.17 s are what a first
# state needs to come to rest on its soles, 0.27 s what the end of a step needs to look ahead.
_LEAD_IN, _LEAD_OUT = 5, 8
_STANDS = 0.1  # of soles.stands; in the air, or on a box, it is below 0.01

_PACKAGES = ("motionrecon", "mujoco", "numpy", "scipy", "numba")


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip ready for its windows: levelled at its own rate, the subject's body, its inverse
    kinematics and the reference at the control rate (Hz).
    """

    clip: Clip
    floor: Floor
    body: Body
    ik: IkResult
    control_rate: float
    reference: Reference


def control_stride(fps: float, rate: float) -> int:
    """How many clip frames make one control frame."""
    return max(1, round(fps / rate))


def prepare(
    clip: Clip, options: Options, mark: Callable[[str], None] = lambda name: None
) -> Prepared:
    """Everything up to the first window; ``mark`` is told what is finished. Raises BodyError."""
    own_noise = estimate_noise(clip)
    noise = own_noise if options.noise_m is None else options.noise_m
    known = options.floor_m
    floor = estimate_floor(clip, own_noise) if known is None else given_floor(known)
    levelled = level(clip, floor)
    scene, shown = find_scene(levelled) if options.scene == "auto" else (options.scene, ())
    levelled = levelled.replace(findings=(*levelled.findings, *shown))
    rate = clip.fps / control_stride(clip.fps, options.control_rate)
    slow = with_presumed_trunk(to_rate(levelled, rate))
    substeps = int(np.ceil(options.simulation_rate / rate - 1e-9))
    model_options = ModelOptions(timestep=1 / (rate * substeps), scene=scene or Scene())
    body = build_body(slow, options.mass_kg, noise, model_options)
    mark("startup")
    around = slow.padded(_LEAD_IN, _LEAD_OUT)
    standing = solve_standing(
        body, around, noise, height_spread=PLACEMENT_M if known is None else 0.0
    )
    if options.mass_kg is None and "body_mass_kg" not in clip.extras:
        standing = _weighed(standing, slow, model_options)
    levelled = _lowered(levelled, standing)
    floor = replace(floor, height=floor.height + standing.height, uncertainty=standing.spread)
    # What begins in the air begins as it is: only its own take-off could lead into it.
    first = _LEAD_IN if standing.stance[_LEAD_IN] > _STANDS else 0
    used = slice(_LEAD_IN - first, None)
    # A clip that goes on beyond its last control frame is followed into the next interval.
    more = (len(clip.keypoints) - 1) / clip.fps * rate - (len(slow.keypoints) - 1) > 1e-6
    presumed = around.names != levelled.names
    reference = _reference(
        standing, around, used, first, int(more), substeps, noise, presumed, options
    )
    inside = slice(first, reference.last + 1)
    ik = replace(standing.ik, qpos=reference.qpos[inside], keypoints=reference.smooth[inside])
    mark("ik")
    if options.robot is not None:
        f = following(options.robot, levelled, standing.body, reference)
        return Prepared(f.clip, floor, f.robot.body, f.ik, rate, f.reference)
    seen = sum(n in levelled.names for n in standing.body.keypoint_names)
    ik = replace(ik, keypoints=ik.keypoints[:, :seen])
    return Prepared(levelled, floor, standing.body.showing(seen), ik, rate, reference)


def _weighed(standing: Standing, slow: Clip, options: ModelOptions) -> Standing:
    """With the mass that the clip's force plates tell, where they do; kinematics stay as they are:
    they do not depend on it.
    """
    felt = plates.Plates.of(slow.extras)
    if felt is None:
        return standing
    frames = len(slow.keypoints)
    qpos = standing.ik.qpos[_LEAD_IN : _LEAD_IN + frames]
    found = weigh(standing.body, qpos, slow.fps, clip_clock(slow, frames), felt)
    if found is None:
        return standing
    body = reweighed(standing.body, found.mass_kg, "from the force plates", options)
    return replace(standing, body=body)


def _lowered(clip: Clip, standing: Standing) -> Clip:
    mm, spread = 1e3 * standing.height, 1e3 * standing.spread
    found = f"soles stand at {mm:+.0f} mm +- {spread:.0f}: lowered to 0"
    down = np.array([0.0, 0.0, standing.height])
    return clip.replace(keypoints=clip.keypoints - down, findings=(*clip.findings, found))


def _reference(
    standing: Standing,
    around: Clip,
    used: slice,
    first: int,
    more: int,
    substeps: int,
    noise: float,
    presumed: bool,
    options: Options,
) -> Reference:
    body = standing.body
    columns = [around.names.index(n) for n in body.keypoint_names]
    frames = len(standing.ik.qpos[used]) - 1
    return Reference.of(
        body,
        standing.ik.qpos[used],
        around.keypoints[used][:, columns] - [0.0, 0.0, standing.height],
        around.confidence[used][:, columns],
        standing.ik.keypoints[used],
        Span(first, frames - _LEAD_OUT + more, frames - _LEAD_OUT, around.fps, substeps),
        noise,
        options,
        presumed,
    )


# BLAS keeps to one thread: its workers wait by spinning, and on a busy machine that costs more than
# they give.
@threadpool_limits.wrap(limits=1)
def reconstruct(
    clip: Clip,
    options: Options = Options(),
    progress: Callable[[float], None] = lambda share: None,
    reference: Clip | None = None,
    clock: float | None = None,
    seen: Callable[[Callable[[], Motion], float], None] = lambda sofar, share: None,
) -> Motion:
    """Physically real motion of a clip.

    The clip's ground is levelled, a body built to its bone lengths, a smooth kinematic reference
    found, and servo offsets solved for in overlapping windows, each starting from the state that
    the one before reached. ``progress`` is called with the share done. ``reference``: another clip
    of the same motion and coordinates to score against (a clean one, for studies of noise).
    ``seen`` is called after every window with a function that makes a Motion, without a report, of
    what is solved so far, and the share done; it may be called later and in another thread.
    ``clock``: time.perf_counter() at the start, when it was before this call. On KeyboardInterrupt
    the windows done so far make the Motion, with status "interrupted". Raises BodyError where the
    keypoints do not determine a body, OptimizerError for an unknown optimizer, ClipError for a
    reference that does not go with the clip.
    """
    clock = time.perf_counter() if clock is None else clock
    marks: dict[str, float] = {}

    def mark(name: str) -> None:
        marks.setdefault(name, time.perf_counter() - clock)

    solve = solving(options.optimizer, lambda state: mark("first_iteration"))
    against = None if reference is None else _on_clock_of(reference, clip)
    p = prepare(clip, options, mark)

    def told(steps: Steps, last: State, share: float) -> None:
        progress(share)
        count = len(steps)
        seen(lambda: assemble(p.clip, p.body, steps.first(count, *last), False)[0], share)

    solved = _solved(p.reference, solve, told)
    mark("total")
    motion, shape = _assembled(p, solved)
    kind = kind_of(motion, demand.of(motion, p.reference.noise_m).force)
    choice = choose(options.force_filter, kind, 1 / motion.timestep)
    motion = with_filtered(motion, choice.hz)
    truth = p.clip if against is None else level(against, p.floor)
    report = _report(p, motion, shape, choice, truth, solved, marks)
    motion = replace(motion, report=report)
    judged = judge(motion, clip if options.robot is None else p.clip)
    motion = kept(replace(motion, report=replace(report, verdict=judged)), options.simulation)
    if options.robot is not None and not solved.interrupted and carry.falls(motion):
        _ask_for_strength(p, solve)
    return motion


State = tuple[np.ndarray, np.ndarray]  # qpos (nq,), qvel (nv,)


class _Solved(NamedTuple):
    """What is left of the windows. last: the state at their end."""

    steps: Steps
    reports: tuple[WindowReport, ...]
    last: State
    interrupted: bool


def _solved(
    reference: Reference, solve: Solve, told: Callable[[Steps, State, float], None]
) -> _Solved:
    """All windows, or those done when Ctrl-C came."""
    steps, reports, last, interrupted = Steps(), [], None, False
    with ThreadPoolExecutor(1) as helper:
        try:
            pool = helper if reference.options.threads > 1 else None
            for result in solve_windows(reference, solve, pool):
                with held_back():  # a Ctrl-C must not part the columns
                    steps.add(result.piece)
                    reports.append(result.report)
                    last = result.reached.qpos, result.reached.qvel
                done = result.reached.frame - reference.first
                told(steps, last, done / (reference.last - reference.first))
        except BaseException as error:
            # What is finished stays, if that is at least one window.
            if last is None or not is_interrupt(error):
                raise
            interrupted = True
    assert last is not None  # a clip has at least one window
    return _Solved(steps, tuple(reports), last, interrupted)


def _assembled(p: Prepared, solved: _Solved) -> tuple[Motion, Shape]:
    return assemble(p.clip, p.body, solved.steps.ended(*solved.last), not solved.interrupted)


def _ask_for_strength(p: Prepared, solve: Solve) -> None:
    """Raises RobotError where a robot that fell would not with stronger motors: where, and by how
    much they fall short.
    """
    body, reference = carry.stronger(p.body, p.reference)
    strong = replace(p, body=body, reference=reference)
    motion, _ = _assembled(strong, _solved(reference, solve, lambda steps, last, share: None))
    said = carry.shortfall(str(reference.options.robot), p.body, motion)
    if said is not None:
        raise RobotError(f"{p.clip.source}: {said}")


def _report(
    p: Prepared,
    motion: Motion,
    shape: Shape,
    choice: Choice,
    truth: Clip,
    solved: _Solved,
    marks: dict[str, float],
) -> Report:
    """truth: the clip, or another, that the motion is scored against; marks: seconds from the start
    at which each stage was done.
    """
    options, windows, interrupted = p.reference.options, solved.reports, solved.interrupted
    bad = [w for w in windows if w.status != WindowStatus.OK]
    fallbacks = sum(w.fallbacks for w in windows)
    warnings = [*p.clip.warnings, *p.body.warnings, *p.ik.warnings]
    if fallbacks:
        warnings.append(
            f"{options.optimizer} did no better than its start {fallbacks} times; "
            "levenberg-marquardt took over"
        )
    warnings += [f"window at frame {w.start_frame}: {w.status}" for w in bad]
    names, frames, fps = motion.keypoint_names, motion.frames, motion.fps
    seen = reference_keypoints(truth, names, frames)
    ankle = p.body.proportions.ankle_height
    clock = np.arange(len(p.ik.qpos)) / p.control_rate
    ik = Shape.of(p.body, resampled_poses(motion.time, clock, p.ik.qpos))
    return Report(
        clip=p.clip.source,
        status=(Status.INTERRUPTED if interrupted else Status.DEGRADED if bad else Status.OK),
        warnings=tuple(warnings),
        ik=body_scores(ik, seen, names, fps, ankle, p.body.scene),
        result=body_scores(shape, seen, names, fps, ankle, p.body.scene),
        input=(
            None
            if truth is p.clip
            else keypoint_scores(reference_keypoints(p.clip, names, frames), seen, names, fps)
        ),
        force_plates=plates.against_plates(
            clip_clock(p.clip, frames),
            motion.contact_force,
            motion.centre_of_pressure,
            p.clip.extras,
            p.body.mass_kg,
        ),
        evaluations=sum(w.evaluations + w.evaluations_growing for w in windows),
        seconds=Seconds(
            startup=marks["startup"],
            ik=marks["ik"] - marks["startup"],
            optimise=marks["total"] - marks["ik"],
            total=marks["total"],
            until_first_iteration=marks.get("first_iteration"),
        ),
        realtime_factor=marks["total"] / motion.duration if motion.duration else None,
        frames=frames,
        mass_kg=p.body.mass_kg,
        fallbacks=fallbacks,
        findings=(
            *p.clip.findings,
            f"noise about {1000 * p.reference.noise_m:.1f} mm a coordinate",
            *p.body.findings,
            *p.ik.findings,
            *(_starts(windows) if start_of(options) != GROWN else ()),
            "forces "
            + ("not low-passed" if choice.hz is None else f"also low-passed at {choice.hz:g} Hz")
            + f": {choice.why}",
        ),
        motion_kind=choice.kind,
        filter_hz=choice.hz,
        filter_why=choice.why,
        noise_mm=1000 * p.reference.noise_m,
        stature_m=p.body.proportions.stature,
        options=asdict(options),
        windows=windows,
        versions={"python": platform.python_version(), **{k: version(k) for k in _PACKAGES}},
    )


def _starts(windows: tuple[WindowReport, ...]) -> tuple[str, ...]:
    """How often feedback gave the best start."""
    best = sum(w.start == "feedback" for w in windows)
    return (
        f"{best} of {len(windows)} windows began with feedback about the reference; the others at "
        "the last solution or zero, grown",
    )


def _on_clock_of(reference: Clip, clip: Clip) -> Clip:
    """The reference at the clip's frames. Raises ClipError where the two cannot be compared."""
    if not set(reference.names) & set(clip.names):
        raise ClipError(f"{reference.source}: the reference shares no keypoint with {clip.source}")
    reference = to_rate(reference, clip.fps)
    if abs(len(reference.keypoints) - len(clip.keypoints)) > 1:
        raise ClipError(
            f"{reference.source}: the reference lasts {reference.duration:.2f} s, {clip.source} "
            f"{clip.duration:.2f} s; they must show the same motion from the same moment"
        )
    frames = np.minimum(np.arange(len(clip.keypoints)), len(reference.keypoints) - 1)
    return reference.replace(
        keypoints=reference.keypoints[frames], confidence=reference.confidence[frames]
    )
