"""Weights of learned optimizers on disk: `config.json` and `weights.safetensors` in a folder.

The originals that ship lie in the package, motionrecon/learned/weights/NAME, and are read through
importlib.resources; models/NAME of the repository holds their model cards and links to them.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from motionrecon.atomic import write_atomically
from motionrecon.errors import ModelError
from motionrecon.optimizers import resolve

WEIGHTS = files("motionrecon.learned") / "weights"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A form of learned optimizer: the `module` that defines it, its configuration's class there,
    and the precision its meta-parameters are kept in.

    The module offers `template(config)`: nested dicts of anything with a `shape`. It is imported
    when weights of that kind are read, so that a policy in numpy does not wait for JAX.
    """

    module: str
    config: str
    precision: type[np.floating]


KINDS = {
    "optimus": Kind("motionrecon.learned.optimus", "OptimusConfig", np.float32),
    "adafactor-mlp": Kind("motionrecon.learned.adafactor", "AdafactorMlpConfig", np.float32),
    "law": Kind("motionrecon.learned.law.network", "LawConfig", np.float32),
    "steered-gauss-newton": Kind("motionrecon.learned.steered.policy", "PolicyConfig", np.float64),
}


def available() -> tuple[str, ...]:
    """Names of the weights in the package; `load` reads every one of them."""
    names = [p.name for p in WEIGHTS.iterdir() if (p / "weights.safetensors").is_file()]
    return tuple(sorted(names))


def locate(where: str | Path) -> Traversable:
    """The folder of weights: a shipped name (str), or a folder of one's own (Path).

    Raises ModelError where there are no weights.
    """
    if isinstance(where, str):
        name = resolve(where)
        if name not in available():
            raise ModelError(
                f"no weights called {where!r}: there are {', '.join(available()) or 'none'}; "
                "give a Path for a folder of your own"
            )
        return WEIGHTS / name
    if not (where / "weights.safetensors").is_file():
        raise ModelError(f"no weights in {where}: expected weights.safetensors and config.json")
    return where


def save(folder: Path, config: Any, theta: Mapping[str, Any]) -> None:
    """Writes weights.safetensors and config.json of meta-parameters (nested dicts of arrays) into
    `folder`, which is made.
    """
    kind = next(n for n, k in KINDS.items() if type(config).__name__ == k.config)
    arrays = {name: np.asarray(a, KINDS[kind].precision) for name, a in leaves(theta).items()}
    write_arrays(Path(folder) / "weights.safetensors", arrays)
    write_json(Path(folder) / "config.json", {"kind": kind, **dataclasses.asdict(config)})


def load(where: str | Path) -> tuple[Any, dict[str, Any]]:
    """(configuration, meta-parameters as nested dicts of arrays) of a shipped name or a folder.

    Raises ModelError for an unknown name, a damaged file, weights of another configuration, and
    values that are not finite.
    """
    folder = locate(where)
    fields = read_json(folder / "config.json")
    try:
        kind = KINDS[resolve(fields.pop("kind"))]
        module = importlib.import_module(kind.module)
        config = _configuration(getattr(module, kind.config), fields)
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise ModelError(
            f"{folder / 'config.json'} is of another version: {error!r}; expected a kind of "
            f"{', '.join(KINDS)} and its own fields"
        ) from error
    arrays = read_arrays(folder / "weights.safetensors")
    wanted = {name: tuple(leaf.shape) for name, leaf in leaves(module.template(config)).items()}
    found = {name: a.shape for name, a in arrays.items()}
    if wanted != found:
        wrong = min(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise ModelError(
            f"weights in {folder} are of another configuration: "
            f"{wrong} is {found.get(wrong)}, expected {wanted.get(wrong)}"
        )
    return config, _nested({name: arrays[name] for name in wanted})


def _configuration(kind: type, fields: Mapping[str, Any]) -> Any:
    """One of the dataclass `kind`. Raises KeyError for a field that it lacks, ValidationError for
    one of another type.
    """
    if unknown := fields.keys() - {f.name for f in dataclasses.fields(kind)}:
        raise KeyError(min(unknown))
    return msgspec.convert(fields, kind)


def read_arrays(path: Traversable) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file. Raises ModelError where it is missing, damaged, or holds
    values that are not finite.
    """
    try:
        arrays = safetensors.numpy.load(path.read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{path} is missing or damaged: {error}; fetch or train it again"
        ) from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelError(
                f"{path}: {name} holds values that are not finite; fetch or train it again"
            )
    return arrays


def read_json(path: Traversable) -> dict[str, Any]:
    """The object in a JSON file. Raises ModelError where it is missing, damaged or no object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is missing or damaged: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds {type(value).__name__}, expected an object of named fields")
    return value


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A safetensors file that appears whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = safetensors.numpy.save({name: np.asarray(a, order="C") for name, a in arrays.items()})
    with write_atomically(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file that appears whole or not at all."""
    with write_atomically(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves of nested dicts by their paths, joined with slashes."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= leaves(value, f"{prefix}{key}/")
        else:
            found[prefix + key] = value
    return found


def _nested(found: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `leaves`."""
    tree: dict[str, Any] = {}
    for path, leaf in found.items():
        *parents, name = path.split("/")
        at = tree
        for key in parents:
            at = at.setdefault(key, {})
        at[name] = leaf
    return tree
