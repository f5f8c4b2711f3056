"""The step that lays a file of ground forces under a clip, and makes sure that they belong
together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.points import Points
from motionrecon.clip.reading import Reading
from motionrecon.errors import ClipError
from motionrecon.io.base import ForceFile, Plates
from motionrecon.io.detect import UNITS, UP_AXES
from motionrecon.io.plates import FOOT, to_extras

# A centre of pressure lies between a foot's keypoints. In two walks and a run whose forces are
# their own, all of a plate's samples are within 0.1 m of one; 0.2 s late, 77 to 90 %.
_NEAR_M, _MET = 0.2, 0.95
_LEAST_S = 0.05  # on both clocks together, and of load: shorter shows nothing
_FIRM_N = 50.0  # below it the centre of pressure is noise over noise
# Axes that are turned against the clip's are believed where they bring the forces so much nearer.
_TURNED_PENALTY = 2.0


@dataclass(frozen=True)
class _Fit:
    """A way to read the file: metres in its unit; rotation (3, 3) to our axes; how (words); met
    (P,): share of a plate's loaded samples that a foot is near to, NaN for one without load;
    distance (P,): their median, m.
    """

    unit: str
    rotation: Float[np.ndarray, "3 3"]
    how: str
    met: Float[np.ndarray, " P"]
    distance: Float[np.ndarray, " P"]
    penalty: float

    @property
    def good(self) -> bool:
        return bool((self.met[np.isfinite(self.met)] >= _MET).all())

    @property
    def cost(self) -> float:
        return float(np.nanmax(self.distance)) * self.penalty


def pair(reading: Reading) -> Reading:
    """With the contacts of raw.forces as extras grf_*, on the clip's clock, in its axes, each given
    to its foot. Raises ClipError, naming the file of forces, where they are on another clock, no
    plate is loaded, or a plate that is loaded is met by no foot.
    """
    file = reading.raw.forces
    if file is None:
        return reading
    stamps = reading.raw.time
    begin = float(stamps[0]) if stamps is not None else 0.0
    file = _on_clock(reading, file, begin)
    fits = _fits(reading, file, begin)
    good = [fit for fit in fits if fit.good]
    if not good:
        raise _unmet(file, min(fits, key=lambda fit: fit.cost))
    best = min(good, key=lambda fit: fit.cost)
    plates = file.plates
    scaled = Plates(plates.time, plates.force, plates.cop * UNITS[best.unit])
    measured, found = to_extras(
        scaled, best.rotation, reading.positions, reading.names, reading.fps, begin
    )
    kept = {k: v for k, v in reading.extras.items() if not k.startswith("grf_")}
    reading = reading.replace(extras=kept | measured)
    return reading.found(
        f"forces of {file.path.name}: {best.how}, {best.unit}, at most "
        f"{1e3 * np.nanmax(best.distance):.0f} mm from the feet (median of a plate)",
        found,
    )


def _on_clock(reading: Reading, file: ForceFile, begin: float) -> ForceFile:
    """The samples within the clip's time."""
    time = file.plates.time
    end = begin + (len(reading.positions) - 1) / reading.fps
    within = (time >= begin) & (time <= end)
    if not within.any() or np.ptp(time[within]) < _LEAST_S:
        raise ClipError(
            f"{file.path}: forces run from {time[0]:g} to {time[-1]:g} s, the clip from {begin:g} "
            f"to {end:g} s: they are on another clock; shift the times of one of them"
        )
    p = file.plates
    return ForceFile(file.path, Plates(time[within], p.force[within], p.cop[within]), file.names)


def _fits(reading: Reading, file: ForceFile, begin: float) -> list[_Fit]:
    """One for every unit and turn. Raises ClipError where no plate carries anybody."""
    plates = file.plates
    firm = np.linalg.norm(np.nan_to_num(plates.force), axis=-1) > _FIRM_N  # (G, P)
    step = float(np.median(np.diff(plates.time)))
    loaded = firm.sum(axis=0) * step >= _LEAST_S
    if not loaded.any():
        raise ClipError(
            f"{file.path}: no plate carries more than {_FIRM_N:g} N while the clip lasts: these "
            "are no forces of its steps"
        )
    frame = np.rint((plates.time - begin) * reading.fps).astype(int)
    feet = _feet(reading)[np.clip(frame, 0, len(reading.positions) - 1)]  # (G, F, 2)
    fits = []
    for how, rotation, penalty in _turns(plates.force[firm]):
        cop = plates.cop @ rotation.T
        for unit, metres in UNITS.items():
            met, distance = (np.full(len(loaded), np.nan) for _ in range(2))
            for k in np.flatnonzero(loaded):
                away = _distance(feet[firm[:, k]], metres * cop[firm[:, k], k, :2])
                if away.size:
                    met[k], distance[k] = (away < _NEAR_M).mean(), np.median(away)
            fits.append(_Fit(unit, rotation, how, met, distance, penalty))
    if np.isnan(fits[0].met).all():
        raise ClipError(
            f"{file.path}: no foot is seen while plates are loaded: whose forces they are cannot "
            "be told"
        )
    return fits


def _feet(reading: Reading) -> Float[np.ndarray, "T F 2"]:
    """Places on the ground of all keypoints of the feet and of each foot's middle."""
    p = Points(reading.positions, reading.names)
    parts = [[f"{side}_{part}" for part in FOOT] for side in "lr"]
    points = [p(n) for side in parts for n in side] + [p.mean(*side) for side in parts]
    return np.stack(points, axis=1)[..., :2]


def _distance(feet: Float[np.ndarray, "G F 2"], cop: Float[np.ndarray, "G 2"]) -> np.ndarray:
    """m, of the centres that are known from the nearest of the points that are seen, (g,)."""
    away = np.linalg.norm(feet - cop[:, None], axis=-1)
    nearest = np.where(np.isfinite(away), away, np.inf).min(axis=1)
    return nearest[np.isfinite(nearest)]


def _turns(force: Float[np.ndarray, "N 3"]) -> Iterator[tuple[str, np.ndarray, float]]:
    """(words, rotation to z up, penalty): up is along the axis that carries the weight; then
    quarter turns about it.
    """
    mean = np.nan_to_num(force).mean(axis=0)
    axis = "xyz"[int(np.argmax(np.abs(mean)))]
    for sign in ("", "-"):
        for quarters in range(4):
            a = 0.5 * np.pi * quarters
            about = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
            how = f"{sign}{axis} up" + (f", turned by {90 * quarters} degrees" if quarters else "")
            penalty = _TURNED_PENALTY if sign or quarters else 1.0
            yield how, np.rint(about) @ UP_AXES[sign + axis], penalty


def _unmet(file: ForceFile, fit: _Fit) -> ClipError:
    worst = int(np.nanargmin(fit.met))
    return ClipError(
        f"{file.path}: plate {worst + 1} ('{file.names[worst]}') is loaded where no foot is: its "
        f"centre of pressure is {fit.distance[worst]:.2f} m (median) from the nearest foot, within "
        f"{_NEAR_M:g} m for {100 * fit.met[worst]:.0f} % of the time: these are forces of another "
        "trial, on another clock or in another frame"
    )
