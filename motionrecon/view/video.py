"""The video: each take (and, among several, the input) in a panel of its own, one camera for all,
graphs underneath.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from motionrecon.errors import ViewError
from motionrecon.motion.motion import Motion
from motionrecon.view import palette, plots, solids
from motionrecon.view.camera import Camera, azimuth, distance, path_of
from motionrecon.view.figures import new_figure
from motionrecon.view.gl import MujocoRenderer
from motionrecon.view.lettering import write
from motionrecon.view.movie import write_movie
from motionrecon.view.raycast import Raycaster
from motionrecon.view.take import Take
from motionrecon.view.take import take as take_of

RENDERERS = ("auto", "mujoco", "opencv")
_TITLE = 46  # pixels
PIXELS = (64, 8192)  # as wide as H.264 goes (level 6)
MOST = 1000.0  # times as fast or slow, frames a second: what is more is no video


class Renderer(Protocol):
    """What draws solids as pictures (height, width, 3) uint8 RGB."""

    def draw(self, solids: solids.Solids, camera: Camera) -> np.ndarray:
        """One picture."""

    def close(self) -> None:
        """Give back what it holds."""


@dataclass(frozen=True)
class VideoOptions:
    """Sizes in pixels; both are made even."""

    width: int = 1280
    height: int = 720
    fps: float = 30.0  # Hz, at most; a slower clip keeps its own
    speed: float = 1.0  # seconds of motion a second of video
    renderer: str = "auto"  # mujoco where there is a GL, else opencv (rays cast on the CPU)
    graphs: bool = True  # where the height is at least 400

    def __post_init__(self) -> None:
        """Raises ViewError for values that make no video."""
        low, high = PIXELS
        if not (low <= self.width <= high and low <= self.height <= high):
            raise ViewError(
                f"a video of {self.width} x {self.height} pixels: expected {low} to {high} each way"
            )
        for name, value in (("speed", self.speed), ("rate", self.fps)):
            if not 1 / MOST <= value <= MOST:
                raise ViewError(f"a video's {name} of {value:g}: expected {1 / MOST:g} to {MOST:g}")
        if self.renderer not in RENDERERS:
            raise ViewError(
                f"unknown renderer {self.renderer!r}: choose one of {', '.join(RENDERERS)}"
            )


def make_renderer(name: str, width: int, height: int) -> Renderer:
    """Raises ViewError for MuJoCo without a GL."""
    if name != "opencv":
        try:
            return MujocoRenderer(width, height)
        except RuntimeError as e:
            if name == "mujoco":
                raise ViewError(
                    "MuJoCo finds no off-screen GL (EGL or OSMesa) here; choose --renderer opencv"
                ) from e
    return Raycaster(width, height)


class Film:
    """Pictures of takes at any moment; `close` it when done."""

    def __init__(self, takes: list[Take], title: str, options: VideoOptions) -> None:
        self.takes, self.title, self.options = takes, title, options
        self._longest = max(takes, key=lambda take: len(take.time))
        self._path, self._azimuth = path_of(self._longest), azimuth(self._longest)
        panels = len(takes) + (len(takes) > 1)
        self._width, height = options.width // 2 * 2, options.height // 2 * 2
        self._bottom: np.ndarray | None = None
        self._cursors: list[tuple] = []
        if options.graphs and height >= 400:
            self._bottom, self._cursors = _graphs(takes, self._width, int(0.38 * height))
        rest = height - _TITLE - (len(self._bottom) if self._bottom is not None else 0)
        self._edges = np.linspace(0, self._width, panels + 1).astype(int)
        self._renderer = make_renderer(options.renderer, int(np.diff(self._edges).max()), rest)
        self._height, self._distance = (
            height,
            distance(self._longest, np.diff(self._edges).min() / rest),
        )

    @property
    def rate(self) -> float:
        """Hz, of the video: no frame of the clip is shown twice in a row"""
        steps = np.diff(self._longest.time)
        return float(
            min(self.options.fps, self.options.speed / np.median(steps) if len(steps) else np.inf)
        )

    def frames(
        self, progress: Callable[[float], None] = lambda share: None
    ) -> Iterator[np.ndarray]:
        """All of the video's."""
        step = self.options.speed / self.rate
        times = step * np.arange(int(float(self._longest.time[-1]) / step + 1e-6) + 1)
        for k, now in enumerate(times):
            yield self.frame(now)
            progress((k + 1) / len(times))

    def frame(self, now: float) -> np.ndarray:
        """(H, W, 3) uint8 RGB at a moment, s."""
        t = int(np.argmin(np.abs(self._longest.time - now)))
        camera = Camera(self._path[t], self._azimuth, distance=self._distance)
        many = len(self.takes) > 1
        out = np.full((self._height, self._width, 3), 255, np.uint8)
        write(out, (16, 13), self.title, palette.INK, 18, bold=True)
        write(out, (self._width - 16, 14), f"{now:.2f} s", palette.SOFT, 16, anchor="ra")
        views: list[tuple[Take | None, str]] = [(None, palette.SOFT)] if many else []
        for k, own in enumerate(self.takes):
            views.append((own, palette.TAKES[k % len(palette.TAKES)] if many else palette.BODY))
        rest = self._height - _TITLE - (len(self._bottom) if self._bottom is not None else 0)
        for k, (take, colour) in enumerate(views):
            left, right = self._edges[k : k + 2]
            picture = self._renderer.draw(self._solids(take, t, colour, camera), camera)[
                :, : right - left
            ]
            self._label(picture, take, t, colour, many)
            out[_TITLE : _TITLE + rest, left:right] = picture
            if k:
                out[_TITLE : _TITLE + rest, left - 1 : left + 1] = (213, 218, 225)
        if self._bottom is not None:
            out[-len(self._bottom) :] = self._bottom
            for left, right, top, bottom, low, high in self._cursors:
                x = int(round(left + (now - low) / max(high - low, 1e-9) * (right - left)))
                cv2.line(
                    out,
                    (x, _TITLE + rest + top),
                    (x, _TITLE + rest + bottom),
                    (27, 36, 48),
                    1,
                    cv2.LINE_AA,
                )
        return out

    def _solids(self, take: Take | None, t: int, colour: str, camera: Camera) -> solids.Solids:
        if take is None:
            return solids.join(
                solids.stick(self._longest, t), solids.dots(self._longest, t, camera)
            )
        colour = palette.tint(colour) if len(self.takes) > 1 else colour
        own = min(t, len(take.time) - 1)  # an interrupted motion stands still at its end
        body, arrows = solids.body(take, own, colour), solids.arrows(take, own, camera)
        boxes = solids.supports(take)
        return solids.join(body, boxes, solids.dots(self._longest, t, camera), arrows)

    @staticmethod
    def _label(picture: np.ndarray, take: Take | None, t: int, colour: str, many: bool) -> None:
        if take is None:
            write(picture, (14, 8), "input keypoints", palette.INK, 15, bold=True)
            return
        wide = write(picture, (14, 8), take.label, colour if many else palette.INK, 15, bold=True)
        if t < len(take.time) and np.isfinite(take.errors_mm[t]):
            fits = wide + 130 < picture.shape[1]
            write(
                picture,
                (26 + wide, 9) if fits else (14, 28),
                f"{take.errors_mm[t]:.1f} mm off",
                palette.SOFT,
                14,
            )

    def close(self) -> None:
        """Give the renderer back."""
        self._renderer.close()


def _graphs(takes: list[Take], width: int, height: int) -> tuple[np.ndarray, list[tuple]]:
    """The picture (height, width, 3) under the panels, and for each graph over time where the
    cursor goes: left, right, top, bottom in pixels and first, last in s.
    """
    many, dpi = len(takes) > 1, 100
    figure = new_figure(width / dpi, height / dpi)
    figure.set_dpi(dpi)
    if many:
        grid = figure.add_gridspec(
            2, 4, width_ratios=[1.25, 1.0, 1.0, 0.95 + 0.15 * len(takes)], height_ratios=[1, 1]
        )
        timed = [
            figure.add_subplot(grid[0, 0]),
            figure.add_subplot(grid[1, 0]),
            figure.add_subplot(grid[0, 1]),
        ]
        plots.losses(figure.add_subplot(grid[0, 2]), takes, "evaluations")
        plots.losses(figure.add_subplot(grid[1, 2]), takes, "seconds")
        plots.table(figure.add_subplot(grid[:, 3]), takes)
        timed.append(figure.add_subplot(grid[1, 1]))
        plots.errors(timed[3], takes)
    else:
        axes = figure.subplots(2, 2)
        timed = [axes[0, 0], axes[0, 1], axes[1, 1]]
        plots.errors(axes[1, 0], takes)
        timed.append(axes[1, 0])
    plots.ground_force(timed[0], takes, 0)
    plots.ground_force(timed[1], takes, 1)
    plots.contacts(timed[2], takes)
    handles, labels = timed[0].get_legend_handles_labels()
    if len(handles) > 1:
        look = {"ncols": len(handles), "fontsize": 8, "frameon": False, "handlelength": 3.5}
        figure.legend(handles, labels, loc="outside upper left", **look)
    end = max(float(take.time[-1]) for take in takes)
    for ax in timed:
        ax.set_xlim(-0.01 * end, max(1.01 * end, 1e-3))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3]
    picture = (
        cv2.resize(picture, (width, height))
        if picture.shape[:2] != (height, width)
        else picture.copy()
    )
    cursors = []
    for ax in timed:
        box = ax.get_window_extent()
        cursors.append((box.x0, box.x1, int(height - box.y1), int(height - box.y0), *ax.get_xlim()))
    return picture, cursors


def write_video(
    takes: list[Take],
    path: str | Path,
    title: str,
    options: VideoOptions = VideoOptions(),
    progress: Callable[[float], None] = lambda share: None,
) -> Path:
    """Write the MP4 whole or not at all. Raises OutputError, ViewError."""
    film = Film(takes, title, options)
    try:
        return write_movie(film.frames(progress), path, film.rate)
    finally:
        film.close()


def write_mp4(motion: Motion, folder: Path) -> None:
    """motion.mp4 in `folder`: the video as an export, drawn by rays, which is the quicker without a
    graphics card.
    """
    write_video(
        [take_of(motion, "motion")],
        folder / "motion.mp4",
        "motion",
        VideoOptions(renderer="opencv"),
    )
