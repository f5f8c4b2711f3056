"""The reference of a clip, and its control windows solved one after another."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt

from motionrecon import optimizers, ranges
from motionrecon.body import Body
from motionrecon.errors import OptionError
from motionrecon.kinematics import qvel_from
from motionrecon.learned.law.planner import AUTO, GROWN, Planner
from motionrecon.motion.assemble import Piece, resampled
from motionrecon.motion.lowpass import Filter, check_filter
from motionrecon.motion.report import WindowReport, WindowStatus
from motionrecon.motion.steps import Simulation
from motionrecon.objective.effort import EffortTerm
from motionrecon.objective.keypoints import KeypointTerm
from motionrecon.objective.momentum import MomentumTerm
from motionrecon.objective.points import Points
from motionrecon.objective.posture import PostureTerm
from motionrecon.objective.smoothness import SmoothnessTerm
from motionrecon.objective.torque import TorqueTerm
from motionrecon.objective.velocity import VelocityTerm
from motionrecon.objective.window import Window
from motionrecon.optimizers.base import Result, State
from motionrecon.optimizers.fallback import minimize_or_fall_back
from motionrecon.physics.floor_forces import floor_forces, foot_bodies, support_forces
from motionrecon.physics.joint_moments import joint_moments
from motionrecon.physics.momentum import momentum_of
from motionrecon.physics.rollout import Simulator
from motionrecon.physics.settle import settled
from motionrecon.scene import Scene

# Chosen by hand, as the weights of Options are. At this noise, m a coordinate, the clip's keypoints
# have half of the weight they have without noise, when they share it with the reference's: even a
# laboratory's are 2 to 5 mm off the bones, and the reference's stand on the floor.
_EVEN_NOISE_M = 0.01
_OWN_SHARE = 0.3
# Chosen by hand: about what keypoints at 30 Hz know of a force. At 7 Hz two walks with plates came
# out a little worse, a slow run a little better.
_CUTOFF_HZ = 10.0
_PADDED = 9  # frames that filtfilt needs at its ends
_STEPS_A_SAMPLE = 2  # at most, of momentum: 120 Hz
_UNSEEN = 0.1  # weight of the reference's keypoints where it goes on beyond the clip
# m^2/s: the angular momentum a kilogram that arms and trunk swing against the legs'. A fast run's
# legs have 0.1, a somersault 0.8.
_SWUNG = 0.15
_OUTLIER_SIGMAS = 3.0  # normal noise is beyond them once in 370 times

# Loss a frame up to which a start by feedback is believed. Worse ones lead, grown or not, to poorer
# valleys than the usual starts: docs/benchmarks/start.md.
BELIEVED = 0.3

# The optimizers whose starts are learned too.
OPTIMUS = ("steered-gauss-newton", "optimus-motion-plain")


@dataclass(frozen=True)
class Options:
    """How to reconstruct. Weights are per frame and for a clip without noise; ``noise_m`` scales
    them. Numbers are kept within motionrecon.ranges.
    """

    optimizer: str = "optimus-motion"
    max_evaluations: int = (
        60  # a window, at least 1; those that grow it (grow_evaluations) are counted apart
    )
    mass_kg: float | None = None  # kg, above 0; None: from the clip or estimated
    noise_m: float | None = None  # m, per coordinate, at least 0; None: estimated from the clip
    # m, height of the ground in the clip's coordinates; None: estimated. 0 takes the file's z = 0.
    floor_m: float | None = None
    # what else than the floor carries, in the clip's coordinates with the floor at z = 0 (m); None:
    # nothing; "auto": what the clip shows (motionrecon.scene.found)
    scene: Scene | Literal["auto"] | None = "auto"
    # Hz, low-pass of the reported forces beside the raw ones, above 0 and below half of
    # simulation_rate; "auto": the usual one of the kind of motion; "none": raw ones only
    force_filter: Filter = "auto"
    control_rate: float = 30.0  # Hz, of the control knots; clips are brought to a rate near it
    simulation_rate: float = 240.0  # Hz, at least
    window_frames: int = 20  # control frames in a window
    keep_frames: int = 10  # of which so many are kept, 1 to window_frames
    # How a window begins: with the feedback of a law ("optimus-start", or a folder of weights), or
    # of a "regulator" about the reference, where that is better than the last solution and zero; or
    # else with these alone, "grown" frame by frame. "auto": optimus-start for an Optimus where it
    # fits the body and the windows, else grown; what Optimus is compared with starts by itself.
    start: str = "auto"
    grow_frames: int = 4  # a window's new frames are first taken in so many at a time
    grow_evaluations: int = 12  # for each of these beginnings
    # Shares of the loss by which the steps of a Jacobian must lower it to be worth the next one;
    # those of the beginnings, whose end is only a start: docs/benchmarks/start.md
    gain: float = 0.005
    grow_gain: float = 0.03
    keypoints: float = 400.0  # 1/m^2
    velocity: float = 5e-4  # s^2/rad^2
    posture: float = 1e-3  # 1/rad^2
    # 1/rad^2, of hinges that move no keypoint: necks of clips without a head swing by 7 degrees at
    # most; by 83 with 1e-3, which balances the momentum with the head (docs/theory/objective.md)
    posture_unseen: float = 0.3
    momentum: float = 40.0  # s^2/m^2, of linear momentum a kilogram
    spin: float = 400.0  # s^2/m^4, of angular momentum a kilogram
    torque: float = 0.02  # of torques over strengths
    effort: float = 1e-3  # 1/rad^2
    smoothness: float = 1e-3  # 1/rad^2
    outlier_m: float = 0.15  # m, distance beyond which a keypoint pulls linearly
    # What is kept of every simulated step: "full", which mj_step replays exactly; "float32", half
    # as large; "none", the frames alone
    simulation: Simulation = "full"
    threads: int = 2  # 1 or 2; one process a core wants 1
    # None: a person; else the robot that moves as the person does: a known name, or the file of a
    # description (motionrecon.robot.description)
    robot: str | None = None
    # The robot's time: "same", the person's; "similar", faster by the root of the person's legs'
    # length over the robot's, as gravity asks of what flies; "auto": similar where the clip flies
    tempo: Literal["auto", "same", "similar"] = "auto"

    def __post_init__(self) -> None:
        """Raises OptionError for values outside of motionrecon.ranges, or a filter that is none."""
        ranges.check_all(lambda field: getattr(self, field))
        check_filter(self.force_filter, self.simulation_rate)
        if self.tempo not in ("auto", "same", "similar"):
            raise OptionError(f"tempo {self.tempo!r}: expected auto, same or similar")
        if self.simulation not in get_args(Simulation):
            found = repr(self.simulation)[:40]
            raise OptionError(f"simulation {found}: expected {', '.join(get_args(Simulation))}")
        if not (self.scene is None or self.scene == "auto" or isinstance(self.scene, Scene)):
            raise OptionError(f"scene {self.scene!r}: expected a Scene, None or 'auto'")


class Effort(NamedTuple):
    """How far a window is to be solved. evaluations: at most; gain: share of the loss by which the
    steps of a Jacobian must lower it to be worth the next one; growing: whether on the way to the
    whole window.
    """

    evaluations: int
    gain: float
    growing: bool = False


# (window, x0 (n,), effort) -> (result, whether Levenberg-Marquardt had to take over)
Solve = Callable[[Window, np.ndarray, Effort], tuple[Result, bool]]


def start_of(o: Options) -> str:
    """`Options.start`, which is "grown" where "auto" meets an optimizer that is no Optimus."""
    rival = optimizers.resolve(o.optimizer) not in OPTIMUS
    return GROWN if rival and o.start == AUTO else o.start


def solving(name: str, callback: Callable[[State], object] | None = None) -> Solve:
    """How the optimizer called `name` solves windows, with one of its own for each: none carries
    memory from one to the next. callback: as of `minimize`. Raises OptimizerError for an unknown
    name.
    """
    gains = "tolerance" in optimizers.options(name)

    def solve(window: Window, x0: np.ndarray, effort: Effort) -> tuple[Result, bool]:
        optimizer = optimizers.make(name, **({"tolerance": effort.gain} if gains else {}))
        return minimize_or_fall_back(window, x0, optimizer, effort.evaluations, callback)

    optimizers.make(name)
    return solve


@dataclass(frozen=True, eq=False)
class Handover:
    """Where a window begins: a state and its knot at a control frame, and the offsets that the
    window before found for the frames ahead.
    """

    frame: int
    qpos: Float[np.ndarray, "nq"]
    qvel: Float[np.ndarray, "nv"]
    knot: Float[np.ndarray, "nu"]  # rad
    ahead: Float[np.ndarray, "ahead nu"]  # rad


class Span(NamedTuple):
    """Which frames of a reference are the clip's, and how fast they go: `first`, `last`, `seen` and
    `substeps` of Reference; rate: Hz.
    """

    first: int
    last: int
    seen: int
    rate: float
    substeps: int


@dataclass(frozen=True, eq=False)
class Reference:
    """What the windows follow, at the control rate: F intervals between F + 1 frames; SI units,
    world frame.
    """

    first: int  # frame at which the clip begins; those before it lead in
    last: int  # the first frame at which it has ended; those after it lead out
    seen: int  # the last one at which keypoints are known: `last`, or the one before
    qpos: Float[np.ndarray, "F+1 nq"]  # of the inverse kinematics
    qvel: Float[np.ndarray, "F+1 nv"]
    targets: Float[np.ndarray, "F+1 K 3"]  # m, the clip's keypoints, NaN where missing
    confidence: Float[np.ndarray, "F+1 K"]
    smooth: Float[np.ndarray, "F+1 K 3"]  # m, the inverse kinematics' keypoints
    momentum: Float[np.ndarray, "F S 6"]  # of the body, at S moments of every interval
    aim: Float[np.ndarray, "F+1 nu"]  # rad, servo targets at the frames
    substeps: int  # simulation steps between frames
    noise_m: float  # of the clip, a coordinate
    simulator: Simulator
    points: Points  # where the keypoints sit on the body
    shown: Bool[np.ndarray, "nu"]  # hinges that move a keypoint
    options: Options

    @classmethod
    def of(
        cls,
        body: Body,
        qpos: Float[np.ndarray, "F+1 nq"],
        targets: Float[np.ndarray, "F+1 K 3"],
        confidence: Float[np.ndarray, "F+1 K"],
        smooth: Float[np.ndarray, "F+1 K 3"],
        span: Span,
        noise_m: float,
        options: Options,
        presumed: bool = False,
    ) -> "Reference":
        """With what follows from the configurations: velocities, momentum, servo targets. presumed:
        whether the upper body is, and does not swing.
        """
        simulator = Simulator(body.model)
        qvel = qvel_from(qpos, 1 / span.rate)
        aim = _aim(body, qpos, qvel)
        momentum = smoothed_momentum(simulator, qpos, qvel, span.rate, span.substeps)
        if presumed:
            momentum = unswung(momentum, body.mass_kg)
        return cls(
            first=span.first,
            last=span.last,
            seen=span.seen,
            qpos=qpos,
            qvel=qvel,
            targets=targets,
            confidence=confidence,
            smooth=smooth,
            momentum=momentum,
            aim=aim,
            substeps=span.substeps,
            noise_m=noise_m,
            simulator=simulator,
            points=Points(simulator.constants, body.keypoint_body, body.keypoint_pos),
            shown=_shown(body),
            options=options,
        )

    @property
    def frames(self) -> int:
        """F."""
        return len(self.qpos) - 1

    def feedforward(self, first: int, frames: int) -> Float[np.ndarray, "frames*substeps nu"]:
        """Servo targets (rad) at the middle of every step of so many intervals."""
        s = self.substeps
        middle = (np.arange(first * s, (first + frames) * s) + 0.5) / s
        at = np.arange(first, first + frames + 1)
        return resampled(middle, at, self.aim[at])

    def beginning(self, frame: int = 0) -> Handover:
        """At the reference itself, on a floor that carries it, with nothing found so far."""
        model = self.simulator.model
        f = min(max(frame, 1), self.frames - 1)
        seconds = self.substeps * model.opt.timestep
        change = (self.momentum[f, -1, 5] - self.momentum[f - 1, -1, 5]) / seconds
        weight = -float(model.body_subtreemass[1] * model.opt.gravity[2])
        qpos = settled(
            self.simulator, self.qpos[frame], self.qvel[frame], self.aim[frame], change + weight
        )
        nothing = np.zeros((0, model.nu))
        return Handover(frame, qpos, self.qvel[frame].copy(), np.zeros(model.nu), nothing)

    def one_frame(self, frame: int, knot: Float[np.ndarray, "nu"]) -> Window:
        """The window of the one control frame after `frame`, begun at the reference's state."""
        nothing = np.zeros((0, len(knot)))
        return self.window(Handover(frame, self.qpos[frame], self.qvel[frame], knot, nothing), 1)

    def window(
        self, begin: Handover, frames: int, pool: ThreadPoolExecutor | None = None
    ) -> Window:
        """The window of so many control frames after `begin`; pool: a worker that takes half of the
        derivatives.
        """
        o, s, first = self.options, self.substeps, begin.frame
        at = slice(first + 1, first + 1 + frames)
        # The noisier a clip, the more the body follows the smoothed reference's keypoints in place
        # of the clip's.
        trust = _OWN_SHARE / (1 + (self.noise_m / _EVEN_NOISE_M) ** 2)
        outlier = o.outlier_m + _OUTLIER_SIGMAS * self.noise_m
        ends = np.arange(first + 1, first + 1 + frames)
        seen = np.where(ends <= self.seen, 1.0, _UNSEEN)
        sure = np.repeat(seen[:, None], self.smooth.shape[1], axis=1)
        model = self.simulator.model
        known = (ends <= self.seen).astype(float)
        momentum = MomentumTerm(
            self.simulator.constants,
            self.momentum[first : first + frames],
            float(model.body_subtreemass[1]),
            o.momentum * known,
            o.spin * known,
        )
        return Window(
            self.simulator,
            begin.qpos,
            begin.qvel,
            self.feedforward(first, frames),
            begin.knot,
            s,
            [
                KeypointTerm(
                    self.points,
                    self.targets[at],
                    self.confidence[at],
                    o.keypoints * trust,
                    outlier,
                ),
                KeypointTerm(
                    self.points, self.smooth[at], sure, o.keypoints * (1 - trust), outlier
                ),
                VelocityTerm(self.qvel[at], np.full(model.nv, o.velocity)),
                PostureTerm(self.qpos[at, 7:], np.where(self.shown, o.posture, o.posture_unseen)),
            ],
            [momentum, TorqueTerm(model, self.aim[at], o.torque)],
            [EffortTerm(o.effort), SmoothnessTerm(o.smoothness, model.nu)],
            pool,
        )


def _shown(body: Body) -> Bool[np.ndarray, "nu"]:
    """Whether a keypoint is on the segment that a hinge moves, or on what hangs on that. The floor
    shows the feet: held to the kinematics they would land hard.
    """
    model, carries = body.model, np.zeros(body.model.nbody, bool)
    carries[[*body.keypoint_body, *foot_bodies(model)]] = True
    for b in range(model.nbody - 1, 0, -1):
        carries[model.body_parentid[b]] |= carries[b]
    return carries[model.jnt_bodyid[1:]]


def _aim(
    body: Body, qpos: Float[np.ndarray, "F+1 nq"], qvel: Float[np.ndarray, "F+1 nv"]
) -> Float[np.ndarray, "F+1 nu"]:
    """Servo targets (rad) that make the hinges follow qpos.

    A servo that must follow a moving target lags by kv/kp times its speed; it is aimed ahead by
    that.
    """
    kp, kv = body.model.actuator_gainprm[:, 0], -body.model.actuator_biasprm[:, 2]
    return qpos[:, 7:] + kv / kp * qvel[:, 6:]


def smoothed_momentum(
    simulator: Simulator,
    qpos: Float[np.ndarray, "F+1 nq"],
    qvel: Float[np.ndarray, "F+1 nv"],
    rate: float,
    substeps: int,
) -> Float[np.ndarray, "F S 6"]:
    """Momentum of a motion given at `rate` Hz, as the floor may be asked to change it.

    Through a zero-lag Butterworth filter of fourth order, then at several moments of every interval
    by a cubic spline.
    """
    momentum = momentum_of(simulator, qpos, qvel)
    if _CUTOFF_HZ < 0.45 * rate and len(momentum) > _PADDED:
        b, a = butter(2, _CUTOFF_HZ / (0.5 * rate))
        momentum = filtfilt(b, a, momentum, axis=0)
    stride = max(k for k in range(1, _STEPS_A_SAMPLE + 1) if substeps % k == 0)
    samples, frames = substeps // stride, len(momentum) - 1
    moments = np.arange(1, frames * samples + 1) / samples
    spline = CubicSpline(np.arange(frames + 1), momentum)
    return spline(moments).reshape(frames, samples, 6)


def unswung(momentum: Float[np.ndarray, "F S 6"], mass: float) -> Float[np.ndarray, "F S 6"]:
    """The momentum of a reference whose upper body no keypoint shows, with its angular part L (m:
    the mass) brought near what a person's is: L |L|^2 / (|L|^2 + (_SWUNG m)^2).

    Arms and trunk swing against the legs, so that the angular momentum of the whole body stays near
    zero (H. Herr, M. Popovic, J. Experimental Biology 211, 2008); with a trunk as one piece the
    legs' would be left, which no floor gave. That of a somersault is beyond what arms swing.
    """
    out = momentum.copy()
    square = (momentum[..., :3] ** 2).sum(axis=-1, keepdims=True)
    out[..., :3] *= square / (square + (_SWUNG * mass) ** 2)
    return out


@dataclass(frozen=True, eq=False)
class WindowResult:
    """What is kept of a solved window, where the next one begins, and how it went."""

    piece: Piece
    reached: Handover
    report: WindowReport


def solve_windows(
    reference: Reference,
    solve: Solve,
    pool: ThreadPoolExecutor | None = None,
    begun: Callable[[Window, np.ndarray], None] = lambda window, x0: None,
) -> Iterator[WindowResult]:
    """Window after window to the end, each from the state that the one before reached.

    ``begun(window, x0)`` is told of every window before it is grown. Whoever consumes the results
    has them whole: an interruption falls between two of them.
    """
    at = reference.beginning()
    planner = Planner.of(start_of(reference.options), reference)
    while at.frame < reference.last:
        result = _solve_window(reference, at, solve, pool, begun, planner)
        yield result
        at = result.reached


def _solve_window(
    reference: Reference,
    at: Handover,
    solve: Solve,
    pool: ThreadPoolExecutor | None,
    begun: Callable[[Window, np.ndarray], None],
    planner: Planner | None,
) -> WindowResult:
    o, left = reference.options, reference.frames - at.frame
    frames = min(o.window_frames, left)
    ends = frames == left and reference.last == reference.frames  # with nothing to look at beyond
    keep = min(reference.last - at.frame, frames if ends else o.keep_frames)
    window, status = reference.window(at, frames, pool), WindowStatus.OK
    clock = time.perf_counter()
    starts = candidates(window, at, planner)
    if "feedback" in starts and not starts["feedback"][1] <= BELIEVED * frames:
        del starts["feedback"]
    start, (x0, loss_start) = min(starts.items(), key=lambda named: named[1][1])
    if not np.isfinite(loss_start):
        # Nothing to continue from: begin again at the reference, and say so.
        window = reference.window(reference.beginning(at.frame), frames, pool)
        x0, status, start = np.zeros(window.n), WindowStatus.RESTARTED, "zero"
        loss_start = window.value(x0)
    begun(window, x0)
    solved = min(o.window_frames - o.keep_frames, frames) if at.frame and x0.any() else 0
    growing: list[tuple[Result, bool]] = []
    if start != "feedback":
        grown, growing = grow(window, x0, solved, o, solve)
        if window.value(grown) <= loss_start:
            x0 = grown
    seconds_growing = time.perf_counter() - clock
    result, fell_back = solve(window, x0, Effort(o.max_evaluations, o.gain))
    if window.rollout(result.x).diverged:
        status = WindowStatus.DIVERGED
    report = WindowReport(
        start_frame=at.frame - reference.first,
        frames=frames,
        kept=keep,
        status=status,
        start=start,
        loss_start=_finite(loss_start),
        loss_end=_finite(result.loss),
        evaluations=result.evaluations,
        evaluations_growing=sum(r.evaluations for r, _ in growing),
        linearizations=result.linearizations,
        linearizations_growing=sum(r.linearizations for r, _ in growing),
        fallbacks=fell_back + sum(f for _, f in growing),
        stopped=str(result.status),
        message=result.message,
        seconds_growing=seconds_growing,
        history=_improvements(result.history),
    )
    before = max(reference.first - at.frame, 0)
    return WindowResult(*_keep(window, result.x, at.frame, keep, before), report)


def candidates(
    window: Window, at: Handover, planner: Planner | None
) -> dict[str, tuple[np.ndarray, float]]:
    """Starts of a window and their losses: what was found ahead, no offsets, and a closed loop's
    where there is a law. The best is taken, so that neither a bad warm start nor a bad law can
    spoil a window.
    """
    zero = np.zeros(window.n)
    shifted = zero.copy()
    found = at.ahead.ravel()[: window.n]
    shifted[: found.size] = found
    starts = {"shifted": shifted, "zero": zero}
    if planner is not None:
        starts["feedback"] = planner.start(window, at.frame, at.ahead)
    return {name: (x, window.value(x)) for name, x in starts.items()}


def grow(
    window: Window, x: np.ndarray, solved: int, o: Options, solve: Solve
) -> tuple[np.ndarray, list[tuple[Result, bool]]]:
    """x (n,) with the frames after the first `solved` taken in a few at a time, and what `solve`
    gave on the way.

    Open-loop, a fall of the first new frames would hide where the later ones belong: from such a
    start the whole window ends in a poor valley.
    """
    x, results = x.copy(), []
    effort = Effort(o.grow_evaluations, o.grow_gain, growing=True)
    for frames in range(solved + o.grow_frames, window.frames, o.grow_frames):
        beginning = window.first(frames)
        results.append(solve(beginning, x[: beginning.n], effort))
        x[: beginning.n] = results[-1][0].x
    return x, results


def _keep(
    window: Window, x: np.ndarray, start: int, keep: int, before: int
) -> tuple[Piece, Handover]:
    """A window's first frames, without those before the clip, and where they end; of its rollout no
    more is kept, so memory stays small.
    """
    sim, steps, knots = window.simulator, keep * window.substeps, window.knots(x)
    r, ctrl = window.rollout(x), window.controls(x)[:steps]
    forces = floor_forces(sim.constants, r, foot_bodies(sim.model), steps)
    kept = slice(min(before, keep) * window.substeps, steps)
    piece = Piece(
        qpos=r.qpos[kept].copy(),
        qvel=r.qvel[kept].copy(),
        ctrl=ctrl[kept].copy(),
        torque=r.torque[kept].copy(),
        foot_force=forces.foot[kept],
        centre=forces.centre[kept],
        other_force=forces.other[kept],
        free_moment=forces.free_moment[kept],
        segment_force=forces.segment[kept],
        joint_moment=joint_moments(sim.constants, r, steps)[kept],
        support_force=support_forces(r, steps, sim.supports)[kept],
    )
    reached = Handover(
        start + keep,
        r.qpos[steps].copy(),
        r.qvel[steps].copy(),
        knots[keep].copy(),
        knots[keep + 1 :].copy(),
    )
    return piece, reached


def _improvements(
    history: list[tuple[int, float, float]],
) -> tuple[tuple[int, float, float], ...]:
    """The entries (evaluations, seconds, best loss) that lower the loss, and the last one."""
    ends = [
        h
        for i, h in enumerate(history)
        if i + 1 == len(history) or i == 0 or h[2] < history[i - 1][2]
    ]
    return tuple((n, round(s, 4), float(f"{loss:.6g}")) for n, s, loss in ends if np.isfinite(loss))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
