"""Weights of optimus-motion on disk: weights.safetensors and config.json in a folder,
models/<name>/ when shipped.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from motionrecon.errors import ModelError
from motionrecon.learned.motion_policy import PolicyConfig, shapes

MODELS = Path(__file__).resolve().parents[2] / "models"


def save(folder: Path, config: PolicyConfig, theta: dict[str, np.ndarray]) -> None:
    """Writes weights.safetensors and config.json into `folder`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: np.ascontiguousarray(a, np.float64) for name, a in theta.items()},
        folder / "weights.safetensors",
    )
    text = json.dumps({"kind": "optimus-motion", **dataclasses.asdict(config)}, indent=1)
    (folder / "config.json").write_text(text + "\n")


def load(folder: Path) -> tuple[PolicyConfig, dict[str, np.ndarray]]:
    """(configuration, meta-parameters) in `folder`. Raises ModelError for what is missing, damaged
    or does not fit.
    """
    folder = Path(folder)
    try:
        fields = json.loads((folder / "config.json").read_text())
        if fields.pop("kind") != "optimus-motion":
            raise ValueError("kind is not optimus-motion")
        config = PolicyConfig(**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{folder / 'config.json'} is missing, damaged or of another version: {error!r}"
        ) from error
    path = folder / "weights.safetensors"
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{path} is missing or damaged: {error}; fetch or train it again"
        ) from error
    found, wanted = {name: a.shape for name, a in arrays.items()}, shapes(config)
    if found != wanted:
        wrong = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))[0]
        raise ModelError(
            f"{path}: {wrong} is {found.get(wrong)}, expected {wanted.get(wrong)}: of another configuration"
        )
    if not all(np.isfinite(a).all() for a in arrays.values()):
        raise ModelError(f"{path} holds values that are not finite; fetch or train it again")
    return config, {name: arrays[name] for name in wanted}
