"""Force plates on a clip's clock and in its axes, each contact given to the foot that made it."""

import numpy as np

from motionrecon.anatomy.points import Points
from motionrecon.io.base import Plates
from motionrecon.runs import runs

LOADED_N = 20.0  # N, less is no contact: the usual threshold of plates
_GAP_S, _SHORTEST_S = 0.02, 0.03
_CLEAR = 1.3  # the other foot must be so much further from the centre of pressure
FOOT = ("ankle", "heel", "toe", "big_toe", "small_toe")


def to_extras(
    plates: Plates,
    turn: np.ndarray,
    keypoints: np.ndarray,
    names: tuple[str, ...],
    fps: float,
    begin: float = 0.0,
) -> tuple[dict, str]:
    """(grf_time (G,) s, grf_force (G, 3, 3) N on the person, grf_cop (G, 3, 3) m, grf_names, what
    was found in words).

    turn (3, 3) takes the file's axes to ours; keypoints (T, J, 3) m at fps are those of the clip,
    the first at `begin` s on the plates' clock. A contact (a plate loaded by more than 20 N)
    belongs to the foot whose keypoints are nearest to its centre of pressure; where neither is
    clearly nearer it is kept as "both". Files disagree about the sign (force on the plate, or of
    it): the floor pushes.
    """
    force, cop = plates.force @ turn.T, plates.cop @ turn.T
    force = np.nan_to_num(force)
    step = float(plates.time[1] - plates.time[0]) if len(plates.time) > 1 else 1.0
    loaded_any = np.abs(force[..., 2]) > LOADED_N
    if loaded_any.any() and np.median(force[..., 2][loaded_any]) < 0:
        force = -force
    frame = np.clip(np.rint((plates.time - begin) * fps), 0, len(keypoints) - 1).astype(int)
    p = Points(keypoints, names)
    feet = [p.mean(*(f"{s}_{part}" for part in FOOT))[frame] for s in "lr"]
    out_force, out_cop = np.zeros((len(force), 3, 3)), np.full((len(force), 3, 3), np.nan)
    weight, moment = np.zeros((len(force), 3)), np.zeros((len(force), 3, 3))
    counts = [0, 0, 0]
    for k in range(force.shape[1]):
        for first, after in _contacts(force[:, k, 2] > LOADED_N, step):
            at = slice(first, after)
            column = _whose(cop[at, k], [f[at] for f in feet])
            counts[column] += 1
            out_force[at, column] += force[at, k]
            load = np.where(np.isfinite(cop[at, k]).all(axis=-1), force[at, k, 2], 0.0)
            weight[at, column] += load
            moment[at, column] += load[:, None] * np.nan_to_num(cop[at, k])
    held = weight > LOADED_N
    out_cop[held] = moment[held] / weight[held][:, None]
    used = [i for i in range(3) if counts[i]] or [0, 1]
    words = (
        ", ".join(
            f"{counts[i]} {('left', 'right', 'of either foot')[i]}" for i in range(3) if counts[i]
        )
        or "none"
    )
    extras = {
        "grf_time": plates.time,
        "grf_force": out_force[:, used],
        "grf_cop": out_cop[:, used],
        "grf_names": np.array([("left", "right", "both")[i] for i in used]),
    }
    return extras, f"force plates: contacts {words}"


def _contacts(loaded: np.ndarray, step: float) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, after in runs(loaded):
        if joined and (first - joined[-1][1]) * step < _GAP_S:
            joined[-1] = (joined[-1][0], after)
        else:
            joined.append((first, after))
    return [(a, b) for a, b in joined if (b - a) * step >= _SHORTEST_S]


def _whose(cop: np.ndarray, feet: list[np.ndarray]) -> int:
    """0 left, 1 right, 2 not clear."""
    distance = []
    for foot in feet:
        d = np.linalg.norm((foot - cop)[:, :2], axis=1)
        distance.append(float(np.median(d[np.isfinite(d)])) if np.isfinite(d).any() else np.inf)
    near = int(np.argmin(distance))
    if not np.isfinite(distance[near]) or distance[1 - near] < _CLEAR * distance[near]:
        return 2
    return near
