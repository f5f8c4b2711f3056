"""Sizes of the law's network."""

from __future__ import annotations

import dataclasses
from typing import Literal

from motionrecon.errors import ModelError


@dataclasses.dataclass(frozen=True)
class LawConfig:
    """encoder: how a frame learns of those around it: self-attention over the window's frames and
    those `ahead` of its end, or an "mlp" over the frame and the next three. width: of an embedding,
    a multiple of heads. layers: of the encoder, >= 1. hidden: units of the head in the loop.
    regulator: whether the network corrects the linear-quadratic regulator, or no feedback at all.
    gated: whether the head also answers errors with gains that the frame sets. token, error,
    joints: sizes of what it reads and says, of the body.
    """

    encoder: Literal["transformer", "mlp"] = "transformer"
    width: int = 128
    heads: int = 4
    layers: int = 3
    hidden: int = 256
    ahead: int = 8
    frames: int = 20
    regulator: bool = True
    gated: bool = False
    token: int = 0
    error: int = 0
    joints: int = 0

    def __post_init__(self) -> None:
        sizes = (self.width, self.heads, self.layers, self.hidden, self.frames)
        if min(sizes) < 1 or self.ahead < 0 or self.width % self.heads:
            raise ModelError(
                f"sizes of at least 1 and a width that heads divide are needed: got {self}"
            )
        if self.encoder not in ("transformer", "mlp"):
            raise ModelError(f"encoder is {self.encoder!r}: expected transformer or mlp")
