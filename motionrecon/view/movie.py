"""Frames to an MP4: H.264 by PyAV, else OpenCV's mp4v."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from motionrecon.atomic import write_atomically
from motionrecon.errors import OutputError


def write_movie(frames: Iterable[np.ndarray], path: str | Path, fps: float) -> Path:
    """frames (H, W, 3) uint8 RGB, H and W even. Written whole or not at all. Raises OutputError."""
    path = Path(path)
    with write_atomically(path) as part:
        (_h264 if _has_h264() else _mp4v)(frames, part, fps)
    return path


def write_picture(picture: np.ndarray, path: str | Path) -> Path:
    """(H, W, 3) uint8 RGB as PNG of 256 colours, a third of the size. Raises OutputError."""
    path = Path(path)
    with write_atomically(path) as part:
        Image.fromarray(picture).quantize(256).save(part, optimize=True)
    return path


def _has_h264() -> bool:
    try:
        import av

        av.Codec("libx264", "w")
    except Exception:  # noqa: BLE001  no package, or a build of it without this codec, each with an error of its own
        return False
    return True


def _h264(frames: Iterable[np.ndarray], path: Path, fps: float) -> None:
    import av

    with av.open(str(path), "w") as file:
        rate = Fraction(fps).limit_denominator(1000)
        stream = file.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "fast"})
        stream.pix_fmt = "yuv420p"  # what browsers and phones play
        stream.thread_count = 1
        size = None
        for frame in frames:
            if size is None:
                size = stream.height, stream.width = frame.shape[:2]
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)


def _mp4v(frames: Iterable[np.ndarray], path: Path, fps: float) -> None:
    writer = None
    for frame in frames:
        if writer is None:
            writer = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, frame.shape[1::-1]
            )
            if not writer.isOpened():
                raise OutputError(f"{path}: OpenCV cannot write MP4 here; pip install av")
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    if writer is not None:
        writer.release()
