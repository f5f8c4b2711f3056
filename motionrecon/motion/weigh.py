"""A person's mass from force plates, while they feel all that the floor does."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt

from motionrecon.body import Body
from motionrecon.engine import mujoco
from motionrecon.io.plates import LOADED_N
from motionrecon.kinematics import soles
from motionrecon.motion.plates import Plates
from motionrecon.physics.constants import contact_spheres

_CUTOFF_HZ = 10.0  # of force and acceleration alike, as of the momentum that the windows follow
_STANDS = 0.2  # of soles.stands: less is a foot that swings
# s to both sides of what is not known: a toe still pushes while kinematics let it swing, and the
# filter mixes
_AROUND_S = 0.1
# s over which force and acceleration are averaged before they are divided: a clock or a joint that
# is off by 10 ms makes every single quotient wrong, and hardly their mean over half a step
_MEAN_S = 0.25
_LEAST_S = 0.15  # s, of such means; fewer cannot be seen to agree
_GRAVITY = 9.81  # m/s^2


@dataclass(frozen=True)
class Weighing:
    """mass_kg; spread: interquartile range over the means, a share of it; seconds: how many means
    there are, in time.
    """

    mass_kg: float
    spread: float
    seconds: float


@dataclass(frozen=True)
class Trust:
    """What a weighing must keep to. A foot half beside its plate, or a plate that drifts, shows as
    one or the other.
    """

    spread: float = 0.08  # measured on seven clips with plates: 0.01 to 0.08
    # of the mass assumed from stature: a body mass index of 13.5 to 31.5 kg/m^2
    off: float = 0.4


def weigh(
    body: Body,
    qpos: Float[np.ndarray, "F nq"],
    rate: float,
    time: Float[np.ndarray, "F"],
    plates: Plates,
    trust: Trust = Trust(),
) -> Weighing | None:
    """The mass of who moves as qpos says, rate Hz, at time (s, on the plates' clock); None where
    the plates do not tell it.

    Newton: force = mass (acceleration of the centre of mass + g), on average over half a step in
    which each foot either swings or is on its plates. The place of the centre of mass does not
    depend on the mass: the segments' masses are shares of it.
    """
    measured = 1 / float(np.median(np.diff(plates.time))) if len(plates.time) > 12 else 0.0
    width, around = max(2, round(_MEAN_S * rate)), max(1, round(_AROUND_S * rate))
    # filtfilt needs 9 samples beyond its ends, the mean what lies around it
    if len(qpos) < max(12, width + 2 * around) or _CUTOFF_HZ > 0.45 * min(rate, measured):
        return None
    centre, stands = _centre_and_stance(body, qpos, rate)
    clock = np.arange(len(qpos)) / rate
    push = CubicSpline(clock, _smooth(centre[:, 2], rate))(clock, 2) + _GRAVITY
    known = (time >= plates.time[0]) & (time <= plates.time[-1])
    force = np.zeros(len(qpos))
    for side in (0, 1):
        vertical = plates.total(side)[:, 2]
        loaded = np.interp(time, plates.time, vertical) > LOADED_N
        known &= loaded | (stands[:, side] < _STANDS)
        force += np.interp(time, plates.time, _smooth(vertical, measured))
    whole = np.convolve(known, np.ones(width + 2 * around), "valid") > width + 2 * around - 0.5
    mean = np.ones(width) / width
    pushes, forces = (np.convolve(x, mean, "valid")[around:-around] for x in (push, force))
    used = whole & (pushes > 0.5 * _GRAVITY) & (forces > 0.5 * _GRAVITY * body.mass_kg)
    if used.sum() < _LEAST_S * rate:
        return None
    ratio = forces[used] / pushes[used]
    low, mass, high = np.percentile(ratio, (25, 50, 75))
    spread = float((high - low) / mass)
    if spread > trust.spread or abs(mass / body.mass_kg - 1) > trust.off:
        return None
    return Weighing(float(mass), spread, len(ratio) / rate)


def _smooth(values: Float[np.ndarray, "n"], rate: float) -> Float[np.ndarray, "n"]:
    b, a = butter(2, _CUTOFF_HZ / (0.5 * rate))
    return filtfilt(b, a, values)


def _centre_and_stance(
    body: Body, qpos: Float[np.ndarray, "F nq"], rate: float
) -> tuple[Float[np.ndarray, "F 3"], Float[np.ndarray, "F 2"]]:
    """The centre of mass (m), and from 1 for a foot that stands to 0 for one that swings."""
    model, data, of_feet = body.model, mujoco.MjData(body.model), soles.of(body)
    spheres = contact_spheres(model)[of_feet.spheres]
    centre, points = np.empty((len(qpos), 3)), np.empty((len(qpos), len(spheres), 3))
    for t, q in enumerate(qpos):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        centre[t], points[t] = data.subtree_com[1], data.geom_xpos[spheres]
    points[..., 2] -= model.geom_size[spheres, 0]
    stands = soles.stands(body.scene.above(points), soles.at_rest(points, rate))
    return centre, np.stack([stands[:, of_feet.foot == s].max(axis=1) for s in (0, 1)], axis=1)
