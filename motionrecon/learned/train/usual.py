"""The kinds of learned optimizers that can be trained, and what is usual for each."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from motionrecon.learned.train.options import StartOptions, TrainOptions, WindowOptions

CLASSICAL = ("optimus", "optimus-factorised", "optimus-paper", "adafactor-mlp")
MOTION = ("steered-gauss-newton", "optimus-motion-plain", "adafactor-mlp-motion")
STARTS = ("optimus-start",)

_MOTION = TrainOptions(
    steps=400,
    particles=8,
    sigma=0.02,
    learning_rate=3e-3,
    clip_gradient=math.inf,
    clip_pair=1.0,
    validate_every=50,
)
_EVALUATIONS = WindowOptions(
    clock="evaluations", truncation=10.0, episode=30.0, stages=("cold", "whole", "synthetic")
)
_STARTS = TrainOptions(
    steps=5500,
    particles=8,
    learning_rate=4e-4,
    warmup=200,
    average=0.995,
    clip_gradient=math.inf,
    validate_every=250,
    starts=StartOptions(regulator=False, gated=True, imitation=1500),
)
_USUAL = dict.fromkeys(CLASSICAL, TrainOptions()) | {
    "steered-gauss-newton": _MOTION,
    "optimus-motion-plain": dataclasses.replace(_MOTION, windows=_EVALUATIONS),
    "adafactor-mlp-motion": dataclasses.replace(_MOTION, windows=_EVALUATIONS, sigma=0.01),
    "optimus-start": _STARTS,
}
USUAL: dict[str, TrainOptions] = {
    name: dataclasses.replace(options, kind=name, out=Path("runs") / name)
    for name, options in _USUAL.items()
}
