"""Weights of learned optimizers on disk: weights.safetensors and config.json in a folder,
models/<name>/ for the shipped ones.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from motionrecon.errors import ModelError
from motionrecon.learned import learned
from motionrecon.learned.adafactor.adafactor_mlp import AdafactorMlpConfig
from motionrecon.learned.optimus.optimus import OptimusConfig

MODELS = Path(__file__).resolve().parents[2] / "models"
KINDS = {"optimus": OptimusConfig, "adafactor-mlp": AdafactorMlpConfig}


def _named(theta: Any) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_flatten_with_path(theta)[0]
    return {
        "/".join(str(k.key) for k in path): np.asarray(leaf, dtype=np.float32)
        for path, leaf in leaves
    }


def save(folder: Path, config: learned.Config, theta: Any) -> None:
    """Writes weights.safetensors and config.json into `folder`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = next(name for name, of in KINDS.items() if isinstance(config, of))
    save_file(_named(theta), folder / "weights.safetensors")
    (folder / "config.json").write_text(
        json.dumps({"kind": kind, **dataclasses.asdict(config)}, indent=1) + "\n"
    )


def available() -> tuple[str, ...]:
    """Names of the weights shipped in models/."""
    return tuple(sorted(p.parent.name for p in MODELS.glob("*/weights.safetensors")))


def load(name: str, folder: Path | None = None) -> tuple[learned.Config, Any]:
    """(configuration, meta-parameters) of the shipped weights called `name`, or of those in
    `folder`.

    Raises ModelError for an unknown name, a damaged file, or weights that do not fit their
    configuration.
    """
    folder = Path(folder) if folder is not None else MODELS / name
    if not (folder / "weights.safetensors").is_file():
        raise ModelError(
            f"no weights called {name!r} in {folder.parent}: there are {', '.join(available()) or 'none'}"
        )
    try:
        fields = json.loads((folder / "config.json").read_text())
        config = KINDS[fields.pop("kind")](**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{folder / 'config.json'} is missing, damaged or of another version: {error!r}"
        ) from error
    try:
        arrays = load_file(folder / "weights.safetensors")
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{folder / 'weights.safetensors'} is damaged: {error}; fetch or train it again"
        ) from error
    template = jax.eval_shape(lambda: learned.init_theta(config, jax.random.key(0)))
    paths, tree = jax.tree_util.tree_flatten_with_path(template)
    wanted = {"/".join(str(k.key) for k in path): leaf.shape for path, leaf in paths}
    found = {key: array.shape for key, array in arrays.items()}
    if wanted != found:
        wrong = sorted(
            key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)
        )
        raise ModelError(
            f"weights in {folder} are of another configuration: "
            f"{wrong[0]} is {found.get(wrong[0])}, expected {wanted.get(wrong[0])}"
        )
    if not all(np.all(np.isfinite(array)) for array in arrays.values()):
        raise ModelError(
            f"{folder / 'weights.safetensors'} holds values that are not finite; fetch or train it again"
        )
    return config, jax.tree_util.tree_unflatten(tree, [arrays[key] for key in wanted])
