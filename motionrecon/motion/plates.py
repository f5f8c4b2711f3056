"""Forces of the floor on the feet against force plates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.io.plates import LOADED_N
from motionrecon.motion import metrics
from motionrecon.motion.report import PlateScores
from motionrecon.physics.floor_forces import FEET

_MARGIN_S = 0.1
_NEEDED = ("grf_time", "grf_force", "grf_names")


@dataclass(frozen=True)
class Plates:
    """What P force plates measured at Tg moments of a clip's clock; world frame, z up.

    time (Tg,) s; force, centre (Tg, P, 3) N, m, the centre of pressure NaN where unknown; feet
    (P,): 0 for a plate that the left foot stood on, 1 for the right, -1 for another.
    """

    time: Float[np.ndarray, "Tg"]
    force: Float[np.ndarray, "Tg P 3"]
    centre: Float[np.ndarray, "Tg P 3"]
    feet: np.ndarray

    @classmethod
    def of(cls, extras: Mapping[str, Any]) -> "Plates | None":
        """The plates in a clip's extras (grf_time, grf_force, grf_names, grf_cop), None without."""
        if any(k not in extras for k in _NEEDED):
            return None
        force = np.nan_to_num(np.asarray(extras["grf_force"], float))
        centre = np.asarray(extras.get("grf_cop", np.full(force.shape, np.nan)), float)
        letters = {foot[0]: side for side, foot in enumerate(FEET)}
        names = (str(n).lower() for n in np.atleast_1d(extras["grf_names"]))
        feet = np.array([letters.get(n[:1], -1) for n in names])
        return cls(np.asarray(extras["grf_time"], float), force, centre, feet)

    def total(self, side: int) -> Float[np.ndarray, "Tg 3"]:
        """N, of all plates under a foot."""
        return self.force[:, self.feet == side].sum(axis=1)

    def judged(self, side: int, time: Float[np.ndarray, "T"]) -> Bool[np.ndarray, "T"]:
        """Moments from 0.1 s before a foot's plates first carry it to 0.1 s after they last do:
        where it steps elsewhere nothing was measured.
        """
        loaded = np.flatnonzero(self.total(side)[:, 2] > LOADED_N)
        if not loaded.size:
            return np.zeros(len(time), bool)
        first, last = self.time[loaded[0]] - _MARGIN_S, self.time[loaded[-1]] + _MARGIN_S
        return (time >= max(first, self.time[0])) & (time <= min(last, self.time[-1]))

    def force_at(self, side: int, time: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t 3"]:
        """N, of all plates under a foot, at other moments."""
        total = self.total(side)
        return np.stack([np.interp(time, self.time, total[:, k]) for k in range(3)], axis=1)

    def centre_at(self, side: int, time: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t 3"]:
        """m, where a foot's plates are loaded together, at the samples next to other moments; NaN
        where unknown.
        """
        plates = self.feet == side
        known = np.isfinite(self.centre[:, plates])
        weight = np.where(known, self.force[:, plates, 2:], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = (np.nan_to_num(self.centre[:, plates]) * weight).sum(1) / weight.sum(1)
        return centre[np.clip(np.searchsorted(self.time, time), 0, len(self.time) - 1)]


def measured(
    time: Float[np.ndarray, "T"], extras: Mapping[str, Any]
) -> Float[np.ndarray, "T 2 3"] | None:
    """Measured force on each foot, N, left first, at time (T,) s on the clip's clock; None without
    plates that carry a foot. NaN for a foot outside the time that is judged.
    """
    plates = Plates.of(extras)
    if plates is None:
        return None
    out = np.full((len(time), 2, 3), np.nan)
    for side in (0, 1):
        at = plates.judged(side, time)
        out[at, side] = plates.force_at(side, time[at])
    return out if np.isfinite(out).any() else None


def against_plates(
    time: Float[np.ndarray, "T"],
    force: Float[np.ndarray, "T 2 3"],
    centre: Float[np.ndarray, "T 2 3"],
    extras: Mapping[str, Any],
    mass_kg: float,
) -> dict[str, PlateScores] | None:
    """Scores of the feet's forces (N) and centres of pressure (m) against measured ones, a foot
    each; None where the clip has no usable plates.

    time: s on the clip's clock; extras: the clip's, see Plates.of. RMSE in body weights.
    """
    plates = Plates.of(extras)
    if plates is None:
        return None
    out = {}
    for side, foot in enumerate(FEET):
        at = plates.judged(side, time)
        if at.sum() < 3:
            continue
        truth = plates.force_at(side, time[at])
        off = metrics.force_rmse_bw(force[at, side], truth, mass_kg)
        alike = metrics.force_correlation(force[at, side], truth)
        x, y, z = (float(v) for v in off)
        rx, ry, rz = (float(v) if np.isfinite(v) else None for v in alike)
        both = (truth[:, 2:] > LOADED_N) & (force[at, side, 2:] > LOADED_N)
        place = np.where(both, plates.centre_at(side, time[at]), np.nan)
        distance = metrics.cop_rmse_mm(centre[at, side, :2], place[:, :2])
        out[foot] = PlateScores(
            rmse_bw=(x, y, z),
            correlation=(rx, ry, rz),
            centre_of_pressure_rmse_mm=distance if np.isfinite(distance) else None,
            seconds=float(at.sum() * np.median(np.diff(time))),
        )
    return out or None
