"""The main job: a clip becomes a physically real motion, window after window."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.interpolate import interp1d

from motionrecon import optimizers
from motionrecon.body import Body, build_body
from motionrecon.clip import Clip
from motionrecon.floor import estimate_floor, level
from motionrecon.kinematics import qvel_from, solve_ik
from motionrecon.motion import Motion, assemble
from motionrecon.noise import estimate_noise
from motionrecon.objective.effort import EffortTerm
from motionrecon.objective.keypoints import KeypointTerm
from motionrecon.objective.points import Points
from motionrecon.objective.posture import PostureTerm
from motionrecon.objective.smoothness import SmoothnessTerm
from motionrecon.objective.velocity import VelocityTerm
from motionrecon.objective.window import Window
from motionrecon.physics.rollout import Rollout, Simulator
from motionrecon.resample import to_rate


@dataclass(frozen=True)
class Options:
    """How to reconstruct. Weights are per frame and for a clip without noise; ``noise_m`` scales them."""

    optimizer: str = "levenberg-marquardt"
    max_evaluations: int = 60  # a window, at least 1
    mass_kg: float | None = None  # kg; None: from the clip or estimated
    noise_m: float | None = None  # m, per coordinate; None: estimated from the clip
    control_rate: float = 30.0  # Hz, of the control knots; clips are brought to a rate near it
    simulation_rate: float = 120.0  # Hz, at least
    window_frames: int = 15  # control frames in a window
    keep_frames: int = 8  # of which so many are kept
    keypoints: float = 400.0  # 1/m^2
    velocity: float = 3e-5  # s^2/rad^2
    posture: float = 1e-3  # 1/rad^2
    effort: float = 1e-3  # 1/rad^2
    smoothness: float = 1e-3  # 1/rad^2
    outlier_m: float = 0.15  # m, distance beyond which a keypoint pulls linearly
    seed: int = 0


@dataclass
class _Track:
    """The reference at the control rate and what has been simulated so far."""

    qpos: np.ndarray
    qvel: np.ndarray
    targets: np.ndarray
    confidence: np.ndarray
    feedforward: np.ndarray
    substeps: int
    chunks: list[Rollout] = field(default_factory=list)
    controls: list[np.ndarray] = field(default_factory=list)
    windows: list[dict] = field(default_factory=list)


def control_stride(fps: float, rate: float) -> int:
    """How many clip frames make one control frame."""
    return max(1, round(fps / rate))


def _prepare(clip: Clip, body: Body, ik_qpos: np.ndarray, fps: float, options: Options) -> _Track:
    model = body.model
    substeps = int(np.ceil(options.simulation_rate / fps - 1e-9))
    model.opt.timestep = 1 / (fps * substeps)
    qvel = qvel_from(ik_qpos, 1 / fps)
    names = list(clip.names)
    columns = [names.index(n) for n in body.keypoint_names]
    # A servo that must follow a moving target lags by kv/kp times its speed; it is aimed ahead by that.
    kp, kv = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2]
    frames = len(ik_qpos)
    middle = (np.arange((frames - 1) * substeps) + 0.5) / substeps
    aim = ik_qpos[:, 7:] + kv / kp * qvel[:, 6:]
    feedforward = interp1d(np.arange(frames), aim, axis=0)(middle)
    return _Track(ik_qpos, qvel, clip.keypoints[:, columns], clip.confidence[:, columns], feedforward, substeps)


def _window(sim: Simulator, points: Points, track: _Track, start: int, frames: int, state, knot, noise: float, o: Options):
    at, s = slice(start + 1, start + 1 + frames), track.substeps
    trust = 1 / (1 + (noise / 0.01) ** 2)  # a noisy clip's keypoints count less against the smoothed reference
    nv = sim.model.nv
    weights = np.full(nv, o.velocity)
    return Window(
        sim, state[0], state[1], track.feedforward[start * s : (start + frames) * s], knot, s,
        [KeypointTerm(points, track.targets[at], track.confidence[at], o.keypoints * trust, o.outlier_m + 3 * noise),
         VelocityTerm(track.qvel[at], weights),
         PostureTerm(track.qpos[at, 7:], o.posture)],
        [EffortTerm(o.effort), SmoothnessTerm(o.smoothness, sim.model.nu)],
    )  # fmt: skip


def _start(window: Window, shifted: np.ndarray) -> np.ndarray:
    """The better of the shifted last solution and no offsets: a bad warm start must not spoil a window."""
    zero = np.zeros(window.n)
    return min((shifted, zero), key=lambda x: window.value(x))


def _solve(sim: Simulator, points: Points, track: _Track, noise: float, o: Options, progress) -> None:
    total, nu = len(track.qpos) - 1, sim.model.nu
    state, knot, start = (track.qpos[0].copy(), track.qvel[0].copy()), np.zeros(nu), 0
    shifted = np.zeros(o.window_frames * nu)
    while start < total:
        frames = min(o.window_frames, total - start)
        keep = frames if start + frames >= total else min(o.keep_frames, frames)
        window = _window(sim, points, track, start, frames, state, knot, noise, o)
        x0 = _start(window, np.resize(shifted, window.n))
        loss_start = window.value(x0)
        status = "ok"
        if not np.isfinite(loss_start):
            # Nothing to continue from: begin again at the reference, and say so.
            state, knot = (track.qpos[start].copy(), track.qvel[start].copy()), np.zeros(nu)
            window = _window(sim, points, track, start, frames, state, knot, noise, o)
            x0, status = np.zeros(window.n), "restarted"
            loss_start = window.value(x0)
        result = optimizers.minimize(window, x0, optimizers.make(o.optimizer), o.max_evaluations)
        rollout = window.rollout(result.x)
        if rollout.diverged:
            status = "diverged"
        steps = keep * track.substeps
        track.chunks.append(rollout)
        track.controls.append(window.controls(result.x)[:steps])
        track.windows.append({
            "start_frame": start, "frames": frames, "kept": keep, "loss_start": loss_start, "loss_end": result.loss,
            "evaluations": result.evaluations, "linearizations": result.linearizations, "status": status,
            "stopped": result.status, "message": result.message,
        })  # fmt: skip
        knots = window.knots(result.x)
        state, knot = (rollout.qpos[steps].copy(), rollout.qvel[steps].copy()), knots[keep]
        shifted = np.zeros(o.window_frames * nu)
        rest = knots[keep + 1 :].ravel()
        shifted[: rest.size] = rest
        start += keep
        progress(start / total)


def reconstruct(clip: Clip, options: Options = Options(), progress: Callable[[float], None] = lambda share: None) -> Motion:
    """Physically real motion of a clip.

    The clip's ground is levelled, a body built to its bone lengths, a smooth kinematic reference found, and servo
    offsets solved for in overlapping windows, each starting from the state that the one before reached. ``progress``
    is called with the share done. Raises BodyError where the keypoints do not determine a body, OptimizerError for
    an unknown optimizer.
    """
    clock, seconds = time.perf_counter(), {}
    optimizers.make(options.optimizer)
    noise = estimate_noise(clip) if options.noise_m is None else options.noise_m
    levelled = level(clip, estimate_floor(clip))
    fps = clip.fps / control_stride(clip.fps, options.control_rate)
    slow = to_rate(levelled, fps)
    body = build_body(slow, options.mass_kg, noise)
    seconds["startup"] = time.perf_counter() - clock
    ik = solve_ik(body, slow, noise)
    seconds["ik"] = time.perf_counter() - clock - seconds["startup"]
    track = _prepare(slow, body, ik.qpos, fps, options)
    sim = Simulator(body.model)
    points = Points(sim.constants, body.keypoint_body, body.keypoint_pos)
    _solve(sim, points, track, noise, options, progress)
    seconds["optimise"] = time.perf_counter() - clock - seconds["startup"] - seconds["ik"]
    findings = (*levelled.findings, f"noise about {1000 * noise:.1f} mm a coordinate", *body.findings, *ik.findings)
    return assemble(
        levelled, body, sim, ik.qpos, fps, track.chunks, track.controls, track.windows,
        findings, (*levelled.warnings, *body.warnings, *ik.warnings), asdict(options), seconds,
    )  # fmt: skip
