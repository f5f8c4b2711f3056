"""Options of what there is to look at, shared by reconstruct, view and compare."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from motionrecon.view.video import VideoOptions


@dataclass(frozen=True)
class View:
    """Something to look at."""

    page: bool = False
    """write view.html, an interactive page that needs no network"""
    video: bool = False
    """write video.mp4"""
    figures: bool = False
    """write metrics.png and forces.png"""

    def any(self) -> bool:
        """Whether one of them is asked for."""
        return self.page or self.video or self.figures


@dataclass(frozen=True)
class Video:
    """The video."""

    width: int = 1280
    """pixels, 64 to 8192"""
    height: int = 720
    """pixels, 64 to 8192"""
    speed: float = 1.0
    """seconds of motion a second of video, above 0; 0.5 is slow motion"""
    renderer: Literal["auto", "mujoco", "opencv"] = "auto"
    """mujoco needs a GL, opencv nothing"""

    def options(self) -> "VideoOptions":
        """Those of motionrecon.view.video. Raises ViewError for values that make no video."""
        from motionrecon.view.video import VideoOptions

        return VideoOptions(self.width, self.height, speed=self.speed, renderer=self.renderer)
