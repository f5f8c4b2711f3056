"""Foot strikes and toe-offs of a walk or a run, and what laboratories make of them: cadence, step
length, speed, phases.

Definitions: Whittle's Gait Analysis (Levine, Richards & Whittle, 5th ed. 2012), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.engine import mujoco
from motionrecon.motion import stances
from motionrecon.motion.motion import Motion
from motionrecon.physics.floor_forces import foot_bodies


@dataclass(frozen=True)
class Gait:
    """strikes, offs: s from the motion's beginning, of the left and right foot. cadence: steps a
    minute; speed: m/s, of the pelvis over the ground; step_m: m, mean length of the left and right
    step, along the way; stance: share of a stride that the left and right foot stands; double:
    share of the time that both do. None where there are too few events.
    """

    strikes: tuple[tuple[float, ...], tuple[float, ...]]
    offs: tuple[tuple[float, ...], tuple[float, ...]]
    cadence: float | None
    speed: float
    step_m: tuple[float | None, float | None]
    stance: tuple[float | None, float | None]
    double: float | None


def gait(motion: Motion) -> Gait | None:
    """Of a motion's own forces at simulation rate, or its frames' where it lacks those; None
    where no foot comes down.

    What a person cannot do (a lift shorter than 0.1 s, a touch shorter than 0.05 s) is mended
    first, as for the verdict.
    """
    timestep, force, _ = motion.forces
    vertical, rate = force[:, :, 2] / motion.weight, 1 / timestep
    stands = [stances.mended(stances.by_force(v), rate) for v in vertical.T]
    events = [_events(s, timestep) for s in stands]
    strikes, offs = (events[0][0], events[1][0]), (events[0][1], events[1][1])
    poses = motion.qpos if motion.simulation_qpos is None else motion.simulation_qpos
    way = poses[-1, :2] - poses[0, :2]
    length = float(np.linalg.norm(way))
    seconds = timestep * (len(poses) - 1)
    if not (strikes[0] or strikes[1]) or length < 1e-6:
        return None
    feet = _feet(motion, poses)
    ahead = feet @ (way / length)
    return Gait(
        strikes=strikes,
        offs=offs,
        cadence=_cadence(sorted(strikes[0] + strikes[1])),
        speed=length / seconds,
        step_m=(
            _step(ahead, strikes[0], 0, timestep),
            _step(ahead, strikes[1], 1, timestep),
        ),
        stance=(_stance(strikes[0], offs[0]), _stance(strikes[1], offs[1])),
        double=_double(stands, strikes, timestep),
    )


def _events(
    stands: Bool[np.ndarray, " N"], timestep: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    turns = np.diff(stands.astype(int))
    down, up = ((timestep * (np.flatnonzero(turns == way) + 1)).tolist() for way in (1, -1))
    return tuple(down), tuple(up)


def _feet(motion: Motion, poses: Float[np.ndarray, "n nq"]) -> Float[np.ndarray, "n 2 2"]:
    """m, of the left and right ankle over the ground in every pose."""
    model = motion.model
    data, sides = mujoco.MjData(model), foot_bodies(model)
    # a foot's first body is its hind part, whose origin is the ankle
    bodies = [min(b for b, side in sides.items() if side == k) for k in (0, 1)]
    out = np.empty((len(poses), 2, 2))
    for row, qpos in zip(out, poses, strict=True):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        row[:] = data.xpos[bodies, :2]
    return out


def _cadence(strikes: list[float]) -> float | None:
    if len(strikes) < 2:
        return None
    return 60 * (len(strikes) - 1) / (strikes[-1] - strikes[0])


def _step(
    ahead: Float[np.ndarray, "N+1 2"], strikes: tuple[float, ...], side: int, timestep: float
) -> float | None:
    """m, mean over a foot's strikes of how far it lands before the other."""
    at = np.round(np.array(strikes) / timestep).astype(int)
    return float(np.mean(ahead[at, side] - ahead[at, 1 - side])) if len(at) else None


def _stance(strikes: tuple[float, ...], offs: tuple[float, ...]) -> float | None:
    """Mean over strides, from strike to strike of a foot, of the share until its toe-off."""
    shares = [
        (off - first) / (last - first)
        for first, last in zip(strikes, strikes[1:], strict=False)
        for off in offs
        if first < off < last
    ]
    return float(np.mean(shares)) if shares else None


def _double(stands: list, strikes: tuple, timestep: float) -> float | None:
    """Over whole strides of one foot, so that no phase counts too often."""
    longest = max(strikes, key=len)
    if len(longest) < 2:
        return None
    first, last = (round(t / timestep) for t in (longest[0], longest[-1]))
    return float(np.mean((stands[0] & stands[1])[first:last]))
