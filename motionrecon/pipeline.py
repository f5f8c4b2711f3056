"""The main job: a clip becomes a physically real motion, window after window."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import mujoco
import numpy as np
from scipy.interpolate import interp1d
from threadpoolctl import threadpool_limits

from motionrecon import optimizers
from motionrecon.body import Body, ModelOptions
from motionrecon.clip.floor import Floor, estimate_floor, level
from motionrecon.clip.load import Clip
from motionrecon.clip.noise import estimate_noise
from motionrecon.clip.resample import to_rate
from motionrecon.errors import ClipError
from motionrecon.kinematics import IkResult, build_body, qvel_from, solve_ik
from motionrecon.motion.forces import floor_forces
from motionrecon.motion.motion import Motion, Piece, assemble
from motionrecon.objective.effort import EffortTerm
from motionrecon.objective.keypoints import KeypointTerm
from motionrecon.objective.points import Points
from motionrecon.objective.posture import PostureTerm
from motionrecon.objective.smoothness import SmoothnessTerm
from motionrecon.objective.velocity import VelocityTerm
from motionrecon.objective.window import Window
from motionrecon.optimizers.base import Result
from motionrecon.optimizers.fallback import minimize_or_fall_back
from motionrecon.physics.rollout import Simulator


@dataclass(frozen=True)
class Options:
    """How to reconstruct. Weights are per frame and for a clip without noise; ``noise_m`` scales
    them.
    """

    optimizer: str = "optimus-motion"
    max_evaluations: int = (
        60  # a window, at least 1; those that grow it (grow_evaluations) are counted apart
    )
    mass_kg: float | None = None  # kg; None: from the clip or estimated
    noise_m: float | None = None  # m, per coordinate; None: estimated from the clip
    control_rate: float = 30.0  # Hz, of the control knots; clips are brought to a rate near it
    simulation_rate: float = 240.0  # Hz, at least
    window_frames: int = 20  # control frames in a window
    keep_frames: int = 10  # of which so many are kept
    grow_frames: int = 4  # a window's new frames are first taken in so many at a time
    grow_evaluations: int = 12  # for each of these beginnings
    keypoints: float = 400.0  # 1/m^2
    velocity: float = 3e-5  # s^2/rad^2
    posture: float = 1e-3  # 1/rad^2
    effort: float = 1e-3  # 1/rad^2
    smoothness: float = 1e-3  # 1/rad^2
    outlier_m: float = 0.15  # m, distance beyond which a keypoint pulls linearly
    threads: int = 2  # 1 or 2; one process a core wants 1
    seed: int = 0  # recorded; nothing is random with the optimizers there are


# (window, x0 (n,), budget of evaluations) -> (result, whether Levenberg-Marquardt had to take over)
Solve = Callable[[Window, np.ndarray, int], tuple[Result, bool]]


@dataclass
class _Track:
    """The reference at the control rate, and what has been simulated so far."""

    qpos: np.ndarray
    qvel: np.ndarray
    targets: np.ndarray
    confidence: np.ndarray
    smooth: np.ndarray
    feedforward: np.ndarray
    substeps: int
    noise: float
    done: list[tuple[Piece, tuple, dict]] = field(
        default_factory=list
    )  # a window: piece, state after it, report
    interrupted: bool = False


def control_stride(fps: float, rate: float) -> int:
    """How many clip frames make one control frame."""
    return max(1, round(fps / rate))


def _track(clip: Clip, body: Body, ik: IkResult, substeps: int, noise: float) -> _Track:
    ik_qpos, qvel = ik.qpos, qvel_from(ik.qpos, 1 / clip.fps)
    columns = [clip.names.index(n) for n in body.keypoint_names]
    # A servo that must follow a moving target lags by kv/kp times its speed; it is aimed ahead by
    # that.
    kp, kv = body.model.actuator_gainprm[:, 0], -body.model.actuator_biasprm[:, 2]
    frames = len(ik_qpos)
    middle = (np.arange((frames - 1) * substeps) + 0.5) / substeps
    aim = ik_qpos[:, 7:] + kv / kp * qvel[:, 6:]
    feedforward = interp1d(np.arange(frames), aim, axis=0)(middle)
    targets, confidence = clip.keypoints[:, columns], clip.confidence[:, columns]
    return _Track(ik_qpos, qvel, targets, confidence, ik.keypoints, feedforward, substeps, noise)


def window_of(
    sim, points: Points, track: _Track, start: int, frames: int, state, knot, o: Options, pool
) -> Window:
    """The window of so many control frames after frame `start`, from a state (qpos, qvel) and the
    knot (nu,) there.
    """
    at, s = slice(start + 1, start + 1 + frames), track.substeps
    # The noisier a clip, the more the body follows the smoothed reference's keypoints in place of
    # the clip's.
    trust = 1 / (1 + (track.noise / 0.01) ** 2)
    outlier = o.outlier_m + 3 * track.noise
    return Window(
        sim,
        state[0],
        state[1],
        track.feedforward[start * s : (start + frames) * s],
        knot,
        s,
        [
            KeypointTerm(
                points, track.targets[at], track.confidence[at], o.keypoints * trust, outlier
            ),
            KeypointTerm(
                points,
                track.smooth[at],
                np.ones(track.smooth[at].shape[:2]),
                o.keypoints * (1 - trust),
                outlier,
            ),
            VelocityTerm(track.qvel[at], np.full(sim.model.nv, o.velocity)),
            PostureTerm(track.qpos[at, 7:], o.posture),
        ],
        [EffortTerm(o.effort), SmoothnessTerm(o.smoothness, sim.model.nu)],
        pool,
    )


def _start(window: Window, shifted: np.ndarray) -> np.ndarray:
    """The better of the shifted last solution and no offsets: a bad warm start must not spoil a
    window.
    """
    zero = np.zeros(window.n)
    return min((shifted, zero), key=lambda x: window.value(x))


def _grow(window: Window, x: np.ndarray, solved: int, o: Options, solve: Solve):
    """x (n,) with the frames after the first `solved` taken in a few at a time, and what `solve`
    gave on the way.

    Open-loop, a fall of the first new frames would hide where the later ones belong: from such a
    start the whole window ends in a poor valley.
    """
    x, results = x.copy(), []
    for frames in range(solved + o.grow_frames, window.frames, o.grow_frames):
        beginning = window.first(frames)
        results.append(solve(beginning, x[: beginning.n], o.grow_evaluations))
        x[: beginning.n] = results[-1][0].x
    return x, results


def _improvements(history: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """The entries (evaluations, seconds, best loss) that lower the loss, and the last one."""
    ends = [
        h
        for i, h in enumerate(history)
        if i + 1 == len(history) or i == 0 or h[2] < history[i - 1][2]
    ]
    return [(n, round(s, 4), float(f"{loss:.6g}")) for n, s, loss in ends if np.isfinite(loss)]


def _keep(window: Window, x: np.ndarray, steps: int, data: mujoco.MjData) -> tuple[Piece, tuple]:
    """A window's first steps and the state after them; of its rollout no more is kept, so memory
    stays small.
    """
    r, ctrl = window.rollout(x), window.controls(x)[:steps]
    forces = floor_forces(window.simulator.model, data, window.qpos, window.qvel, ctrl)
    kept = (a[:steps].copy() for a in (r.qpos, r.qvel, ctrl, r.torque))
    return Piece(*kept, *forces), (r.qpos[steps].copy(), r.qvel[steps].copy())


def solve_track(
    p: "Prepared",
    o: Options,
    progress: Callable[[float], None],
    solve: Solve,
    pool=None,
    begin=None,
) -> None:
    """Window after window to the end; on Ctrl-C what is finished stays, if that is at least one
    window.

    ``begin(window, x0)`` is told of every window before it is grown.
    """
    sim, points, track = p.simulator, p.points, p.track
    total, nu = len(track.qpos) - 1, sim.model.nu
    state, knot, start = (track.qpos[0].copy(), track.qvel[0].copy()), np.zeros(nu), 0
    shifted, data = np.zeros(o.window_frames * nu), mujoco.MjData(sim.model)
    try:
        while start < total:
            frames = min(o.window_frames, total - start)
            keep = frames if start + frames >= total else min(o.keep_frames, frames)
            window = window_of(sim, points, track, start, frames, state, knot, o, pool)
            x0, status = _start(window, np.resize(shifted, window.n)), "ok"
            loss_start = window.value(x0)
            if not np.isfinite(loss_start):
                # Nothing to continue from: begin again at the reference, and say so.
                state, knot = (track.qpos[start].copy(), track.qvel[start].copy()), np.zeros(nu)
                window = window_of(sim, points, track, start, frames, state, knot, o, pool)
                x0, status = np.zeros(window.n), "restarted"
                loss_start = window.value(x0)
            if begin is not None:
                begin(window, x0)
            solved = min(o.window_frames - o.keep_frames, frames) if start and x0.any() else 0
            clock = time.perf_counter()
            grown, growing = _grow(window, x0, solved, o, solve)
            seconds_growing = time.perf_counter() - clock
            x0 = min((grown, x0), key=window.value)
            result, fell_back = solve(window, x0, o.max_evaluations)
            if window.rollout(result.x).diverged:
                status = "diverged"
            piece, reached = _keep(window, result.x, keep * track.substeps, data)
            record = {
                "start_frame": start,
                "frames": frames,
                "kept": keep,
                "status": status,
                "loss_start": loss_start,
                "loss_end": result.loss,
                "evaluations": result.evaluations,
                "evaluations_growing": sum(r.evaluations for r, _ in growing),
                "linearizations": result.linearizations,
                "linearizations_growing": sum(r.linearizations for r, _ in growing),
                "fallbacks": fell_back + sum(f for _, f in growing),
                "stopped": result.status,
                "message": result.message,
                "seconds_growing": seconds_growing,
                "history": _improvements(result.history),
            }
            track.done.append(
                (piece, reached, record)
            )  # at once: an interruption finds a window whole or not at all
            knots = window.knots(result.x)
            state, knot = reached, knots[keep]
            shifted = np.zeros(o.window_frames * nu)
            rest = knots[keep + 1 :].ravel()
            shifted[: rest.size] = rest
            start += keep
            progress(start / total)
    except KeyboardInterrupt:
        if not track.done:
            raise
        track.interrupted = True


def _on_clock_of(reference: Clip, clip: Clip) -> Clip:
    """The reference at the clip's frames. Raises ClipError where the two cannot be compared."""
    if not set(reference.names) & set(clip.names):
        raise ClipError(f"{reference.source}: the reference shares no keypoint with {clip.source}")
    reference = to_rate(reference, clip.fps)
    if abs(len(reference.keypoints) - len(clip.keypoints)) > 1:
        raise ClipError(
            f"{reference.source}: the reference lasts {reference.duration:.2f} s, {clip.source} {clip.duration:.2f} s; "
            "they must show the same motion from the same moment"
        )
    frames = np.minimum(np.arange(len(clip.keypoints)), len(reference.keypoints) - 1)
    return reference.replace(
        keypoints=reference.keypoints[frames], confidence=reference.confidence[frames]
    )


@dataclass(frozen=True)
class Prepared:
    """A clip ready for its windows: levelled at its own rate, the subject's body, the reference at
    the control rate.
    """

    levelled: Clip
    floor: Floor
    body: Body
    ik: IkResult
    fps: float
    noise: float
    track: _Track
    simulator: Simulator
    points: Points


def prepare(
    clip: Clip, options: Options, mark: Callable[[str], None] = lambda name: None
) -> Prepared:
    """Everything up to the first window; ``mark`` is told what is finished. Raises BodyError."""
    noise = estimate_noise(clip) if options.noise_m is None else options.noise_m
    floor = estimate_floor(clip)
    levelled = level(clip, floor)
    fps = clip.fps / control_stride(clip.fps, options.control_rate)
    slow = to_rate(levelled, fps)
    substeps = int(np.ceil(options.simulation_rate / fps - 1e-9))
    body = build_body(slow, options.mass_kg, noise, ModelOptions(timestep=1 / (fps * substeps)))
    mark("startup")
    ik = solve_ik(body, slow, noise)
    mark("ik")
    track = _track(slow, body, ik, substeps, noise)
    sim = Simulator(body.model)
    points = Points(sim.constants, body.keypoint_body, body.keypoint_pos)
    return Prepared(levelled, floor, body, ik, fps, noise, track, sim, points)


# BLAS keeps to one thread: its workers wait by spinning, and on a busy machine that costs more than
# they give.
@threadpool_limits.wrap(limits=1)
def reconstruct(
    clip: Clip,
    options: Options = Options(),
    progress: Callable[[float], None] = lambda share: None,
    reference: Clip | None = None,
    clock: float | None = None,
) -> Motion:
    """Physically real motion of a clip.

    The clip's ground is levelled, a body built to its bone lengths, a smooth kinematic reference
    found, and servo offsets solved for in overlapping windows, each starting from the state that
    the one before reached. ``progress`` is called with the share done. ``reference``: another clip
    of the same motion and coordinates to score against (a clean one, for studies of noise).
    ``clock``: time.perf_counter() at the start, when it was before this call. On KeyboardInterrupt
    the windows done so far make the Motion, with status "interrupted". Raises BodyError where the
    keypoints do not determine a body, OptimizerError for an unknown optimizer, ClipError for a
    reference that does not go with the clip.
    """
    clock = time.perf_counter() if clock is None else clock
    marks = {}

    def mark(name: str) -> None:
        marks.setdefault(name, time.perf_counter() - clock)

    optimizers.make(options.optimizer)
    against = None if reference is None else _on_clock_of(reference, clip)
    p = prepare(clip, options, mark)

    def solve(window: Window, x0: np.ndarray, budget: int) -> tuple[Result, bool]:
        # A new optimizer a window: none carries memory from one to the next.
        optimizer = optimizers.make(options.optimizer)
        return minimize_or_fall_back(
            window, x0, optimizer, budget, lambda state: mark("first_iteration")
        )

    with ThreadPoolExecutor(1) as helper:
        pool = helper if options.threads > 1 else None
        solve_track(p, options, progress, solve, pool)
    mark("total")
    seconds = {
        "startup": marks["startup"],
        "ik": marks["ik"] - marks["startup"],
        "optimise": marks["total"] - marks["ik"],
        "total": marks["total"],
        "until_first_iteration": marks.get("first_iteration"),
    }
    levelled, track = p.levelled, p.track
    findings = [
        *levelled.findings,
        f"noise about {1000 * p.noise:.1f} mm a coordinate",
        *p.body.findings,
        *p.ik.findings,
    ]
    warnings = [*levelled.warnings, *p.body.warnings, *p.ik.warnings]
    fallbacks = sum(record["fallbacks"] for _, _, record in track.done)
    if fallbacks:
        warnings.append(
            f"{options.optimizer} did no better than its start {fallbacks} times; levenberg-marquardt took over"
        )
    report = {
        "interrupted": track.interrupted,
        "warnings": warnings,
        "fallbacks": fallbacks,
        "findings": findings,
        "noise_mm": 1000 * p.noise,
        "options": asdict(options),
    }
    truth = levelled if against is None else level(against, p.floor)
    pieces, reached, windows = zip(*track.done, strict=True)
    return assemble(
        levelled, truth, p.body, p.ik.qpos, p.fps, pieces, reached[-1], windows, report, seconds
    )
