"""Forces and joint moments through the low-pass filter that is usual for a kind of motion."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, filtfilt

from motionrecon.errors import OptionError
from motionrecon.io.plates import LOADED_N
from motionrecon.motion.assemble import resampled
from motionrecon.motion.columns import blocks
from motionrecon.motion.kind import Kind
from motionrecon.motion.motion import Motion
from motionrecon.physics.floor_forces import moment_about_z

# Hz, low-pass of forces in the studies that compare with plates (OpenCap's validation, Uhlrich et
# al., PLoS Comput. Biol. 19(10), 2023: 6 walking, 4 squats and sit-to-stand, jumps as they are); 20
# running, which keeps the impact peak. Other: 20, which spoils least of the slow and of the fast.
USUAL_HZ: dict[Kind, float | None] = {
    Kind.WALK: 6.0,
    Kind.RUN: 20.0,
    Kind.SQUAT: 4.0,
    Kind.JUMP: None,
    Kind.OTHER: 20.0,
}

Filter = float | Literal["auto", "none"]


@dataclass(frozen=True)
class Choice:
    """hz: Hz, None for no filter; kind: of the motion; why: in words."""

    hz: float | None
    kind: Kind
    why: str


def check_filter(given: Filter, simulation_rate: float) -> None:
    """Raises OptionError for a filter (Hz) that is not above 0 and below half of the simulation's
    rate (Hz, at least); "auto" and "none" are right.
    """
    if isinstance(given, str):
        if given not in ("auto", "none"):
            raise OptionError(f"--filter {given[:40]!r}: expected auto, none or a number of Hz")
        return
    real = isinstance(given, Real) and not isinstance(given, bool)
    if not real or not 0 < given < 0.5 * simulation_rate:
        found = f"{given:g}" if real else repr(given)[:40]
        raise OptionError(
            f"--filter {found}: expected more than 0 and less than {0.5 * simulation_rate:g} Hz "
            f"(half of the simulation's {simulation_rate:g} Hz), auto or none"
        )


def choose(given: Filter, kind: Kind, rate: float) -> Choice:
    """The filter asked for, or the usual one of a kind of motion; rate: Hz, of the simulation."""
    if given == "none":
        return Choice(None, kind, "none asked for")
    if not isinstance(given, str):
        return Choice(float(given), kind, "as asked for")
    hz = USUAL_HZ[kind]
    if hz is not None and hz >= 0.5 * rate:
        return Choice(None, kind, f"none: the simulation's rate is too low for {hz:g} Hz")
    return Choice(hz, kind, f"usual for the kind of motion: {kind}")


def low_pass(
    values: Float[np.ndarray, "n ..."], rate: float, hz: float
) -> Float[np.ndarray, "n ..."]:
    """Through a Butterworth filter of second order forwards and backwards: no lag, fourth order,
    half the amplitude at `hz`. rate: Hz, of the samples. The two passes are not corrected for, as
    in the studies compared with.
    """
    if len(values) < 2:
        return values.copy()
    b, a = butter(2, hz / (0.5 * rate))
    # the series is reflected for as long as the filter remembers, where it is that long
    pad = min(len(values) - 1, int(np.ceil(2 * rate / hz)))
    return filtfilt(b, a, values, axis=0, padlen=pad)


def with_filtered(motion: Motion, hz: float | None) -> Motion:
    """The motion with its filtered arrays; without them for None.

    Filtered at the simulation's rate, then brought to the frames. Centre of pressure and free
    moment are those of the filtered force and moment: a centre of pressure is a quotient, and a
    filter has no use for one.
    """
    rate = 1 / motion.timestep
    raw = motion.simulation_centre_of_pressure
    free, moments = motion.simulation_free_moment, motion.simulation_joint_moments
    raw_force, raw_other = motion.simulation_contact_force, motion.simulation_contact_force_other
    if (
        hz is None
        or raw is None
        or free is None
        or moments is None
        or raw_force is None
        or raw_other is None
    ):
        return replace(
            motion,
            contact_force_filtered=None,
            contact_force_other_filtered=None,
            centre_of_pressure_filtered=None,
            free_moment_filtered=None,
            joint_moments_filtered=None,
        )
    raw_centre = np.nan_to_num(raw)
    force = low_pass(raw_force, rate, hz)
    lever = low_pass(raw_centre[..., :2] * raw_force[..., 2:], rate, hz)
    turn = low_pass(free + moment_about_z(raw_centre, raw_force), rate, hz)
    loaded = force[..., 2] >= LOADED_N
    centre = np.full(raw.shape, np.nan)
    centre[loaded, :2] = lever[loaded] / force[loaded, 2:]
    centre[loaded, 2] = 0.0
    free = np.where(loaded, turn - moment_about_z(np.nan_to_num(centre), force), 0.0)
    clock = motion.timestep * np.arange(len(force))

    def at_frames(series: np.ndarray) -> np.ndarray:
        return resampled(motion.time, clock, series)

    return replace(
        motion,
        contact_force_filtered=at_frames(force),
        contact_force_other_filtered=at_frames(low_pass(raw_other, rate, hz)),
        centre_of_pressure_filtered=centre[motion.steps],
        free_moment_filtered=at_frames(free),
        # one by one: a filter takes three copies of what it filters
        joint_moments_filtered=np.stack(
            [
                at_frames(
                    low_pass(np.concatenate([r[:, k].copy() for r in blocks(moments)]), rate, hz)
                )
                for k in range(moments.shape[1])
            ],
            axis=1,
        ),
    )
