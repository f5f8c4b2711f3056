"""The law's network: an encoder of the reference's frames, and a head in the loop that turns a
frame's embedding and the state's error into the next knot.

One code for numpy and for JAX: `xp` is the module of array functions. Pre-norm Transformer (Xiong
et al., ICML 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float

from motionrecon.learned.law.config import LawConfig

__all__ = ["LawConfig", "decide", "decide_back", "encode", "init_theta", "shapes", "template"]

Theta = Mapping[str, Any]
Array = Any  # numpy's or JAX's
_NEXT = 3  # frames after its own that the mlp sees
_GAIN = 0.2  # rad, of an output of one
_REACH = 4.0  # usual errors beyond which an error counts no more
_ROOT, _CUBE = 0.7978845608, 0.044715  # sqrt(2 / pi), and a fit (Hendrycks & Gimpel 2016)


def shapes(c: LawConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights, in the order of the vector that they make."""
    w, read = c.width, c.token + c.joints + 1
    out: dict[str, tuple[int, ...]] = {"mean": (c.token,), "scale": (c.token,)}
    if c.encoder == "transformer":
        out |= {"embed": (read, w), "place": (c.frames + 1 + c.ahead, w)}
        for i in range(c.layers):
            out |= {
                f"layer{i}/norm": (w,),
                f"layer{i}/attend": (w, 3 * w),
                f"layer{i}/join": (w, w),
                f"layer{i}/norm2": (w,),
                f"layer{i}/up": (w, 4 * w),
                f"layer{i}/up_bias": (4 * w,),
                f"layer{i}/down": (4 * w, w),
            }
    else:
        out |= {"embed": ((1 + _NEXT) * read, w)}
        for i in range(c.layers):
            out |= {f"layer{i}/up": (w, w), f"layer{i}/up_bias": (w,)}
    out |= {
        "in_frame": (w, c.hidden),
        "in_next": (w, c.hidden),
        "in_error": (c.error, c.hidden),
        "in_bias": (c.hidden,),
        "out": (c.hidden, c.joints),
        "out_frame": (w, c.joints),
        "out_error": (c.error, c.joints),
    }
    if c.gated:
        out |= {
            "gain": (c.error, c.hidden),
            "gate": (w, c.hidden),
            "out_gain": (c.hidden, c.joints),
        }
    return out


def template(c: LawConfig) -> dict[str, Any]:
    """Arrays of the shapes that weights of this configuration have, as nested dicts."""
    tree: dict[str, Any] = {}
    for path, shape in shapes(c).items():
        *parents, name = path.split("/")
        at = tree
        for key in parents:
            at = at.setdefault(key, {})
        at[name] = np.empty(shape, np.float32)
    return tree


def init_theta(c: LawConfig, seed: int) -> dict[str, np.ndarray]:
    """Untrained weights, flat by path: what is said is zero, so that the law is the regulator."""
    rng, theta = np.random.default_rng(seed), {}
    for path, shape in shapes(c).items():
        name = path.split("/")[-1]
        if name in ("norm", "norm2", "scale"):
            theta[path] = np.ones(shape)
        elif name in ("out", "out_frame", "out_error", "out_gain", "mean", "in_bias", "up_bias"):
            theta[path] = np.zeros(shape)
        elif name == "place":
            theta[path] = 0.02 * rng.standard_normal(shape)
        else:
            theta[path] = rng.standard_normal(shape) / np.sqrt(shape[0])
    return theta


def encode(
    theta: Theta, c: LawConfig, tokens: Float[Array, "... K D"], xp: ModuleType
) -> Float[Array, "... K width"]:
    """Embeddings of a window's frames and those ahead; tokens: see `view.View`."""
    own = (tokens[..., : c.token] - theta["mean"]) / theta["scale"]
    x = xp.concatenate([own, tokens[..., c.token :]], axis=-1)
    if c.encoder == "mlp":
        last = x[..., -1:, :]
        later = [xp.concatenate([x[..., i:, :]] + [last] * i, axis=-2) for i in range(_NEXT + 1)]
        h = xp.concatenate(later, axis=-1) @ theta["embed"]
        for i in range(c.layers):
            h = h + _gelu(h @ theta[f"layer{i}/up"] + theta[f"layer{i}/up_bias"], xp)
        return h
    h = x @ theta["embed"] + theta["place"]
    for i in range(c.layers):
        h = h + _attention(_normed(h, theta[f"layer{i}/norm"], xp), theta, i, c, xp)
        up = _normed(h, theta[f"layer{i}/norm2"], xp) @ theta[f"layer{i}/up"]
        h = h + _gelu(up + theta[f"layer{i}/up_bias"], xp) @ theta[f"layer{i}/down"]
    return h


def decide(
    theta: Theta,
    frame: Float[Array, "... width"],
    following: Float[Array, "... width"],
    error: Float[Array, "... E"],
    xp: ModuleType,
) -> Float[Array, "... nu"]:
    """What is added to the next knot, rad, from the embeddings of this frame and the next."""
    e = _REACH * xp.tanh(error / _REACH)
    h = _gelu(_heard(theta, frame, following, e), xp)
    said = h @ theta["out"] + following @ theta["out_frame"] + e @ theta["out_error"]
    if "gate" in theta:
        said = said + ((e @ theta["gain"]) * (1 + following @ theta["gate"])) @ theta["out_gain"]
    return _GAIN * said


def decide_back(
    theta: Theta,
    frame: Float[np.ndarray, "... width"],
    following: Float[np.ndarray, "... width"],
    error: Float[np.ndarray, "... E"],
    by_knot: Float[np.ndarray, "... nu"],
) -> Float[np.ndarray, "... E"]:
    """A gradient with respect to what `decide` says, with respect to the error. By hand: one call
    of JAX a frame would cost more than the frame's simulation.
    """
    bend = np.tanh(error / _REACH)
    x = _heard(theta, frame, following, _REACH * bend)
    t = np.tanh(_ROOT * (x + _CUBE * x * x * x))
    slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * _ROOT * (1 + 3 * _CUBE * x * x)
    by_said = _GAIN * by_knot
    by_e = (slope * (by_said @ theta["out"].T)) @ theta["in_error"].T
    by_e = by_e + by_said @ theta["out_error"].T
    if "gate" in theta:
        open_by = (by_said @ theta["out_gain"].T) * (1 + following @ theta["gate"])
        by_e = by_e + open_by @ theta["gain"].T
    return (1 - bend * bend) * by_e


def _heard(theta: Theta, frame: Array, following: Array, e: Array) -> Array:
    seen = frame @ theta["in_frame"] + following @ theta["in_next"] + e @ theta["in_error"]
    return seen + theta["in_bias"]


def _attention(h: Array, theta: Theta, i: int, c: LawConfig, xp: ModuleType) -> Array:
    heads, size = c.heads, c.width // c.heads
    parts = (h @ theta[f"layer{i}/attend"]).reshape(*h.shape[:-1], 3, heads, size)
    q, k, v = (xp.swapaxes(parts[..., j, :, :], -2, -3) for j in range(3))
    scores = q @ xp.swapaxes(k, -1, -2) / np.float32(np.sqrt(size))
    weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    weights = weights / xp.sum(weights, axis=-1, keepdims=True)
    mixed = xp.swapaxes(weights @ v, -2, -3).reshape(h.shape)
    return mixed @ theta[f"layer{i}/join"]


def _normed(x: Array, gain: Array, xp: ModuleType) -> Array:
    """RMS norm (Zhang & Sennrich, NeurIPS 2019)."""
    return x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * gain


def _gelu(x: Array, xp: ModuleType) -> Array:
    """The usual approximation by tanh."""
    return 0.5 * x * (1 + xp.tanh(_ROOT * (x + _CUBE * x * x * x)))
