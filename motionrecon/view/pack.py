"""Arrays as base64 text for the page: int16 with one step and offset an array, or float32."""

import base64

import numpy as np

_NAN = -32768


def floats(values: np.ndarray) -> dict:
    """float32: for what is short, or must keep its relative precision."""
    values = np.asarray(values)
    return {"shape": list(values.shape), "type": "float32", "data": _text(values.astype("<f4"))}


def steps(values: np.ndarray) -> dict:
    """int16: off by at most half of the range / 65534. NaN stays NaN."""
    values = np.asarray(values, float)
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    step = max((high - low) / 65534, 1e-12)
    offset = low + 32767 * step
    whole = np.where(known, np.rint((np.where(known, values, offset) - offset) / step), _NAN)
    return {
        "shape": list(values.shape),
        "type": "int16",
        "step": step,
        "offset": offset,
        "data": _text(whole.astype("<i2")),
    }


def bytes_of(values: np.ndarray) -> dict:
    """uint8, as they are."""
    return {"shape": list(values.shape), "type": "uint8", "data": _text(values.astype("u1"))}


def words(values: np.ndarray) -> dict:
    """uint16, as they are."""
    return {"shape": list(values.shape), "type": "uint16", "data": _text(values.astype("<u2"))}


def unpack(packed: dict) -> np.ndarray:
    """What the page's script reads, for those who read a page with Python."""
    raw = base64.b64decode(packed["data"])
    if packed["type"] == "float32":
        return np.frombuffer(raw, "<f4").reshape(packed["shape"]).astype(float)
    if packed["type"].startswith("uint"):
        whole = np.frombuffer(raw, "u1" if packed["type"] == "uint8" else "<u2")
        return whole.reshape(packed["shape"]).astype(int)
    whole = np.frombuffer(raw, "<i2").reshape(packed["shape"])
    return np.where(whole == _NAN, np.nan, whole * packed["step"] + packed["offset"])


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
