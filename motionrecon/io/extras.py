"""Arrays that come along with a clip: who it is, and what was measured beside it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.io.base import LARGEST_VALUE, check_count

SINGLE = ("body_mass_kg", "activity", "subject")
MEASURED = ("grf_", "id_")  # beginnings of the names of force plates' and joint moments' arrays
LIGHTEST_KG, HEAVIEST_KG = 5.0, 300.0  # as motionrecon.body takes it
# axes after those of the samples (G,) and of the names (P,), (N,)
_SHAPES: dict[str, tuple[int, ...]] = {"grf_force": (3,), "grf_cop": (3,), "id_moments": ()}


def checked(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of a file's arrays that are extras. Raises ClipError, naming file and array, for one
    that is not what its name says: body_mass_kg a number of 5 to 300 kg; grf_time, id_time (G,)
    rising s; grf_force, grf_cop (G, P, 3) N, m; grf_names (P,); id_moments (G, N) N m; id_names
    (N,); NaN for what is not known, nothing infinite. activity and subject pass where they are one
    value.

    In plain words: what passes here can be used without another look.
    """
    extras = {k: v for k, v in arrays.items() if k in SINGLE or k.startswith(MEASURED)}
    for key in ("activity", "subject"):
        if key in extras and (extras[key].size != 1 or extras[key].dtype.kind not in "USfiu"):
            del extras[key]
    if "body_mass_kg" in extras:
        extras["body_mass_kg"] = _mass(path, extras["body_mass_kg"])
    for kind, beginning in (("force plates", "grf_"), ("joint moments", "id_")):
        if any(k.startswith(beginning) for k in extras):
            _measured(path, kind, beginning, extras)
    return extras


def _mass(path: Path, array: np.ndarray) -> np.ndarray:
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise _error(path, "body_mass_kg", array, "one number of kilograms")
    mass = float(array.reshape(()))
    if not LIGHTEST_KG <= mass <= HEAVIEST_KG:
        raise ClipError(
            f"{path}: 'body_mass_kg' is {mass:g}; expected {LIGHTEST_KG:g} to {HEAVIEST_KG:g} "
            "kg: correct it, or leave it out and give --mass"
        )
    return array.reshape(())


def _measured(path: Path, kind: str, beginning: str, extras: dict[str, np.ndarray]) -> None:
    time, samples = extras.get(f"{beginning}time"), None
    if time is not None:
        if time.ndim != 1 or time.dtype.kind not in "fiu" or not len(time):
            raise _error(path, f"{beginning}time", time, "seconds (G,)")
        samples = len(time)
        if not np.isfinite(time).all() or (np.diff(time.astype(float)) <= 0).any():
            raise ClipError(f"{path}: '{beginning}time' does not rise: no seconds of {kind}")
    names = extras.get(f"{beginning}names")
    for key, axes in _SHAPES.items():
        if key not in extras or not key.startswith(beginning):
            continue
        array = extras[key]
        if names is not None and (names.ndim > 1 or names.dtype.kind not in "US"):
            raise _error(path, f"{beginning}names", names, "text, a name a column")
        columns = names.size if names is not None else array.shape[1] if array.ndim > 1 else 1
        samples = len(np.atleast_1d(array)) if samples is None else samples
        want = (samples, columns, *axes)
        if not array.size or array.dtype.kind not in "fiu" or array.shape != want:
            raise _error(path, key, array, f"numbers {want}")
        check_count(path, array.size)
        if (np.abs(array) > LARGEST_VALUE).any():  # NaN is not
            raise ClipError(f"{path}: '{key}' holds numbers beyond {LARGEST_VALUE:g}: damaged")


def _error(path: Path, key: str, array: np.ndarray, expected: str) -> ClipError:
    found = f"{array.dtype} of shape {array.shape}"
    return ClipError(
        f"{path}: '{key}' is {found}; expected {expected}: correct it, or leave it out"
    )
