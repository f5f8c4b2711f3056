"""A motion's forces against force plates, by the protocol of the studies that publish such errors:
both through the same filter, every moment that a plate measured, both feet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.clip.clip import Clip
from motionrecon.io.plates import LOADED_N
from motionrecon.motion.assemble import clip_clock
from motionrecon.motion.kind import Kind
from motionrecon.motion.lowpass import low_pass
from motionrecon.motion.motion import Motion
from motionrecon.motion.plates import Plates

_TRAVELS_M = 0.5  # m: who moves less has no direction of travel
# s: a contact that is off by more is another contact
_SAME_CONTACT_S = 0.25
# Beginnings of words in a clip's own description; the first that is found decides.
_WORDS = (
    ("squat", Kind.SQUAT),
    ("sit", Kind.SQUAT),
    ("jump", Kind.JUMP),
    ("run", Kind.RUN),
    ("sprint", Kind.RUN),
    ("walk", Kind.WALK),
    ("gait", Kind.WALK),
)


@dataclass(frozen=True)
class Foot:
    """One foot's curves at t moments of the plates' clock; N, m; along, across, up.

    ours, plate (t, 3): through the filter; ours_raw, plate_raw (t,): vertical, as they are.
    """

    name: str
    time: Float[np.ndarray, t]
    ours: Float[np.ndarray, "t 3"]
    plate: Float[np.ndarray, "t 3"]
    ours_raw: Float[np.ndarray, t]
    plate_raw: Float[np.ndarray, t]
    distance: Float[np.ndarray, t]  # m, between centres of pressure; NaN where not both loaded


def kind_of_clip(clip: Clip, motion: Motion) -> Kind:
    """By the clip's own words (extras["activity"]), else by what its keypoints show."""
    words = str(clip.extras.get("activity", "")).lower()
    told = (kind for word, kind in _WORDS if re.search(rf"\b{word}", words))
    return next(told, Kind(motion.require_report().motion_kind))


def direction(motion: Motion) -> Float[np.ndarray, 2]:
    """Where the pelvis travels, a horizontal unit vector; x where it stays."""
    way = motion.qpos[-1, :2] - motion.qpos[0, :2]
    length = float(np.linalg.norm(way))
    return way / length if length > _TRAVELS_M else np.array([1.0, 0.0])


def feet(motion: Motion, clip: Clip, hz: float | None) -> list[Foot]:
    """Of the feet that plates carried during the clip; hz: of the filter, None for none."""
    plates = Plates.of(clip.extras)
    if plates is None or len(plates.time) < 2:
        return []
    ours = motion.simulated("contact_force")
    mine = clip_clock(clip, 1)[0] + motion.timestep * np.arange(len(ours))
    x = direction(motion)
    axes = np.array([[*x, 0.0], [-x[1], x[0], 0.0], [0.0, 0.0, 1.0]])
    rate = 1 / float(np.median(np.diff(plates.time)))
    clock = plates.time[(plates.time >= mine[0]) & (plates.time <= mine[-1])]
    found = []
    for side, name in enumerate(("left", "right")):
        time = clock[plates.judged(side, clock)]
        if len(time) < 4:
            continue
        total = plates.total(side)
        found.append(
            Foot(
                name,
                time,
                _at(time, mine, _filtered(ours[:, side], 1 / motion.timestep, hz)) @ axes.T,
                _at(time, plates.time, _filtered(total, rate, hz)) @ axes.T,
                np.interp(time, mine, ours[:, side, 2]),
                np.interp(time, plates.time, total[:, 2]),
                _distance(motion, plates, side, time, mine),
            )
        )
    return found


def _distance(
    motion: Motion,
    plates: Plates,
    side: int,
    time: Float[np.ndarray, t],
    mine: Float[np.ndarray, N],
) -> Float[np.ndarray, t]:
    if motion.simulation_centre_of_pressure is None:
        return np.full(len(time), np.nan)
    nearest = np.clip(np.round((time - mine[0]) / motion.timestep).astype(int), 0, len(mine) - 1)
    loaded = motion.simulated("contact_force")[nearest, side, 2] > LOADED_N
    loaded &= plates.force_at(side, time)[:, 2] > LOADED_N
    apart = (motion.simulation_centre_of_pressure[nearest, side] - plates.centre_at(side, time))[
        :, :2
    ]
    return np.where(loaded, np.linalg.norm(apart, axis=1), np.nan)


def scores(motion: Motion, found: list[Foot]) -> dict[str, float | list[float] | list[int]]:
    """Errors in % of body weight (vertical, along, across), and what tells contacts apart."""
    weight = motion.weight
    off = 100 / weight * np.concatenate([f.ours - f.plate for f in found])[:, [2, 0, 1]]
    timing = np.concatenate([switch_errors_s(f.time, f.ours_raw, f.plate_raw) for f in found])
    apart = np.concatenate([f.distance for f in found])
    total = motion.simulated("contact_force").sum(axis=1) + motion.simulated("contact_force_other")
    return {
        "mae_bw_percent": np.abs(off).mean(axis=0).tolist(),
        "rmse_bw_percent": np.sqrt((off**2).mean(axis=0)).tolist(),
        "correlation": float(np.mean([_correlation(f.ours[:, 2], f.plate[:, 2]) for f in found])),
        "centre_of_pressure_rmse_mm": 1e3 * float(np.sqrt(_mean(apart**2))),
        "timing_ms": 1e3 * float(np.median(timing)) if timing.size else np.nan,
        "contacts": [contacts(f.ours_raw) for f in found],
        "plate_contacts": [contacts(f.plate_raw) for f in found],
        "peak_bw": float(motion.simulated("contact_force")[..., 2].max() / weight),
        "plate_peak_bw": float(max(f.plate_raw.max() for f in found) / weight),
        "in_the_air_percent": 100 * float((total[:, 2] < 0.02 * weight).mean()),
    }


def contacts(vertical: Float[np.ndarray, t]) -> int:
    """How many times a foot is loaded, one that it begins with counted."""
    on = vertical > LOADED_N
    return int(on[0]) + int((on[1:] & ~on[:-1]).sum())


def switch_errors_s(
    time: Float[np.ndarray, t], ours: Float[np.ndarray, t], plate: Float[np.ndarray, t]
) -> Float[np.ndarray, switches]:
    """s, from each moment at which the plate's vertical force passes 20 N up or down to the nearest
    at which ours does the same; half the width of a step where ours does not at all near it.
    """
    out = []
    for up in (True, False):
        theirs, mine = (time[1:][_passes(v > LOADED_N, up)] for v in (plate, ours))
        for at in theirs:
            nearest = np.abs(mine - at).min(initial=_SAME_CONTACT_S)
            out.append(min(float(nearest), _SAME_CONTACT_S))
    return np.array(out)


def _passes(on: Bool[np.ndarray, t], up: bool) -> Bool[np.ndarray, t - 1]:
    return (on[1:] & ~on[:-1]) if up else (~on[1:] & on[:-1])


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.std() < 1e-9 or b.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _filtered(values: np.ndarray, rate: float, hz: float | None) -> np.ndarray:
    return values if hz is None or hz >= 0.5 * rate else low_pass(values, rate, hz)


def _at(time: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(time, known, column) for column in values.T], axis=1)
