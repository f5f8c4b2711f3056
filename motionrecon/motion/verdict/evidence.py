"""What the checks look at, computed once: the motion, its clip, and the forces both speak of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from motionrecon.anatomy.points import Points
from motionrecon.anatomy.points import stature as stature_of
from motionrecon.clip.clip import Clip
from motionrecon.motion import demand
from motionrecon.motion.kind import Kind, kind_of
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Report
from motionrecon.motion.unexplained import longest


@dataclass(frozen=True, eq=False)
class Evidence:
    """A motion with its report, and the clip that it was reconstructed from."""

    motion: Motion
    report: Report
    clip: Clip

    @cached_property
    def stature(self) -> float:
        """m, by the clip's limbs."""
        return stature_of(self.clip.keypoints, self.clip.names)

    @property
    def noise_m(self) -> float:
        """m, of the clip, a coordinate."""
        return self.report.noise_mm / 1e3

    @cached_property
    def seen(self) -> Points:
        """The input's keypoints by name."""
        return Points(self.motion.input_keypoints, self.motion.keypoint_names)

    @cached_property
    def demand(self) -> demand.Demand:
        """What the input asks of the floor, at the frames."""
        return demand.of(self.motion, self.noise_m)

    @property
    def step(self) -> float:
        """s, of the forces; those of the frames serve where the simulation's are left out."""
        return self.motion.forces[0]

    @cached_property
    def step_time(self) -> Float[np.ndarray, "N"]:
        """s, of the simulated forces."""
        return self.step * np.arange(len(self.motion.forces[1]))

    @cached_property
    def asked(self) -> Float[np.ndarray, "N 3"]:
        """Body weights that the input asks of the floor, at the simulation's steps."""
        force = self.demand.force
        time = self.motion.time - self.motion.time[0]
        columns = [np.interp(self.step_time, time, force[:, k]) for k in range(3)]
        return np.stack(columns, axis=1)

    @cached_property
    def known(self) -> Bool[np.ndarray, "N"]:
        """Steps at which `asked` is known from both sides."""
        reach = self.demand.half / self.motion.fps
        end = self.motion.time[-1] - self.motion.time[0] - reach
        return (self.step_time >= reach) & (self.step_time <= end)

    @cached_property
    def feet(self) -> Float[np.ndarray, "N 2 3"]:
        """Body weights of the floor on each foot, at the simulation's steps."""
        return self.motion.forces[1] / self.motion.weight

    @cached_property
    def floor(self) -> Float[np.ndarray, "N 3"]:
        """Body weights of the floor on the whole body, at the simulation's steps."""
        return self.feet.sum(axis=1) + self.motion.forces[2] / self.motion.weight

    @cached_property
    def kind(self) -> Kind:
        """Of the motion that the input shows."""
        return kind_of(self.motion, self.demand.force)

    def longest_s(self, flags: Bool[np.ndarray, "T"]) -> float:
        """s, the longest run of frames."""
        return longest(flags) / self.motion.fps
